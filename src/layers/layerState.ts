/**
 * Finds the state of a layer by looking at its properties: variables, layers, metrics and seed generators held directly
 * or inside arrays, plain objects, maps and sets, in the order in which they were assigned. Nothing needs registering.
 */
import { isPlainObject } from "../core/tree.ts";
import { Variable } from "../runtime/variable.ts";

/** Visits everything a layer holds, once each, without entering the objects found. */
export function visitOwn(owner: object, visit: (value: object, key: string) => void): void {
  const seen = new Set<unknown>();
  const enter = (value: unknown, key: string): void => {
    if (value === null || (typeof value !== "object" && typeof value !== "function") || seen.has(value)) return;
    seen.add(value);
    if (Array.isArray(value) || value instanceof Set) {
      for (const item of value) enter(item, key);
    } else if (value instanceof Map) {
      for (const item of value.values()) enter(item, key);
    } else if (isPlainObject(value)) {
      for (const item of Object.values(value)) enter(item, key);
    } else visit(value, key);
  };
  for (const key of Object.keys(owner)) enter((owner as Record<string, unknown>)[key], key);
}

/** Values of one kind that an object holds. */
export function ownOfKind<T extends object>(owner: object, isKind: (value: object) => value is T): T[] {
  const found: T[] = [];
  visitOwn(owner, (value) => {
    if (isKind(value)) found.push(value);
  });
  return found;
}

export const isVariable = (value: object): value is Variable => value instanceof Variable;

/** What a layer needs to know of a seed generator. */
export interface SeedState {
  readonly state: Variable;
  next(): unknown;
}

export const isSeedGenerator = (value: object): value is SeedState =>
  "state" in value && value.state instanceof Variable && "next" in value && typeof value.next === "function";

/** What a layer needs to know of a metric. */
export interface MetricState {
  readonly variables: readonly Variable[];
  resetState(): void;
  updateState(...args: never[]): unknown;
}

/** Layers that adapt to data have `updateState` and `resetState` too, but no `result`. */
export const isMetric = (value: object): value is MetricState =>
  "updateState" in value &&
  typeof value.updateState === "function" &&
  "resetState" in value &&
  "result" in value &&
  "variables" in value;
