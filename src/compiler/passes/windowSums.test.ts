import { beforeAll, describe, expect, it } from "vitest";
import { gradients } from "../../autodiff/gradients.ts";
import type { Backend } from "../../backend/contract.ts";
import { createReferenceBackend } from "../../backend/reference/index.ts";
import { sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import { makeProgram, type Program } from "../../ir/program.ts";
import { inputValue, type Value } from "../../ir/value.ts";
import { optimize } from "../pipeline.ts";

const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
const ops = (program: Program): string[] => program.nodes.map(({ op }) => op);

async function run(backend: Backend, program: Program): Promise<Float32Array[]> {
  const executable = await backend.compile(program);
  const buffers = program.inputs.map(({ shape, dtype }) =>
    backend.upload(
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7919) % 23) - 11),
      shape,
      dtype,
    ),
  );
  const results = await executable.run(buffers);
  return Promise.all(results.map(async (r) => (await backend.download(r)) as Float32Array));
}

describe("windowSums", () => {
  let reference: Backend;
  beforeAll(async () => {
    reference = await createReferenceBackend();
  });

  const split = (x: Value, shape: readonly number[], axes: readonly number[], keepDims = false): Value =>
    b.reduce("reduce_sum", b.reshape(x, shape), axes, keepDims);
  const pictures = input(2, 6, 8, 3);
  const lines = input(2, 6, 3);

  it.each<[string, Value, Value]>([
    ["pictures", pictures, split(pictures, [2, 2, 3, 4, 2, 3], [2, 4])],
    ["pictures, axes kept", pictures, split(pictures, [2, 2, 3, 4, 2, 3], [2, 4], true)],
    ["lines", lines, split(lines, [2, 2, 3, 3], [2])],
  ])("sums windows of %s", async (_, x, sums) => {
    const program = makeProgram([x], [sums]);
    const changed = optimize(program, { channelsLast: true, verify: true });
    expect(ops(changed).filter((op) => op !== "reshape")).toEqual(["sum_pool_last"]);
    expect(await run(reference, changed)).toEqual(await run(reference, program));
    expect(ops(optimize(program))).toEqual(ops(program));
  });

  it("finds the gradient of pictures enlarged by repeating rows and columns", () => {
    const x = input(2, 4, 4, 3);
    const wide = b.broadcastTo(b.reshape(x, [2, 4, 1, 4, 1, 3]), [2, 4, 2, 4, 3, 3]);
    const dy = input(2, 8, 12, 3);
    const [dx] = gradients([b.reshape(wide, [2, 8, 12, 3])], [dy], [x]);
    expect(ops(optimize(makeProgram([dy], [dx!]), { channelsLast: true }))).toEqual(["sum_pool_last"]);
  });

  it.each<[string, Value, Value]>([
    ["the windows themselves", pictures, split(pictures, [2, 2, 3, 4, 2, 3], [1, 3])],
    ["channels", pictures, split(pictures, [2, 6, 8, 3, 1], [3])],
    ["one axis of two", pictures, split(pictures, [2, 2, 3, 4, 2, 3], [2])],
    ["axes that were joined otherwise", pictures, split(pictures, [2, 4, 3, 2, 2, 3], [2, 4])],
  ])("leaves sums over %s alone", (_, x, sums) => {
    const program = makeProgram([x], [sums]);
    expect(ops(optimize(program, { channelsLast: true }))).toEqual(ops(optimize(program)));
  });
});
