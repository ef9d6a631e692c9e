/**
 * The objects of a model that have state in files, and under which paths: Keras's walk over attributes, with the names
 * of classes rather than of objects, so that two builds of one model have the same paths.
 *
 * @see keras/src/saving/saving_lib.py (Keras 3.x), `_walk_saveable`: same order, same names.
 */
import { toSnakeCase } from "../core/names.ts";
import { isPlainObject } from "../core/tree.ts";
import { toSnakeKey } from "../models/callKeys.ts";
import { configTable } from "../serialization/configObject.ts";
import { nameOf, ownStatic } from "../serialization/registry.ts";
import type { VariableStore } from "../serialization/variableStore.ts";

/** A layer, a model or an optimizer. */
export interface Saveable {
  readonly name: string;
  saveOwnVariables(store: VariableStore): void;
  loadOwnVariables(store: VariableStore): void;
}

/** What a model has besides a layer; found by shape, because models import this room. */
interface ModelParts {
  readonly graph?: unknown;
  readonly layers?: readonly Saveable[];
  readonly optimizer?: Saveable | null;
}

export const isSaveable = (value: unknown): value is Saveable =>
  ((typeof value === "object" && value !== null) || typeof value === "function") &&
  "saveOwnVariables" in value &&
  "loadOwnVariables" in value;

/** Where a saveable is reached: `path` is `layers/dense`; empty for the model itself. */
export interface Place {
  readonly saveable: Saveable;
  readonly path: string;
}

/** The group of an object in a list: its class in snake case, as the class is called in Python. */
const groupNameOf = (cls: object): string => ownStatic<string>(cls, "automaticName") ?? toSnakeCase(nameOf(cls));

/** Private attributes come last. */
const sortKey = (attribute: string): string => (attribute.startsWith("_") ? `~${attribute}` : attribute);

const isContainer = (value: unknown): value is object =>
  Array.isArray(value) || isPlainObject(value) || value instanceof Map || value instanceof Set;

const itemsOf = (container: object): unknown[] =>
  Array.isArray(container)
    ? container
    : container instanceof Map || container instanceof Set
      ? [...container.values()]
      : Object.values(container);

/**
 * Attributes under Keras's names, in Keras's order; those of graph models after `layers`. A property has the name that the
 * class's `configKeys` give it, else its own in snake case.
 */
function attributesOf(saveable: Saveable): [attribute: string, value: unknown][] {
  const names = new Map(configTable(saveable.constructor));
  const { graph, layers, optimizer } = saveable as ModelParts;
  const isModel = Array.isArray(layers) && graph !== undefined;
  const isStack = isModel && (graph !== null || "stack" in saveable);
  const own = Object.keys(saveable).map((key): [string, unknown] => [
    names.get(key) ?? toSnakeKey(key),
    (saveable as unknown as Record<string, unknown>)[key],
  ]);
  if (isModel && optimizer) own.push(["optimizer", optimizer]);
  // Keras finds the property of a subclassed model among its attributes.
  if (isModel && !isStack) own.push(["layers", layers]);
  own.sort(([a], [b]) => (sortKey(a) < sortKey(b) ? -1 : sortKey(a) > sortKey(b) ? 1 : 0));
  return isStack ? [["layers", layers], ...own] : own;
}

const join = (path: string, name: string): string => (path === "" ? name : `${path}/${name}`);

/** What to do at each place; `true` when the object is dealt with and is not to be visited where it is met again. */
export type Visit = (place: Place) => boolean;

/** Visits a model, and everything inside it that has state, in the order of Keras's files. */
export function walkSaveables(root: Saveable, visit: Visit): void {
  const done = new Set<object>();
  const entered = new Set<object>();

  const enter = (saveable: Saveable, path: string): void => {
    if (done.has(saveable)) return;
    const dealtWith = visit({ saveable, path });
    if (dealtWith) done.add(saveable);
    // Something that failed here may be met again elsewhere, but never inside itself.
    if (entered.has(saveable)) return;
    entered.add(saveable);
    for (const [attribute, value] of attributesOf(saveable)) {
      if (isSaveable(value)) enter(value, join(path, attribute));
      else if (isContainer(value)) enterContainer(value, join(path, attribute), new Set());
    }
    entered.delete(saveable);
  };

  const enterContainer = (container: object, path: string, seen: Set<object>): void => {
    if (seen.has(container)) return;
    seen.add(container);
    const used = new Map<string, number>();
    const unique = (name: string): string => {
      const count = used.get(name) ?? 0;
      used.set(name, count + 1);
      return count === 0 ? name : `${name}_${count}`;
    };
    for (const item of itemsOf(container)) {
      // An object met before is passed over, but has its number.
      if (isSaveable(item)) enter(item, join(path, unique(groupNameOf(item.constructor))));
      else if (isContainer(item)) enterContainer(item, join(path, unique("container")), seen);
    }
  };

  enter(root, "");
}
