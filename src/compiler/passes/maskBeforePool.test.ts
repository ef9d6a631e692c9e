import { beforeAll, describe, expect, it } from "vitest";
import { gradients } from "../../autodiff/gradients.ts";
import type { Backend } from "../../backend/contract.ts";
import { createReferenceBackend } from "../../backend/reference/index.ts";
import { sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import { makeProgram, type Program, printProgram } from "../../ir/program.ts";
import { inputValue, type Value } from "../../ir/value.ts";
import { optimize } from "../pipeline.ts";

const HALVES = { window: [2, 2], strides: [2, 2], low: [0, 0], high: [0, 0] };
const OVERLAPPING = { window: [3, 3], strides: [2, 2], low: [1, 1], high: [1, 1] };
const EVERY = { window: [2, 2], strides: [1, 1], low: [0, 1], high: [1, 0] };

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const toFirst = (x: Value): Value => b.transpose(x, [0, 3, 1, 2]);
const toLast = (x: Value): Value => b.transpose(x, [0, 2, 3, 1]);

/** maxPool(relu(x)) and the gradient of Σ dy · maxPool(relu(x)) in x, with the channels where the backend takes them. */
function slope(how: typeof HALVES, channelsLast: boolean): Program {
  const x = channelsLast ? input(4, 16, 12, 8) : input(4, 8, 16, 12);
  const y = b.unary("relu", x);
  const pooled = channelsLast ? toLast(b.maxPool(toFirst(y), how)) : b.maxPool(y, how);
  const dy = input(...pooled.shape);
  const [dx] = gradients([pooled], [dy], [x]);
  return makeProgram([x, dy], [pooled, dx!]);
}

/** Sizes of the masks in a program. */
const masks = (program: Program): number[] =>
  program.nodes.filter(({ op }) => op === "where").map(({ outputs }) => sizeOf(outputs[0]!.shape));

async function run(backend: Backend, program: Program): Promise<Float32Array[]> {
  const executable = await backend.compile(program);
  // Many equal elements and zeros, both signs of them, infinities and NaN among them.
  const numbers = [0, 1, -1, 2, 2, -0, -3, 5, 0, -2, Number.POSITIVE_INFINITY, -4, 1, Number.NEGATIVE_INFINITY, 0, -7];
  const buffers = program.inputs.map(({ shape, dtype }, i) => {
    const data = Float32Array.from({ length: sizeOf(shape) }, (_, j) => numbers[(j * 5 + i) % numbers.length]!);
    return backend.upload(data, shape, dtype);
  });
  const results = await executable.run(buffers);
  return Promise.all(results.map(async (r) => (await backend.download(r)) as Float32Array));
}

describe("maskBeforePool", () => {
  let reference: Backend;
  beforeAll(async () => {
    reference = await createReferenceBackend();
  });

  it.each([
    ["windows side by side", HALVES, true],
    ["windows side by side", HALVES, false],
    ["overlapping windows", OVERLAPPING, true],
    ["overlapping windows", OVERLAPPING, false],
  ])("asks the maxima: %s, %o, channels last: %s", async (_, how, channelsLast) => {
    const program = slope(how, channelsLast);
    const changed = optimize(program, { channelsLast, verify: true });
    expect(masks(changed), printProgram(changed)).toEqual([4 * 8 * 6 * 8]);
    expect(changed.nodes.filter(({ op }) => op === "max_pool" || op === "max_pool_last").length).toBe(1);
    expect(await run(reference, changed)).toEqual(await run(reference, program));
  });

  it("leaves masks alone where there are as many maxima", () => {
    expect(masks(optimize(slope(EVERY, true), { channelsLast: true, verify: true }))).toEqual([4 * 16 * 12 * 8]);
  });

  it("leaves masks of other values, other bounds and other fillings alone", () => {
    const x = input(2, 3, 6, 6);
    const other = input(2, 3, 6, 6);
    const maxima = b.maxPool(x, HALVES);
    const dy = input(2, 3, 3, 3);
    const spread = b.maxPoolGrad(x, maxima, dy, HALVES);
    const number = (n: number): Value => b.scalar(n, "float32");
    for (const masked of [
      b.where(b.binary("greater", other, number(0)), spread, number(0)),
      b.where(b.binary("greater", x, number(1)), spread, number(0)),
      b.where(b.binary("greater", x, number(0)), spread, number(1)),
    ]) {
      expect(masks(optimize(makeProgram([x, other, dy], [masked]), { verify: true }))).toEqual([2 * 3 * 36]);
    }
  });
});
