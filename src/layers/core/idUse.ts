/**
 * Which tensors are read as row numbers of a table, so that a number outside of it is found before anything is computed:
 * at once where the numbers are known, else by whoever traces a model and holds the data (`recordIdUses`). Numbers that a program
 * computes are found by the engine only: `core/computedIds.ts`.
 */
import { noteComputedIds } from "../../core/computedIds.ts";
import { type DType, fromElement, type TypedArray } from "../../core/dtype.ts";
import type { Value } from "../../ir/value.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import { peekValue } from "../../runtime/evaluate.ts";
import type { Tensor } from "../../runtime/tensor.ts";

/** A table that is read at given rows. */
export interface IdTable {
  /** The layer as messages name it. */
  readonly where: string;
  readonly rows: number;
}

/** A use of a value that the trace did not compute: an input of the model. */
export interface IdUse extends IdTable {
  readonly ids: Value;
}

/** Host data whose elements are row numbers. */
export interface HostIds {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

let recorded: IdUse[] | null = null;

/** Runs `fn`, usually a call of a model on placeholders, and lists what it reads as row numbers. */
export function recordIdUses(fn: () => unknown): readonly IdUse[] {
  const outer = recorded;
  const uses: IdUse[] = [];
  recorded = uses;
  try {
    fn();
  } finally {
    recorded = outer;
  }
  return uses;
}

/** Where elements come from, all of them and in the same order. */
function originOf(value: Value): Value {
  const { node } = value;
  return node && (node.op === "cast" || node.op === "reshape") ? originOf(node.inputs[0]!) : value;
}

/** Ids that are known before anything runs: data at hand, or `arange`. */
function knownIds(value: Value): TypedArray | null {
  const { node } = value;
  if (node?.op !== "iota" || value.shape.length !== 1) return peekValue(value);
  // While shapes are inferred, an unknown length is not that many ids.
  const [length] = declaredShape(value.shape);
  return length ? Int32Array.from({ length }, (_, i) => i) : null;
}

/** For layers: states that `ids` are rows of the table. @throws RangeError for known ids that are none. */
export function useIds(table: IdTable, ids: Tensor): void {
  const origin = originOf(ids.node);
  const data = knownIds(origin);
  if (data) {
    checkIds(table, { data, shape: ids.shape, dtype: origin.dtype }, "");
    return;
  }
  noteComputedIds(table.where, table.rows);
  if (recorded && origin.node === null) recorded.push({ ...table, ids: origin });
}

/**
 * @param of - What the ids are, for the message: ` of input "title"`.
 * @throws RangeError naming the layer, the first id that is no row, and its place.
 */
export function checkIds({ where, rows }: IdTable, { data, shape, dtype }: HostIds, of: string): void {
  for (let i = 0; i < data.length; i++) {
    // Fractions are cut off, and negative numbers count from the end.
    const id = fromElement(dtype, data[i]!);
    if (id < rows && id > -rows - 1) continue;
    throw new RangeError(
      `${where}: id ${id}${place(i, shape)}${of} is out of range: the layer has ${rows} rows, numbered 0 to ${rows - 1}. ` +
        `Make it larger (inputDim: at least the largest id + 1) or replace such ids, by the id of unknown words for example`,
    );
  }
}

/** Where in an array an element is. */
function place(i: number, shape: readonly number[]): string {
  if (shape.length === 0) return "";
  const index: number[] = [];
  let rest = i;
  for (const size of shape.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  const [sample, ...within] = index;
  return within.length === 0
    ? ` at position ${sample}`
    : ` at position ${within.length === 1 ? within[0] : `[${within.join(", ")}]`} of sample ${sample}`;
}
