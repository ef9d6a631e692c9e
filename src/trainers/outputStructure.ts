/** Matches what a user gives per output (losses, metrics, labels, weights) with the structure of a model's outputs. */
import { describe } from "../core/errors.ts";
import { flatten, isNested, type Nested, type PathKey, showStructure } from "../core/tree.ts";
import { Tensor } from "../runtime/tensor.ts";

/** One output of a model. */
export interface OutputPlace {
  /** Key of logs and dicts: the producing layer's name, the dict key, or the path joined by "/". */
  readonly name: string;
  /** Position in flatten order. */
  readonly index: number;
  /** Name of the producing layer; `null` where only calling the model tells what its outputs are. */
  readonly layer: string | null;
}

/** An output, or outputs that stand together in a list or dict. */
export interface OutputNode {
  /** As of {@link OutputPlace}; empty for the whole of a structure. */
  readonly name: string;
  /** The outputs here, in flatten order. */
  readonly places: readonly OutputPlace[];
  /** What stands here; `null` for one output. */
  readonly parts: ReadonlyMap<PathKey, OutputNode> | null;
  readonly isList: boolean;
}

/** The outputs of a model, with the names under which users speak of them. */
export function modelOutputs(yPred: unknown, outputNames: readonly string[] | null): OutputNode {
  const count = flatten(yPred as Nested<unknown>).length;
  const layers = outputNames?.length === count ? outputNames : null;
  let next = 0;
  const visit = (value: unknown, path: readonly PathKey[]): OutputNode => {
    if (!isNested(value)) {
      const index = next++;
      const layer = layers?.[index] ?? null;
      // The last of several lists is left out: its outputs have names of their own.
      const keys = typeof path.at(-1) === "number" ? [...path.slice(0, -1), layer ?? `output_${index}`] : path;
      const name = path.length === 0 ? (outputNames?.[0] ?? "output") : keys.join("/");
      return { name, places: [{ name, index, layer }], parts: null, isList: false };
    }
    const isList = Array.isArray(value);
    const keys: PathKey[] = isList ? [...value.keys()] : Object.keys(value).sort();
    const parts = new Map(
      keys.map((key) => [key, visit((value as Record<PathKey, unknown>)[key], [...path, key])] as const),
    );
    return { name: path.join("/"), places: [...parts.values()].flatMap((part) => part.places), parts, isList };
  };
  return visit(yPred, []);
}

/** Something that was given, and for what: an output, or several together. */
export interface Given {
  readonly node: OutputNode;
  readonly item: unknown;
}

const namesOf = (node: OutputNode): string => node.places.map((place) => place.name).join(", ");

/** Whether a value is one item (a loss, a tensor, a number) rather than a structure of them. */
const isLeaf = (value: unknown): boolean => value instanceof Tensor || !isNested(value);

/** The part of the outputs that a key of a dict means. */
function nodeOfKey(node: OutputNode, key: string): OutputNode | null {
  const own = node.isList ? undefined : node.parts?.get(key);
  if (own) return own;
  const full = node.name === "" || node.parts === null ? key : `${node.name}/${key}`;
  const inside = (part: OutputNode): OutputNode | null => {
    if (part.name === full || (node.isList && part.parts === null && part.places[0]!.layer === key)) return part;
    for (const inner of part.parts?.values() ?? []) {
      const found = inside(inner);
      if (found) return found;
    }
    return null;
  };
  return inside(node);
}

/**
 * Pairs of items and outputs, in the order in which the items were given. Where the structures part ways, an item is for all
 * outputs below, or a list of items for one output: the caller knows what either means.
 *
 * @param isItem - Whether a value is one item, although it may look like a structure.
 * @throws RangeError or TypeError showing what was received and the output names.
 */
