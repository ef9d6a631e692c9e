/**
 * What flows through a `Dataset`: elements, which are structures of data. An element that is an array is a tuple, as
 * Python's: `[x, y]`. Dicts are plain objects. Inside of them, arrays of numbers or strings, nested to one depth, are data, as
 * are tensors, typed arrays, numbers and strings.
 */
import { isPlainObject, type PathKey } from "../core/tree.ts";
import type { StringValues, Tensor } from "../runtime/tensor.ts";

/** Numbers in lists. Typed arrays in a list are data of their own each. */
type Numbers = number | boolean | bigint | readonly Numbers[];

/** Data without structure, unless it is a tuple of lists of different depths. */
export type Leaf = Tensor | ArrayBufferView | Numbers | StringValues;

/** How deep lists are nested, up to 6; all depths that occur. */
type Depth<T, Levels extends unknown[] = []> = Levels["length"] extends 6
  ? 6
  : T extends readonly (infer Item)[]
    ? Depth<Item, [...Levels, unknown]>
    : Levels["length"];
type IsUnion<T, All = T> = T extends unknown ? ([All] extends [T] ? false : true) : never;

/** Whether items of a tuple are nested to different depths: `[number[][], number[]]` are inputs and labels, not rows. */
type Mixed<T extends readonly unknown[]> = number extends T["length"] ? false : IsUnion<Depth<T[number]>>;

/** A part of an element with tensors for its data. */
type BatchedPart<T> = T extends Leaf
  ? T extends readonly unknown[]
    ? true extends Mixed<T>
      ? { -readonly [K in keyof T]: BatchedPart<T[K]> }
      : Tensor
    : Tensor
  : T extends readonly unknown[]
    ? { -readonly [K in keyof T]: BatchedPart<T[K]> }
    : T extends Readonly<Record<string, unknown>>
      ? { -readonly [K in keyof T]: BatchedPart<T[K]> }
      : T;

/** An element of stacked elements: the structure of one, with tensors for its data. */
export type Batched<T> = T extends Leaf
  ? T extends readonly unknown[]
    ? { -readonly [K in keyof T]: Tensor }
    : Tensor
  : T extends readonly unknown[]
    ? { -readonly [K in keyof T]: BatchedPart<T[K]> }
    : BatchedPart<T>;

/** What slicing along the first axis gives: tensors, or plain values of plain lists. */
export type Sliced<S> = S extends readonly string[]
  ? string
  : S extends readonly number[]
    ? number
    : S extends readonly boolean[]
      ? boolean
      : S extends Leaf
        ? S extends readonly unknown[]
          ? true extends Mixed<S>
            ? { -readonly [K in keyof S]: Sliced<S[K]> }
            : Tensor
          : Tensor
        : S extends readonly unknown[]
          ? { -readonly [K in keyof S]: Sliced<S[K]> }
          : S extends Readonly<Record<string, unknown>>
            ? { -readonly [K in keyof S]: Sliced<S[K]> }
            : never;

/** Whether scalars are of a kind, and how deep they stand; empty arrays, which may be deeper, at most how deep. */
interface Survey {
  readonly kinds: Set<"text" | "number" | "other">;
  readonly depths: Set<number>;
  deepestEmpty: number;
}

function survey(value: unknown, depth: number, found: Survey): Survey {
  if (!Array.isArray(value)) {
    const type = typeof value;
    const isNumber = type === "number" || type === "boolean" || type === "bigint";
    found.kinds.add(type === "string" ? "text" : isNumber ? "number" : "other");
    found.depths.add(depth);
  } else if (value.length === 0) found.deepestEmpty = Math.max(found.deepestEmpty, depth);
  else for (const item of value) survey(item, depth + 1, found);
  return found;
}

/**
 * Whether a value is an array of numbers or of strings, nested to one depth, with rows of any length. With both, or to
 * several depths, it is a tuple of data.
 */
export function isDataArray(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const { kinds, depths, deepestEmpty } = survey(value, 0, { kinds: new Set(), depths: new Set(), deepestEmpty: -1 });
  if (kinds.has("other") || kinds.size > 1 || depths.size > 1) return false;
  return [...depths].every((depth) => deepestEmpty < depth);
}

type OnData = (leaf: unknown, path: readonly PathKey[]) => unknown;

/** Applies `fn` to the data of a part of an element; absent parts stay `null`. */
export function mapData(part: unknown, fn: OnData, path: readonly PathKey[] = []): unknown {
  if (part === null || part === undefined) return null;
  if (Array.isArray(part) && !isDataArray(part)) return part.map((item, i) => mapData(item, fn, [...path, i]));
  if (!isPlainObject(part)) return fn(part, path);
  return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, mapData(item, fn, [...path, key])]));
}

/** Applies `fn` to the data of an element, whose array at the top is a tuple. */
export function mapElement(element: unknown, fn: OnData): unknown {
  return Array.isArray(element) ? element.map((part, i) => mapData(part, fn, [i])) : mapData(element, fn);
}

/** An element's data in order, where each stands, and the element again with something in its place. */
export interface TakenApart {
  readonly leaves: unknown[];
  readonly paths: (readonly PathKey[])[];
  rebuild(leaves: readonly unknown[]): unknown;
}

export function takeApart(element: unknown): TakenApart {
  const leaves: unknown[] = [];
  const paths: (readonly PathKey[])[] = [];
  mapElement(element, (leaf, path) => {
    leaves.push(leaf);
    paths.push(path);
  });
  const rebuild = (replacement: readonly unknown[]): unknown => {
    let next = 0;
    return mapElement(element, () => replacement[next++]);
  };
  return { leaves, paths, rebuild };
}

/** For messages: which part of an element, such as `part [0].title`. */
export function partText(path: readonly PathKey[]): string {
  if (path.length === 0) return "the element";
  const steps = path.map((key, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`));
  return `part ${steps.join("")}`;
}

/** A value per data of an element: given for all, or in the element's structure, where parts may be missing. */
export function spread<T>(
  given: unknown,
  paths: readonly (readonly PathKey[])[],
  isValue: (value: unknown) => value is T,
): (T | null)[] {
  return paths.map((path) => {
    let value = given;
    for (const key of path) {
      if (isValue(value)) break;
      value = (value as Record<PathKey, unknown> | null | undefined)?.[key];
    }
    return isValue(value) ? value : null;
  });
}
