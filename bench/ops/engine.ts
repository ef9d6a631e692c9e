/** Measures forms of one computation against each other on the native engine: built, compared, then run in turns. */
import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import { encodeModel } from "../../src/backend/onnx/encode.ts";
import { OnnxModel, type OnnxValue } from "../../src/backend/onnx/model.ts";

/** One way to compute something: emits nodes on a model, gives the result. */
export type Form = (model: OnnxModel, inputs: readonly OnnxValue[]) => OnnxValue;

export interface Timing {
  readonly form: string;
  /** Of all runs, ms. */
  readonly best: number;
  readonly median: number;
}

interface Candidate {
  readonly form: string;
  readonly session: ort.InferenceSession;
  readonly output: string;
  readonly times: number[];
}

const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Numbers between −1 and 1, quarters, so that sums hardly round and equal maxima occur. */
function data(shape: readonly number[], seed: number): Float32Array {
  let state = seed * 2654435761 + 1;
  return Float32Array.from({ length: size(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 24) % 9) / 4 - 1;
  });
}

/**
 * @param shapes - Of the inputs, float32.
 * @throws Error when two forms disagree.
 */
export async function compareForms(
  shapes: readonly (readonly number[])[],
  forms: Readonly<Record<string, Form>>,
  { rounds = 15, threads = availableParallelism() } = {},
): Promise<Timing[]> {
  const feeds: Record<string, ort.Tensor> = {};
  shapes.forEach((shape, i) => {
    feeds[`in${i}`] = new ort.Tensor("float32", data(shape, i + 1), shape);
  });
  const candidates: Candidate[] = [];
  let expected: Float32Array | null = null;
  for (const [form, emit] of Object.entries(forms)) {
    const model = new OnnxModel();
    const inputs = shapes.map((shape, i) => ({ name: `in${i}`, dtype: "float32" as const, shape }));
    const result = emit(model, inputs);
    const session = await ort.InferenceSession.create(encodeModel(model.graph("form", inputs, [result])), {
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: 3,
    });
    const output = (await session.run(feeds))[result.name]!.data as Float32Array;
    expected ??= output;
    const worst = expected.reduce((n, x, i) => Math.max(n, Math.abs(x - output[i]!) / (1 + Math.abs(x))), 0);
    if (!(worst < 1e-4) || output.length !== expected.length) throw new Error(`${form}: differs by ${worst}`);
    candidates.push({ form, session, output: result.name, times: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { session, times } of candidates) {
      // The threads of the session before go on spinning for a while, and there are no cores for both.
      if (threads > 1) await new Promise((resolve) => setTimeout(resolve, 60));
      for (let turn = 0; turn < (threads > 1 ? 4 : 1); turn++) {
        // Of the processor, not of the clock, where one thread runs: others may be using the machine.
        const [clock, cpu] = [performance.now(), process.cpuUsage()];
        await session.run(feeds);
        const used = process.cpuUsage(cpu);
        times.push(threads === 1 ? (used.user + used.system) / 1000 : performance.now() - clock);
      }
    }
  }
  for (const { session } of candidates) await session.release();
  return candidates.map(({ form, times }) => {
    times.sort((a, b) => a - b);
    return { form, best: times[0]!, median: times[times.length >> 1]! };
  });
}

/** Prints timings, and the rate where the number of operations is given. */
export function report(title: string, timings: readonly Timing[], flops: number | null = null): void {
  console.log(title);
  for (const { form, best, median } of timings) {
    const rate = flops === null ? "" : `  ${(flops / best / 1e6).toFixed(0).padStart(5)} GFLOP/s`;
    console.log(
      `  ${form.padEnd(34)} ${best.toFixed(2).padStart(8)} ms  ${median.toFixed(2).padStart(8)} median${rate}`,
    );
  }
}
