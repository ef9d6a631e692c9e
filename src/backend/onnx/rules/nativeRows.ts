/** Rows of tables by kernels of our own: read, added to, and added to in the table's own memory. */
import type { TableUpdates } from "../../../backend/contract.ts";
import { sizeOf } from "../../../core/shape.ts";
import type { ValueType } from "../../../ir/value.ts";
import type { OnnxModel, OnnxValue } from "../model.ts";
import { NATIVE_DOMAIN } from "../nativeKernels.ts";

/** Numbers of a row below which the engine's kernels are as good. */
const LEAST_WIDTH = 4;

const isOurs = (model: OnnxModel, table: OnnxValue, indices: OnnxValue, axis: number): boolean =>
  model.kernels !== null &&
  axis === 0 &&
  table.dtype === "float32" &&
  indices.dtype === "int32" &&
  sizeOf(table.shape.slice(1)) >= LEAST_WIDTH;

/** `null` where the engine's kernel does it. */
export function gatherRows(
  model: OnnxModel,
  table: OnnxValue,
  indices: OnnxValue,
  axis: number,
  { shape }: ValueType,
): OnnxValue | null {
  if (!isOurs(model, table, indices, axis)) return null;
  return model.emit("GatherRows", [table, indices], "float32", shape, {}, NATIVE_DOMAIN);
}

/** `null` where the engine's kernel does it. */
export function addRows(
  model: OnnxModel,
  table: OnnxValue,
  indices: OnnxValue,
  updates: OnnxValue,
  axis: number,
  { shape }: ValueType,
): OnnxValue | null {
  if (!isOurs(model, table, indices, axis) || updates.dtype !== "float32") return null;
  const base = model.zeros.has(table.name) ? [] : [table];
  return model.emit("AddRows", [indices, updates, ...base], "float32", shape, { shape }, NATIVE_DOMAIN);
}

/**
 * Updates tables among the inputs of a graph when everything else is done. The node writes to its inputs, of which the engine knows
 * nothing: so nothing may run after it, and it reads all other results to be the last.
 *
 * @param results - What the graph returns, and behind it what the updates need.
 * @returns What has to be an output too, or the engine would leave the node out.
 */
export function updateTables(
  model: OnnxModel,
  inputs: readonly OnnxValue[],
  results: readonly OnnxValue[],
  tables: TableUpdates,
): OnnxValue {
  const { updates } = tables;
  const factors = model.constant(
    Float32Array.from(updates, ({ factor }) => factor),
    [updates.length],
    "float32",
  );
  const operands = updates.flatMap(({ input, indices, rows }) => [
    inputs[input]!,
    model.cast(results[indices]!, "int32"),
    results[rows]!,
  ]);
  const before = results.slice(0, tables.results);
  return model.emit(
    "UpdateRows",
    [factors, ...operands, ...before],
    "int32",
    [1],
    { tables: updates.length },
    NATIVE_DOMAIN,
  );
}
