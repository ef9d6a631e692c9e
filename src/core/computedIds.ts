/**
 * Tables that are read at row numbers which are not known when a call is traced: the engine that meets one outside of the table
 * knows no layers. They are noted in that trace, so that running costs nothing.
 */

/** Rows by the layer that has them, as messages name it; the latest last. */
const tables = new Map<string, number>();
const KEPT = 256;

/** Notes that a layer reads its table at row numbers that are not known yet. */
export function noteComputedIds(where: string, rows: number): void {
  tables.delete(where);
  tables.set(where, rows);
  if (tables.size > KEPT) tables.delete(tables.keys().next().value!);
}

/** What the ONNX engine says of an index that is no row. */
const OUT_OF_BOUNDS =
  /indices element out of data bounds, idx=(-?\d+) must be within the inclusive range \[-?\d+,(\d+)\]/;

/** What an engine's message means if it is about a row number: the layers with a table of that size; else `null`. */
export function explainIdError(message: string): string | null {
  const found = OUT_OF_BOUNDS.exec(message);
  if (!found) return null;
  const rows = Number(found[2]) + 1;
  const layers = [...tables].filter(([, size]) => size === rows).map(([where]) => where);
  if (layers.length === 0) return null;
  return (
    `id ${found[1]} is out of range where rows 0 to ${rows - 1} are read, as ${layers.join(" and ")} ${layers.length === 1 ? "does" : "do"}. ` +
    "Make the table larger (inputDim: at least the largest id + 1) or keep ids within it, by ops.clip for example"
  );
}
