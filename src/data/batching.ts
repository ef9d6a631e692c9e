/** Elements to batches and back. */
import { describe, didYouMean, ShapeError } from "../core/errors.ts";
import { isPlainObject, type Nested, type PathKey } from "../core/tree.ts";
import { Tensor } from "../runtime/tensor.ts";
import { mapElement, partText, spread, type TakenApart, takeApart } from "./element.ts";
import { type PadLength, type PadRows, padRows, stackRows, unstackRows } from "./rows.ts";

/** What fills up shorter sequences. */
export type PadValue = number | string | boolean | bigint;

export interface PaddingOptions {
  /**
   * Length of the sequences in a batch: a number; several, of which the smallest that is long enough is taken; or
   * `{ multipleOf: n }`. One such length holds for the inputs (the first of a tuple); in the structure of the elements it
   * holds where it stands: `[{ title: [16, 64] }, null]`. Few different lengths mean few programs to compile.
   * @defaultValue the longest of the batch
   */
  padTo?: Nested<PadLength | null>;
  /** For all data, or in the structure of the elements. @defaultValue `0`, `""` for strings */
  paddingValues?: Nested<PadValue | null>;
  /** Where to fill up. @defaultValue `"post"` */
  padding?: "pre" | "post";
}

export interface PaddedBatchOptions extends PaddingOptions {
  /** Whether to leave out a last batch that is smaller. @defaultValue `false` */
  dropRemainder?: boolean;
}

/** Makes one batch of elements. */
export type Combine = (elements: readonly unknown[]) => Promise<unknown>;

/** Stacks the data of elements, part by part. */
export async function combine(
  elements: readonly unknown[],
  where = "batch",
  join: (leaves: unknown[], part: string, index: number) => Promise<Tensor> = stackRows,
): Promise<unknown> {
  const parts = elements.map(takeApart);
  const first = parts[0]!;
  const listed = ({ paths }: TakenApart): string => paths.map(partText).join(", ");
  const other = parts.find((part) => part.paths.length !== first.paths.length || listed(part) !== listed(first));
  if (other) {
    throw new TypeError(
      `${where}: the elements of a batch differ in structure. Received: ${listed(first)}; and ${listed(other)}`,
    );
  }
  const joined: Tensor[] = [];
  for (const [k, path] of first.paths.entries()) {
    const leaves = parts.map((part) => part.leaves[k]);
    joined.push(await join(leaves, partText(path), k));
  }
  return first.rebuild(joined);
}

const isPadLength = (value: unknown): value is PadLength =>
  typeof value === "number" ||
  (Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "number")) ||
  (typeof value === "object" && value !== null && typeof (value as { multipleOf?: unknown }).multipleOf === "number");

const isPadValue = (value: unknown): value is PadValue =>
  ["number", "string", "boolean", "bigint"].includes(typeof value);

/** The values of an option that is given for all data, or in the structure of the elements, and where they stand. */
function given<T>(
  option: string,
  values: unknown,
  isValue: (value: unknown) => value is T,
  where: string,
  kind: string,
): { path: readonly PathKey[]; value: T }[] {
  const found: { path: readonly PathKey[]; value: T }[] = [];
  const visit = (value: unknown, path: readonly PathKey[]): void => {
    if (value === null || value === undefined) return;
    if (isValue(value)) found.push({ path, value });
    else if (Array.isArray(value)) for (const [i, item] of value.entries()) visit(item, [...path, i]);
    else if (isPlainObject(value)) for (const [key, item] of Object.entries(value)) visit(item, [...path, key]);
    else {
      const place = path.length === 0 ? "" : ` for ${partText(path)}`;
      throw new TypeError(`${where}: expected ${kind} in \`${option}\`${place}. Received: ${describe(value)}`);
    }
  };
  visit(values, []);
  return found;
}

/** @throws RangeError for a value that stands where elements have nothing. */
function checkPlaces(
  where: string,
  option: string,
  values: readonly { readonly path: readonly PathKey[] }[],
  paths: readonly (readonly PathKey[])[],
): void {
  const stray = values.find(({ path }) => !paths.some((own) => path.every((key, i) => own[i] === key)));
  if (!stray) return;
  const [asked, own] = [partText(stray.path), paths.map(partText)];
  throw new RangeError(
    `${where}: \`${option}\` names ${asked}, which the elements lack.${didYouMean(asked, own)} Parts of the elements: ${own.join(", ")}`,
  );
}

