/** Clocks of TensorFlow.js's processes. */

/** Median milliseconds of a call, warmed up. */
export async function timed({ warmUps, warmUpMs, calls }, run) {
  const until = performance.now() + warmUpMs;
  for (let i = 0; i < warmUps || performance.now() < until; i++) await run();
  const taken = [];
  for (let i = 0; i < calls; i++) taken.push(await once(run));
  return taken.sort((a, b) => a - b)[Math.floor(taken.length / 2)];
}

/** Milliseconds of one call. */
export async function once(run) {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

/** Notes how long each epoch of `fit` took, and what it logged last. */
export function epochRecorder() {
  const recorder = { milliseconds: [], logs: null, callbacks: {} };
  let began = 0;
  recorder.callbacks.onEpochBegin = () => {
    began = performance.now();
  };
  recorder.callbacks.onEpochEnd = (_, logs) => {
    recorder.milliseconds.push(performance.now() - began);
    recorder.logs = logs;
  };
  return recorder;
}

export const peakRssMb = () => process.resourceUsage().maxRSS / 2 ** 10;
