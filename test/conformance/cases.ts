/** What a conformance case is, and how one is run on a backend. */
import type { Backend } from "../../src/backend/contract.ts";
import { elementOf, storeElements } from "../../src/backend/reference/rule.ts";
import { type DType, isInteger, type TypedArray } from "../../src/core/dtype.ts";
import { type StaticShape, sizeOf } from "../../src/core/shape.ts";
import { emit } from "../../src/ir/build.ts";
import type { Primitive, PrimitiveAttributes } from "../../src/ir/primitives.ts";
import { makeProgram } from "../../src/ir/program.ts";
import { inputValue } from "../../src/ir/value.ts";
import type { OpFamily } from "../../src/testing/allClose.ts";

/** An operand: its shape, its numbers repeated to fill it, and its dtype where it is not the case's. */
export interface Operand {
  readonly shape: StaticShape;
  readonly numbers: readonly number[];
  readonly dtype?: DType;
}

/** One primitive on one set of operands, for each of some dtypes. */
export interface Case<Attributes = PrimitiveAttributes[Primitive]> {
  /** What is special about it. */
  readonly name: string;
  readonly dtypes: readonly DType[];
  readonly operands: readonly Operand[];
  readonly attributes: Attributes;
  readonly family: OpFamily;
}

/** Cases of every primitive. */
export type CaseTable = { readonly [P in Primitive]: readonly Case<PrimitiveAttributes[P]>[] };

export interface Result {
  readonly data: TypedArray;
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/** Host storage with an operand's numbers; those that an integer dtype lacks are truncated and wrapped. */
export function materialize({ shape, numbers }: Operand, dtype: DType): TypedArray {
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => numbers[i % numbers.length]!);
  return storeElements(
    values.map((x) => elementOf(dtype, isInteger(dtype) ? Math.trunc(x) : x)),
    dtype,
  );
}

/** Runs one case as a program of one node. */
export async function runCase<P extends Primitive>(
  backend: Backend,
  op: P,
  { operands, attributes }: Case<PrimitiveAttributes[P]>,
  dtype: DType,
): Promise<Result[]> {
  const inputs = operands.map((o, i) => inputValue({ shape: o.shape, dtype: o.dtype ?? dtype }, `x${i}`));
  const program = makeProgram(inputs, emit(op, inputs, attributes));
  const executable = await backend.compile(program, { label: op });
  try {
    const buffers = operands.map((o) => {
      const d = o.dtype ?? dtype;
      return backend.upload(materialize(o, d), o.shape, d);
    });
    const results = await executable.run(buffers);
    return await Promise.all(
      results.map(async (b) => ({ data: await backend.download(b), dtype: b.dtype, shape: b.shape })),
    );
  } finally {
    executable.dispose();
  }
}