export function matchItems(
  where: string,
  what: string,
  items: unknown,
  outputs: OutputNode,
  isItem: (value: unknown) => boolean = isLeaf,
): Given[] {
  const names = namesOf(outputs);
  const isItemOrNone = (value: unknown): boolean => value === null || value === undefined || isItem(value);
  const matchList = (list: readonly unknown[], node: OutputNode): Given[] => {
    if (node.parts === null) return list.length === 1 ? match(list[0], node) : [{ node, item: list }];
    // A flat list goes with the outputs in flatten order, any other one with the list that it mirrors.
    const count = node.places.length;
    const isFlat = list.length === count && (list.every(isItemOrNone) || node.parts.size === count);
    const parts = isFlat ? node.places.map((place) => leafOf(node, place)) : [...node.parts.values()];
    if (isFlat || (node.isList && list.length === parts.length))
      return list.flatMap((item, i) => match(item, parts[i]!));
    const owner = node === outputs ? "The model" : `"${node.name}"`;
    throw new RangeError(
      `${where}: \`${what}\` must have one entry per output. ${owner} has ${count} (${namesOf(node)}). ` +
        `Received ${list.length}: ${showStructure(list)}`,
    );
  };
  const match = (value: unknown, node: OutputNode): Given[] => {
    if (value === null || value === undefined) return [];
    if (isItem(value)) return [{ node, item: value }];
    if (Array.isArray(value)) return matchList(value, node);
    const dict = value as Readonly<Record<string, unknown>>;
    const keys = Object.keys(dict);
    const found = keys.map((key) => ({ key, part: nodeOfKey(node, key) }));
    const unknown = found.find(({ part }) => part === null);
    if (unknown) {
      const key = node.name === "" || node.parts === null ? unknown.key : `${node.name}/${unknown.key}`;
      throw new RangeError(
        `${where}: \`${what}\` has a key ${describe(key)} that is no output of the model. Expected keys: ${names}. Found: ${keys.join(", ")}`,
      );
    }
    const pairs = found.flatMap(({ key, part }) => match(dict[key], part!));
    // A dict of names for a list of outputs is put in the order of that list, as Keras does.
    return node.isList ? pairs.sort((a, b) => a.node.places[0]!.index - b.node.places[0]!.index) : pairs;
  };
  return match(items, outputs);
}

/** The part of the outputs that is one of them alone. */
export function leafOf(node: OutputNode, place: OutputPlace): OutputNode {
  if (node.parts === null) return node;
  for (const part of node.parts.values()) if (part.places.includes(place)) return leafOf(part, place);
  throw new Error(`internal: no output "${place.name}"`);
}

/**
 * One item per output, `null` where there is none.
 *
 * @param single - What an item for several outputs means: one for each (sample weights), or a mistake (labels).
 * @throws RangeError or TypeError showing what was received and the output names.
 */
export function itemsPerOutput(
  where: string,
  what: string,
  items: unknown,
  outputs: OutputNode,
  single: "every" | "only",
): unknown[] {
  const perOutput: unknown[] = outputs.places.map(() => null);
  for (const { node, item } of matchItems(where, what, items, outputs)) {
    if (node.parts === null && !isLeaf(item)) {
      throw new RangeError(
        `${where}: expected one \`${what}\` for output "${node.name}". Received: ${showStructure(item)}`,
      );
    }
    if (node.parts !== null && single === "only") {
      const owner = node === outputs ? "the model" : `"${node.name}"`;
      throw new RangeError(
        `${where}: ${owner} has ${node.places.length} outputs (${namesOf(node)}) but one \`${what}\` was given. ` +
          `Received: ${describe(item)}; pass a list in their order or a dict by their names`,
      );
    }
    for (const place of node.places) perOutput[place.index] = item;
  }
  return perOutput;
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
  outputs: OutputNode,
  used: (place: OutputPlace) => boolean,
): unknown[] {
  const { places } = outputs;
  const users = places.filter(used);
  const leaves = isNested(labels) ? flatten(labels as Nested<unknown>) : [labels];
  if (Array.isArray(labels) && leaves.length !== places.length && leaves.length === users.length) {
    return places.map((place) => leaves[users.indexOf(place)] ?? null);
  }
  if (users.length === 1 && !isNested(labels)) return places.map((place) => (place === users[0] ? labels : null));
  return itemsPerOutput(where, "y", labels, outputs, "only");
}
