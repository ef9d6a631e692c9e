/**
 * Subtracts a gradient of a table from it row by row: w − s · (rows scattered into zeros) is −s · rows scattered into w. An
 * embedding of 10,000 rows of which a batch reads 300 is then copied, instead of being filled, scaled and subtracted as well.
 */
import { sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Value } from "../../ir/value.ts";
import { rewriteProgram } from "../rewrite.ts";

/** A gradient that is rows of a larger array. */
interface Rows {
  readonly indices: Value;
  readonly updates: Value;
  readonly axis: number;
  /** What the rows are multiplied by: scalars. */
  readonly factors: readonly Value[];
}

const isScalar = (x: Value): boolean => x.shape.length === 0;

/** Whether a value is zero throughout. */
function isZeros(x: Value): boolean {
  return x.node?.op === "broadcast_to" ? b.constantNumber(x.node.inputs[0]!) === 0 : b.constantNumber(x) === 0;
}

function rowsOf(gradient: Value): Rows | null {
  const { node } = gradient;
  if (node?.op === "mul") {
    const factor = node.inputs.find(isScalar);
    const rows = factor ? rowsOf(node.inputs.find((x) => x !== factor)!) : null;
    return rows && { ...rows, factors: [...rows.factors, factor!] };
  }
  if (node?.op !== "scatter_add" || !isZeros(node.inputs[0]!)) return null;
  const [, indices, updates] = node.inputs as [Value, Value, Value];
  return { indices, updates, axis: (node.attributes as Attributes["scatter_add"]).axis, factors: [] };
}

export function sparseUpdates(program: Program): Program {
  if (program.nodes.every((node) => node.op !== "scatter_add")) return program;
  return rewriteProgram(program, (node, [table, gradient]) => {
    if (node.op !== "sub") return null;
    const rows = rowsOf(gradient!);
    // Where more is scattered than there is, as in convolutions' strides, nothing is saved.
    if (!rows || sizeOf(rows.updates.shape) >= sizeOf(table!.shape)) return null;
    const scale = rows.factors.reduce(
      (product, factor) => b.binary("mul", product, factor),
      b.scalar(-1, table!.dtype),
    );
    return [b.scatterAdd(table!, rows.indices, b.binary("mul", rows.updates, scale), rows.axis)];
  });
}
