/** Loops with their gradients compute the same before and after the compiler's passes, and on both backends. */
import { beforeAll, describe, expect, it } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import type { Backend } from "../../src/backend/contract.ts";
import { createOnnxNodeBackend } from "../../src/backend/onnx/node.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import { optimize } from "../../src/compiler/pipeline.ts";
import { isFloat, type TypedArray } from "../../src/core/dtype.ts";
import * as b from "../../src/ir/build.ts";
import { makeProgram, type Program, printProgram, structuralKey, verifyProgram } from "../../src/ir/program.ts";
import { unrollScan } from "../../src/ir/unroll.ts";
import { inputValue, type Value } from "../../src/ir/value.ts";
import { closeFailure } from "../../src/testing/allClose.ts";
import { materialize } from "./cases.ts";
import { CONDS, SCANS, type ScanCase, WHILES } from "./loopCases.ts";

const weighted = (values: readonly (Value | null)[]): Value => {
  const terms = values.flatMap((v, i) => {
    if (!v || !isFloat(v.dtype)) return [];
    const axes = v.shape.map((_, axis) => axis);
    return [b.reduce("reduce_sum", b.binary("mul", b.binary("mul", v, v), b.scalar(0.3 + 0.1 * i, v.dtype)), axes)];
  });
  return terms.reduce((x, y) => b.binary("add", x, y));
};

type LoopCase = Omit<ScanCase, "attributes">;
type Build = (inputs: readonly Value[]) => Value[];

/** Results, gradients and gradients of gradients of a loop. */
function programOf({ operands, dtype }: LoopCase, build: Build): Program {
  const inputs = operands.map((o, i) => inputValue({ shape: o.shape, dtype: o.dtype ?? dtype }, `x${i}`));
  const results = build(inputs);
  const floats = inputs.filter((x) => isFloat(x.dtype));
  const slope = (y: Value): Value[] => {
    const found = gradients([y], [b.scalar(1, y.dtype)], floats);
    return found.filter((g) => g !== null);
  };
  const first = slope(weighted(results));
  const second = slope(weighted(first));
  return makeProgram(inputs, [...results, ...first, ...second]);
}

async function run(backend: Backend, program: Program, data: readonly TypedArray[]): Promise<TypedArray[]> {
  const executable = await backend.compile(program);
  const buffers = data.map((d, i) => backend.upload(d, program.inputs[i]!.shape, program.inputs[i]!.dtype));
  const results = await executable.run(buffers);
  executable.dispose();
  return Promise.all(results.map((r) => backend.download(r)));
}

let reference: Backend;
let onnx: Backend;
beforeAll(async () => {
  [reference, onnx] = await Promise.all([createReferenceBackend(), createOnnxNodeBackend()]);
});

/** Every case, and for scans how they are written without a loop. */
const CASES: readonly (readonly [title: string, c: LoopCase, build: Build, unrolled: Build | null])[] = [
  ...SCANS.map(
    (c) =>
      [
        `scan, ${c.name}, ${c.dtype}`,
        c,
        (inputs: readonly Value[]) => b.scan(inputs, c.attributes),
        (inputs: readonly Value[]) => unrollScan(inputs, c.attributes),
      ] as const,
  ),
  ...WHILES.filter((c) => c.attributes.maximumIterations !== null).map(
    (c) =>
      [
        `while, ${c.name}, ${c.dtype}`,
        c,
        (inputs: readonly Value[]) => b.emit("while", inputs, c.attributes),
        null,
      ] as const,
  ),
  ...CONDS.map(
    (c) =>
      [
        `cond, ${c.name}, ${c.dtype}`,
        c,
        (inputs: readonly Value[]) => b.emit("cond", inputs, c.attributes),
        null,
      ] as const,
  ),
];

describe.each(CASES)("%s", (_, c, build, unrolledBuild) => {
  const data = c.operands.map((o) => materialize(o, o.dtype ?? c.dtype));
  const tolerance = c.dtype === "float64" ? 1e-9 : 2e-4;
  const compare = (program: Program, actual: readonly TypedArray[], expected: readonly TypedArray[]): void => {
    const failures = expected.flatMap((want, i) => {
      const { dtype } = program.outputs[i]!;
      const failure = closeFailure(actual[i]!, want, { dtype, atol: tolerance, rtol: tolerance });
      return failure ? [`output ${i}: ${failure}`] : [];
    });
    expect(failures.length > 0 ? `${failures.join("\n")}\n${printProgram(program)}` : "").toBe("");
  };

  it("is the same written out, optimised, and on the engine", async () => {
    const program = programOf(c, build);
    verifyProgram(program);
    const plain = await run(reference, program, data);
    if (unrolledBuild) {
      const unrolled = programOf(c, unrolledBuild);
      compare(unrolled, await run(reference, unrolled, data), plain);
    }
    const optimized = optimize(program, { verify: true });
    compare(optimized, await run(reference, optimized, data), plain);
    compare(optimized, await run(onnx, optimized, data), plain);
  });

  it("has one key for one structure", () => {
    expect(structuralKey(programOf(c, build))).toBe(structuralKey(programOf(c, build)));
  });
});
