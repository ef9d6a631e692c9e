/** Every primitive on every backend, compared with its definition in `backend/reference`. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/backend/contract.ts";
import { createOnnxNodeBackend } from "../../src/backend/onnx/node.ts";
import { createOnnxWebBackend } from "../../src/backend/onnx/web.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import { type DType, isFloat } from "../../src/core/dtype.ts";
import { PRIMITIVES, type Primitive } from "../../src/ir/primitives.ts";
import { closeFailure } from "../../src/testing/allClose.ts";
import { type Case, type CaseTable, runCase } from "./cases.ts";
import { channelsLastCases } from "./channelsLastCases.ts";
import { elementwiseCases } from "./elementwiseCases.ts";
import { loopCases } from "./loopCases.ts";
import { structureCases } from "./structureCases.ts";
import { windowCases } from "./windowCases.ts";

const CASES: CaseTable = { ...elementwiseCases, ...structureCases, ...windowCases, ...channelsLastCases, ...loopCases };

const ENGINES = { onnx: createOnnxNodeBackend, "onnx on WebAssembly": createOnnxWebBackend };

let reference: Backend;

beforeAll(async () => {
  reference = await createReferenceBackend();
});

/** What differs in one case and dtype, or null. */
async function compare(engine: Backend, op: Primitive, testCase: Case, dtype: DType): Promise<string | null> {
  const label = `${op}, ${testCase.name}, ${dtype}`;
  const expected = await runCase(reference, op, testCase, dtype);
  let actual: typeof expected;
  try {
    actual = await runCase(engine, op, testCase, dtype);
  } catch (error) {
    return `${label}: ${error instanceof Error ? error.message : String(error)}`;
  }
  for (const [i, want] of expected.entries()) {
    const got = actual[i]!;
    const family = isFloat(want.dtype) ? testCase.family : "exact";
    const failure = closeFailure(got.data, want.data, { dtype: want.dtype, family, label });
    if (failure) return failure;
  }
  return null;
}

describe.each(Object.keys(ENGINES) as (keyof typeof ENGINES)[])("primitives on %s as on reference", (name) => {
  let engine: Backend;
  beforeAll(async () => {
    engine = await ENGINES[name]();
  });

  it.each(PRIMITIVES)("%s", async (op) => {
    const failures: string[] = [];
    for (const testCase of CASES[op] as readonly Case[]) {
      for (const dtype of testCase.dtypes) {
        const failure = await compare(engine, op, testCase, dtype);
        if (failure) failures.push(failure);
      }
    }
    expect(failures.join("\n")).toBe("");
  });
});

describe("the case table", () => {
  it("has cases for every primitive", () => {
    for (const op of PRIMITIVES) expect(CASES[op].length, op).toBeGreaterThan(0);
  });
});
