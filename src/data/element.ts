/**
 * What flows through a `Dataset`: elements, which are structures of data. An element that is an array is a tuple, as
 * Python's: `[x, y]`. Dicts are plain objects. Inside of them, arrays of numbers or strings are data, as are tensors, typed
 * arrays, numbers and strings.
 */
import { isPlainObject, type PathKey } from "../core/tree.ts";
import type { NumberArray, StringValues, Tensor } from "../runtime/tensor.ts";

/** Data without structure. */
export type Leaf = Tensor | ArrayBufferView | NumberArray | StringValues;

/** A part of an element with tensors for its data. */
type BatchedPart<T> = T extends Leaf
  ? Tensor
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
        ? Tensor
        : S extends readonly unknown[]
          ? { -readonly [K in keyof S]: Sliced<S[K]> }
          : S extends Readonly<Record<string, unknown>>
            ? { -readonly [K in keyof S]: Sliced<S[K]> }
            : never;

const isScalar = (value: unknown): boolean =>
  typeof value === "number" || typeof value === "string" || typeof value === "boolean" || typeof value === "bigint";

const holdsOnly = (value: readonly unknown[], text: boolean): boolean =>
  value.every((item) =>
    Array.isArray(item) ? holdsOnly(item, text) : isScalar(item) && (typeof item === "string") === text,
  );

/** Whether a value is an array of numbers or of strings, of any depth, regular or not. With both it is a tuple of data. */
export const isDataArray = (value: unknown): boolean =>
  Array.isArray(value) && (holdsOnly(value, false) || holdsOnly(value, true));

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
