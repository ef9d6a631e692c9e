/** Arrays as a sequence of their rows. */
import { describe } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import type { PathKey } from "../core/tree.ts";
import { evaluate } from "../runtime/evaluate.ts";
import { fromNumbers, Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { isDataArray, mapData, partText } from "./element.ts";

/** One array: how many rows it has, and row `i` after `prepare`. */
interface Column {
  readonly path: readonly PathKey[];
  readonly count: number;
  prepare(): Promise<void>;
  row(i: number): unknown;
}

function tensorColumn(path: readonly PathKey[], tensor: Tensor): Column {
  const [count, ...rest] = tensor.shape;
  if (count === undefined) {
    throw new TypeError(`fromTensorSlices: ${partText(path)} is a scalar; expected arrays with at least one axis`);
  }
  const size = sizeOf(rest);
  let data: Awaited<ReturnType<Tensor["data"]>>;
  return {
    path,
    count,
    async prepare() {
      await evaluate([tensor.node]);
      data = await tensor.data();
    },
    row: (i) => tensorFromHost(data.subarray(i * size, (i + 1) * size), rest, tensor.dtype),
  };
}

/** The first number or text within lists. */
function firstScalar(list: readonly unknown[]): unknown {
  for (const item of list) {
    const found = Array.isArray(item) ? firstScalar(item) : item;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Lists of JavaScript: their scalars stay what they are; longer rows become tensors, each of its own length. */
function listColumn(path: readonly PathKey[], list: readonly unknown[]): Column {
  const flat = list.every((item) => !Array.isArray(item));
  let rows: readonly unknown[] | null = flat ? list : null;
  const dtype = typeof firstScalar(list) === "string" ? "string" : null; // of rows without words too
  return {
    path,
    count: list.length,
    async prepare() {
      rows ??= list.map((item, i) => fromNumbers(item, null, dtype, `fromTensorSlices: row ${i} of ${partText(path)}`));
    },
    row: (i) => rows![i],
  };
}

/**
 * Refuses two or three tables of the same height and different widths in a list: as rows of one array they would be a
 * rarity, as inputs and labels they are common, and nothing tells which.
 */
function refuseTables(list: readonly unknown[]): void {
  if (list.length < 2 || list.length > 3) return;
  const tables = list.map((item) => (Array.isArray(item) && Array.isArray(item[0]) ? item : null));
  const shapes = tables.map((table) => {
    const widths = new Set(table?.map((row) => (row as unknown[]).length));
    return widths.size === 1 ? [table!.length, ...widths] : null;
  });
  const [first] = shapes;
  if (!first || !shapes.every((shape) => shape?.[0] === first[0])) return;
  if (shapes.every((shape) => shape![1] === first[1])) return;
  const names = ["x", "y", "sampleWeight"].slice(0, list.length);
  throw new TypeError(
    `fromTensorSlices: lists in a list are the rows of one array, and these ${list.length} look like arrays of their own. Received: ` +
      `lists of ${shapes.map((shape) => shape!.join(" by ")).join(" and ")}. For a tuple make them tensors: ` +
      `fromTensorSlices([${names.map((name) => `tensor(${name})`).join(", ")}]); for ${list.length} elements use fromAsyncIterable(list)`,
  );
}

function columnOf(path: readonly PathKey[], leaf: unknown): Column {
  if (leaf instanceof Tensor) return tensorColumn(path, leaf);
  if (isDataArray(leaf) && path.length === 0) refuseTables(leaf as readonly unknown[]);
  if (isDataArray(leaf)) return listColumn(path, leaf as readonly unknown[]);
  if (ArrayBuffer.isView(leaf)) return tensorColumn(path, fromNumbers(leaf, null, null, "fromTensorSlices"));
  throw new TypeError(
    `fromTensorSlices: expected tensors, typed arrays, lists, or arrays and dicts of them. Received for ${partText(path)}: ${describe(leaf)}`,
  );
}

/** What `fromTensorSlices` iterates over. @throws RangeError when arrays differ in length. */
export class Slices {
  readonly count: number;
  readonly #columns: readonly Column[];
  readonly #structure: unknown;

  constructor(structure: unknown) {
    const columns: Column[] = [];
    this.#structure = mapData(structure, (leaf, path) => {
      columns.push(columnOf(path, leaf));
      return columns.length - 1;
    });
    if (columns.length === 0) {
      throw new TypeError(`fromTensorSlices: expected at least one array. Received: ${describe(structure)}`);
    }
    const [first] = columns as [Column];
    if (columns.some((column) => column.count !== first.count)) {
      const sizes = columns.map((column) => `${partText(column.path)}: ${column.count}`).join(", ");
      throw new RangeError(`fromTensorSlices: expected arrays of the same length. Received: ${sizes}`);
    }
    this.count = first.count;
    this.#columns = columns;
  }

  async *elements(): AsyncGenerator<unknown> {
    for (const column of this.#columns) await column.prepare();
    for (let i = 0; i < this.count; i++) {
      yield mapIndices(this.#structure, (k) => this.#columns[k]!.row(i));
    }
  }
}

/** Fills a structure whose leaves are numbers. */
function mapIndices(structure: unknown, fill: (index: number) => unknown): unknown {
  if (typeof structure === "number") return fill(structure);
  if (structure === null) return null;
  if (Array.isArray(structure)) return structure.map((part) => mapIndices(part, fill));
  return Object.fromEntries(
    Object.entries(structure as Record<string, unknown>).map(([key, part]) => [key, mapIndices(part, fill)]),
  );
}
