/** Matches what a user gives per output (losses, metrics, labels, weights) with the structure of a model's outputs. */
import { describe } from "../core/errors.ts";
import { flatten, flattenWithPath, isNested, isPlainObject, type Nested, showStructure } from "../core/tree.ts";
import { Tensor } from "../runtime/tensor.ts";

/** One output of a model. */
export interface OutputPlace {
  /** Key of logs and dicts: the producing layer's name, the dict key, or the path joined by "/". */
  readonly name: string;
  /** Position in flatten order. */
  readonly index: number;
}

/** The outputs of a model in flatten order, with the names under which users speak of them. */
export function outputPlaces(yPred: unknown, outputNames: readonly string[] | null): OutputPlace[] {
  const paths = flattenWithPath(yPred as Nested<unknown>);
  return paths.map(([path, _], index) => {
    const last = path.at(-1);
    const ownName = outputNames && outputNames.length === paths.length ? outputNames[index]! : `output_${index}`;
    if (path.length === 0) return { name: outputNames?.[0] ?? "output", index };
    const keys = path.map((key, depth) =>
      typeof key === "number" && depth === path.length - 1 ? ownName : String(key),
    );
    return { name: typeof last === "number" && path.length === 1 ? ownName : keys.join("/"), index };
  });
}

/** Whether a value is one item (a loss, a tensor, a number) rather than a structure of them. */
const isItem = (value: unknown): boolean =>
  value === null || value === undefined || value instanceof Tensor || !isNested(value);

/**
 * One item per output, `null` where there is none.
 *
 * @param single - What a lone item means: for every output (losses, sample weights), or only for a single output (labels).
 * @throws RangeError or TypeError showing what was received and the output names.
 */
export function itemsPerOutput(
  where: string,
  what: string,
  items: unknown,
  places: readonly OutputPlace[],
  single: "every" | "only",
): unknown[] {
  const names = places.map((p) => p.name).join(", ");
  if (isItem(items)) {
    if (items === null || items === undefined) return places.map(() => null);
    if (single === "every" || places.length === 1) return places.map(() => items);
    throw new RangeError(
      `${where}: the model has ${places.length} outputs (${names}) but one \`${what}\` was given. Received: ${describe(items)}; ` +
        "pass a list in their order or a dict by their names",
    );
  }
  if (isPlainObject(items)) {
    const keys = Object.keys(items);
    const unknown = keys.find((key) => !places.some((p) => p.name === key || p.name.startsWith(`${key}/`)));
    if (unknown !== undefined) {
      throw new RangeError(
        `${where}: \`${what}\` has a key ${describe(unknown)} that is no output of the model. Expected keys: ${names}. Found: ${keys.join(", ")}`,
      );
    }
    return places.map((place) => {
      let value: unknown = items;
      for (const part of place.name in items ? [place.name] : place.name.split("/")) {
        value = isPlainObject(value) ? value[part] : undefined;
      }
      return value ?? null;
    });
  }
  const flat = flatten(items as Nested<unknown>);
  if (flat.length === places.length) return flat;
  throw new RangeError(
    `${where}: \`${what}\` must have one entry per output. The model has ${places.length} (${names}). ` +
      `Received ${flat.length}: ${showStructure(items)}`,
  );
}

/**
 * Labels per output, `null` where there are none. They may be given for all outputs or, as a list, only for those that have
 * a loss.
 *
 * @param used - Whether an output has a loss, by its index.
 */
export function labelsPerOutput(
  where: string,
  labels: unknown,
  places: readonly OutputPlace[],
  used: (place: OutputPlace) => boolean,
): unknown[] {
  const users = places.filter(used);
  const leaves = isNested(labels) ? flatten(labels as Nested<unknown>) : [labels];
  if (Array.isArray(labels) && leaves.length !== places.length && leaves.length === users.length) {
    return places.map((place) => leaves[users.indexOf(place)] ?? null);
  }
  if (users.length === 1 && !isNested(labels)) return places.map((place) => (place === users[0] ? labels : null));
  return itemsPerOutput(where, "y", labels, places, "only");
}