/** Checks options of padding and returns what joins elements with it. */
export function padder(where: string, options: PaddingOptions): Combine {
  const { padTo = null, paddingValues = null, padding = "post" } = options;
  if (padding !== "pre" && padding !== "post") {
    throw new RangeError(`${where}: expected \`padding\` to be "pre" or "post". Received: ${describe(padding)}`);
  }
  const lengthsGiven = given("padTo", padTo, isPadLength, where, "lengths");
  const fillersGiven = given("paddingValues", paddingValues, isPadValue, where, "numbers, strings or booleans");
  for (const { value } of lengthsGiven) {
    const all = typeof value === "object" && "multipleOf" in value ? [value.multipleOf] : [value].flat();
    if (all.every((length) => Number.isInteger(length) && (length as number) > 0)) continue;
    throw new RangeError(
      `${where}: expected lengths of \`padTo\` to be positive integers. Received: ${describe(padTo)}`,
    );
  }
  return (elements) => {
    const tuple = Array.isArray(elements[0]);
    const { paths } = takeApart(elements[0]);
    checkPlaces(where, "padTo", lengthsGiven, paths);
    checkPlaces(where, "paddingValues", fillersGiven, paths);
    // A length alone is one of inputs: labels of a fixed width must not grow.
    const asked = isPadLength(padTo) && tuple ? { 0: padTo } : padTo;
    const lengths = spread<PadLength>(asked, paths, isPadLength);
    const fillers = spread<PadValue>(paddingValues, paths, isPadValue);
    return combine(elements, where, (leaves, part, k) => {
      const pad: PadRows = { length: lengths[k]!, value: fillers[k]!, side: padding };
      return padRows(leaves, part, pad);
    });
  };
}

export async function* batched(
  source: AsyncIterable<unknown>,
  size: number,
  dropRemainder: boolean,
  join: Combine,
): AsyncGenerator<unknown> {
  let elements: unknown[] = [];
  for await (const element of source) {
    elements.push(element);
    if (elements.length < size) continue;
    yield await join(elements);
    elements = [];
  }
  if (elements.length > 0 && !dropRemainder) yield await join(elements);
}

/** Elements of batches, one by one. */
export async function* unbatched(source: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const batch of source) {
    const { leaves, paths, rebuild } = takeApart(batch);
    const rows: Tensor[][] = [];
    for (const [k, leaf] of leaves.entries()) rows.push(await unstackRows(leaf, partText(paths[k]!)));
    const count = rows[0]?.length ?? 0;
    const other = rows.findIndex((list) => list.length !== count);
    if (other >= 0) {
      throw new ShapeError(
        `unbatch: ${partText(paths[0]!)} has ${count} rows, ${partText(paths[other]!)} has ${rows[other]!.length}; expected the same number`,
      );
    }
    for (let i = 0; i < count; i++) yield rebuild(rows.map((list) => list[i]));
  }
}

export interface BucketOptions<T> extends PaddingOptions {
  /** Length of an element. @defaultValue the first axis of its first part */
  elementLengthFn?: ((element: T) => number) | null;
  /** Lengths at which a new bucket begins: `[10, 20]` makes buckets for less than 10, 10 to 19, 20 and more. */
  bucketBoundaries: readonly number[];
  /** Batch size of each bucket, one more than boundaries; or one for all. */
  bucketBatchSizes: readonly number[] | number;
  /** Pads to the boundary minus one, so that each bucket has one length; elements must be shorter than the last one. @defaultValue `false` */
  padToBucketBoundary?: boolean;
  /** @defaultValue `false` */
  dropRemainder?: boolean;
}

function lengthOf(element: unknown): number {
  let length: number | null = null;
  mapElement(element, (leaf) => {
    if (length !== null) return leaf;
    if (leaf instanceof Tensor) length = leaf.shape[0] ?? null;
    else if (Array.isArray(leaf) || ArrayBuffer.isView(leaf)) length = (leaf as Uint8Array).length;
    return leaf;
  });
  if (length !== null) return length;
  throw new TypeError(
    "bucketBySequenceLength: no part of the element is a sequence. Received: " +
      `${describe(element)}; say how long elements are with \`elementLengthFn\``,
  );
}

/** Batches of elements of about the same length. A bucket becomes a batch when it is full, and at the end. */
export async function* bucketed<T>(source: AsyncIterable<T>, options: BucketOptions<T>): AsyncGenerator<unknown> {
  const { bucketBoundaries: boundaries, bucketBatchSizes, padToBucketBoundary = false } = options;
  const sizes =
    typeof bucketBatchSizes === "number"
      ? boundaries.map(() => bucketBatchSizes).concat(bucketBatchSizes)
      : bucketBatchSizes;
  const where = "bucketBySequenceLength";
  const buckets: T[][] = sizes.map(() => []);
  const joins = sizes.map((_, i) =>
    padder(
      where,
      padToBucketBoundary && boundaries[i] !== undefined ? { ...options, padTo: boundaries[i] - 1 } : options,
    ),
  );
  for await (const element of source) {
    const length = options.elementLengthFn ? options.elementLengthFn(element) : lengthOf(element);
    const found = boundaries.findIndex((boundary) => length < boundary);
    const i = found < 0 ? boundaries.length : found;
    if (padToBucketBoundary && found < 0) {
      throw new RangeError(
        `${where}: an element of length ${length} fits in no bucket; expected less than ${boundaries.at(-1)}, the last boundary, ` +
          "because of padToBucketBoundary. Cut it (map), leave it out (filter) or add a boundary",
      );
    }
    const bucket = buckets[i]!;
    bucket.push(element);
    if (bucket.length < sizes[i]!) continue;
    buckets[i] = [];
    yield await joins[i]!(bucket);
  }
  if (options.dropRemainder) return;
  for (const [i, bucket] of buckets.entries()) if (bucket.length > 0) yield await joins[i]!(bucket);
}
