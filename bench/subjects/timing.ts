/** Clocks of our subject. */
import * as keras from "../../src/node.ts";

/** How often a call is made: `warmUps` times at least and for `warmUpMs`, as a service that runs, then `calls` times. */
export interface Timing {
  readonly warmUps: number;
  readonly warmUpMs: number;
  readonly calls: number;
}

/** Median milliseconds of a call, warmed up. */
export async function timed({ warmUps, warmUpMs, calls }: Timing, run: () => Promise<unknown>): Promise<number> {
  const until = performance.now() + warmUpMs;
  for (let i = 0; i < warmUps || performance.now() < until; i++) await run();
  const taken: number[] = [];
  for (let i = 0; i < calls; i++) taken.push(await once(run));
  return taken.sort((a, b) => a - b)[Math.floor(taken.length / 2)]!;
}

/** Milliseconds of one call. */
export async function once(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

/** Notes how long each epoch took and what the process holds after it. */
export class EpochRecorder extends keras.callbacks.Callback {
  readonly milliseconds: number[] = [];
  readonly rssMb: number[] = [];
  logs: keras.callbacks.Logs | undefined;
  #began = 0;

  override onEpochBegin(): void {
    this.#began = performance.now();
  }

  override onEpochEnd(_epoch: number, logs?: keras.callbacks.Logs): void {
    this.milliseconds.push(performance.now() - this.#began);
    this.logs = logs;
    this.rssMb.push(process.memoryUsage.rss() / 2 ** 20);
  }
}

/** The largest resident memory of this process so far. */
export const peakRssMb = (): number => process.resourceUsage().maxRSS / 2 ** 10;
