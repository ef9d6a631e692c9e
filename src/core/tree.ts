/**
 * Nested structures as `keras.tree`: arrays and plain objects are nodes, everything else is a leaf (`null` too).
 * Plain objects are visited in sorted key order, as Keras visits dicts; packing restores the original key order.
 */
import { describe } from "./errors.ts";

/** A leaf, or arrays and plain objects of them at any depth. */
export type Nested<T> = T | readonly Nested<T>[] | { readonly [key: string]: Nested<T> };

/** Step from a structure to a part of it. */
export type PathKey = string | number;

/** Whether a value is a plain object, the counterpart of a Python dict: class instances are leaves. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== "object") return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export const isNested = (value: unknown): value is readonly unknown[] | Record<string, unknown> =>
  Array.isArray(value) || isPlainObject(value);

/** Leaves in visiting order. */
export function flatten<T>(structure: Nested<T>): T[] {
  const out: T[] = [];
  walk(structure, [], (leaf) => out.push(leaf as T));
  return out;
}

/** Leaves with the path that leads to each. */
export function flattenWithPath<T>(structure: Nested<T>): [PathKey[], T][] {
  const out: [PathKey[], T][] = [];
  walk(structure, [], (leaf, path) => out.push([path, leaf as T]));
  return out;
}

function walk(value: unknown, path: PathKey[], visit: (leaf: unknown, path: PathKey[]) => void): void {
  if (Array.isArray(value)) {
    value.forEach((item, i) => {
      walk(item, [...path, i], visit);
    });
  } else if (isPlainObject(value)) {
    for (const key of Object.keys(value).sort()) walk(value[key], [...path, key], visit);
  } else visit(value, path);
}

/** Applies `fn` to every leaf and keeps the structure. */
export function mapStructure<T, U>(fn: (leaf: T, path: PathKey[]) => U, structure: Nested<T>): Nested<U> {
  const go = (value: unknown, path: PathKey[]): unknown => {
    if (Array.isArray(value)) return value.map((item, i) => go(item, [...path, i]));
    if (isPlainObject(value)) {
      const results = new Map(
        Object.keys(value)
          .sort()
          .map((key) => [key, go(value[key], [...path, key])]),
      );
      return Object.fromEntries(Object.keys(value).map((key) => [key, results.get(key)]));
    }
    return fn(value as T, path);
  };
  return go(structure, []) as Nested<U>;
}

/** Puts flat leaves back into the shape of `structure`. */
export function packSequenceAs<T>(structure: Nested<unknown>, flat: readonly T[]): Nested<T> {
  let next = 0;
  const packed = mapStructure(() => {
    if (next >= flat.length) {
      throw new RangeError(`packSequenceAs: the structure has more leaves than the ${flat.length} given`);
    }
    return flat[next++] as T;
  }, structure);
  if (next !== flat.length) {
    throw new RangeError(`packSequenceAs: the structure has ${next} leaves but ${flat.length} were given`);
  }
  return packed;
}

/** Whether two structures have the same arrays, keys and depth; leaves may differ. */
export function sameStructure(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameStructure(item, b[i]));
  }
  if (isPlainObject(a)) {
    if (!isPlainObject(b)) return false;
    const keys = Object.keys(a).sort();
    const others = Object.keys(b).sort();
    return keys.length === others.length && keys.every((k, i) => k === others[i] && sameStructure(a[k], b[k]));
  }
  return !isNested(b);
}

/** @throws RangeError showing both structures with leaves replaced by `*`. */
export function assertSameStructure(a: unknown, b: unknown, where = "structures"): void {
  if (!sameStructure(a, b)) {
    throw new RangeError(`${where}: structures differ. Expected: ${showStructure(a)}. Received: ${showStructure(b)}`);
  }
}

/** The structure as text, each leaf replaced by `*` or by what `leaf` returns. */
export function showStructure(structure: unknown, leaf: (value: unknown) => string = () => "*"): string {
  if (Array.isArray(structure)) return `[${structure.map((s) => showStructure(s, leaf)).join(", ")}]`;
  if (isPlainObject(structure)) {
    return `{${Object.keys(structure)
      .map((k) => `${k}: ${showStructure(structure[k], leaf)}`)
      .join(", ")}}`;
  }
  return leaf(structure);
}

/** The part of a structure that a path leads to. */
export function getPath(structure: unknown, path: readonly PathKey[]): unknown {
  let value: unknown = structure;
  for (const key of path) {
    if (!isNested(value) || !Object.hasOwn(value, key)) {
      throw new RangeError(`no part at path "${path.join("/")}" of ${showStructure(structure, describe)}`);
    }
    value = (value as Record<PathKey, unknown>)[key];
  }
  return value;
}
