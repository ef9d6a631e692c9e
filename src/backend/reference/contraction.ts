/** Definition of the matrix product. */
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import { type Element, elementOf, indicesOf, offsetOf, type ReferenceRule, type ReferenceTensor } from "./rule.ts";

/** The element of a matrix of the batch: leading axes broadcast, the last two are read swapped when `transposed`. */
function entry(
  x: ReferenceTensor,
  batch: readonly number[],
  row: number,
  column: number,
  transposed: boolean,
): Element {
  const lead = x.shape.slice(0, -2);
  const skipped = batch.length - lead.length;
  const index = lead.map((d, axis) => (d === 1 ? 0 : batch[axis + skipped]!));
  return x.data[offsetOf(x.shape, [...index, ...(transposed ? [column, row] : [row, column])])]!;
}

/** out[…, i, j] = Σ over k of a[…, i, k] · b[…, k, j]. */
const matmul: ReferenceRule<Attributes["matmul"]> = ([a, b], { transposeA, transposeB }, [out]) => {
  const inner = a!.shape.at(transposeA ? -2 : -1)!;
  const result: Element[] = [];
  for (const index of indicesOf(out!.shape)) {
    const batch = index.slice(0, -2);
    const [i, j] = index.slice(-2) as [number, number];
    let sum = elementOf(out!.dtype, 0) as number;
    for (let k = 0; k < inner; k++) {
      sum += (entry(a!, batch, i, k, transposeA) as number) * (entry(b!, batch, k, j, transposeB) as number);
    }
    result.push(sum);
  }
  return [result];
};

export const contractionRules = { matmul };
