/** State of a model as the tree of a weight file (`model.weights.h5`, `*.weights.h5`), and back. */
import { SerializationError } from "../core/errors.ts";
import { evaluate } from "../runtime/evaluate.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { nameOf } from "../serialization/registry.ts";
import type { VariableStore } from "../serialization/variableStore.ts";
import { emptyGroup, type H5Group } from "./h5/h5File.ts";
import { type Saveable, walkSaveables } from "./saveables.ts";

/** Group that holds an object's own variables, inside the group of the object. */
const VARS = "vars";
/** Where Keras 2.12 and 2.13 put the layers of a model. */
const OLD_LAYERS = "_layer_checkpoint_dependencies";

// ------------------------------------------------------------------- writing

/** Collects what an object puts into the file. */
class StoreWriter implements VariableStore {
  readonly values = new Map<string, Tensor>();
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  keys(): string[] {
    return [...this.values.keys()];
  }

  set(key: string, value: Tensor | Variable): void {
    this.values.set(key, value instanceof Variable ? value.value : value);
  }

  get(key: string): Tensor {
    const value = this.values.get(key);
    if (value) return value;
    throw new SerializationError(`"${this.#path}/${VARS}/${key}" has not been stored`);
  }
}

function groupAt(root: H5Group, path: string): H5Group {
  let group = root;
  for (const name of path.split("/")) {
    const next = group.groups.get(name) ?? emptyGroup();
    group.groups.set(name, next);
    group = next;
  }
  return group;
}

/** The weight file's tree for a model's current state; its lazy values are computed together. */
export async function stateTree(model: Saveable): Promise<H5Group> {
  const places: { path: string; name: string; store: StoreWriter }[] = [];
  walkSaveables(model, ({ saveable, path }) => {
    const store = new StoreWriter(path);
    saveable.saveOwnVariables(store);
    places.push({ path, name: saveable.name, store });
    return true;
  });
  await evaluate(places.flatMap(({ store }) => [...store.values.values()].map((tensor) => tensor.node)));
  const root = emptyGroup();
  for (const { path, name, store } of places) {
    const group = groupAt(root, path === "" ? VARS : `${path}/${VARS}`);
    group.attributes.set("name", name);
    for (const [key, tensor] of store.values) {
      group.datasets.set(key, { shape: tensor.shape, dtype: tensor.dtype, data: await tensor.data() });
    }
  }
  return root;
}

// ------------------------------------------------------------------- reading

/** Gives an object what the file holds for it. */
class StoreReader implements VariableStore {
  readonly #group: H5Group | null;
  readonly #path: string;

  constructor(group: H5Group | null, path: string) {
    this.#group = group;
    this.#path = path;
  }

  /** Whether the file has anything for the object. */
  get exists(): boolean {
    return this.#group !== null;
  }

  keys(): string[] {
    return [...(this.#group?.datasets.keys() ?? [])];
  }

  set(): never {
    throw new SerializationError(`"${this.#path}": the store is being read, nothing can be set`);
  }

  get(key: string): Tensor {
    const dataset = this.#group?.datasets.get(key);
    if (dataset) return tensorFromHost(dataset.data, dataset.shape, dataset.dtype);
    throw new SerializationError(
      `the file has no "${this.#path}/${VARS}/${key}"; it has there: ${this.keys().join(", ") || "nothing"}`,
    );
  }
}

/** Groups by path. Keras on Windows wrote some paths with backslashes, as one name. */
function groupsByPath(root: H5Group): Map<string, H5Group> {
  const groups = new Map<string, H5Group>();
  const enter = (group: H5Group, path: string): void => {
    for (const [name, child] of group.groups) {
      const inner = (path === "" ? name : `${path}/${name}`).replaceAll("\\", "/");
      groups.set(inner, child);
      enter(child, inner);
    }
  };
  enter(root, "");
  return groups;
}

/** Without what tells `dense1` from Python's `dense_1`. */
const withoutUnderscores = (path: string): string => path.replaceAll("_", "");

class WeightTree {
  readonly #groups: Map<string, H5Group>;
  readonly #used = new Set<string>();
  /** Paths by how they read without underscores, found when one is missing. */
  #alike: Map<string, string[]> | null = null;

  constructor(root: H5Group) {
    this.#groups = groupsByPath(root);
  }

  /** What is stored for the object at `path`; an absent group is an empty one. */
  at(path: string): StoreReader {
    const inner = path === "" ? VARS : `${path}/${VARS}`;
    const candidates = this.#groups.has(OLD_LAYERS) ? [inner, inner.replaceAll("layers", OLD_LAYERS)] : [inner];
    const found = candidates.find((candidate) => this.#groups.has(candidate)) ?? this.#spelledAlike(inner);
    if (found !== undefined) this.#used.add(found);
    return new StoreReader(found === undefined ? null : this.#groups.get(found)!, path);
  }

  /** The only group whose path differs in underscores alone: `layers/mlp/dense_1` for a property `dense1`. */
  #spelledAlike(path: string): string | undefined {
    if (!this.#alike) {
      this.#alike = new Map();
      for (const known of this.#groups.keys()) {
        const key = withoutUnderscores(known);
        this.#alike.set(key, [...(this.#alike.get(key) ?? []), known]);
      }
    }
    const paths = this.#alike.get(withoutUnderscores(path)) ?? [];
    return paths.length === 1 && !this.#used.has(paths[0]!) ? paths[0] : undefined;
  }

  /** Paths of layers with variables that nothing asked for: the model that was saved had more layers. */
  unused(): string[] {
    return [...this.#groups]
      .filter(([path, { datasets }]) => /(^|\/)layers\/[^/]+\/vars$/.test(path) && datasets.size > 0)
      .map(([path]) => path)
      .filter((path) => !this.#used.has(path))
      .map((path) => path.slice(0, -VARS.length - 1));
  }
}

export interface RestoreOptions {
  /** Whether objects that do not fit keep their values, with a warning, instead of being an error. */
  skipMismatch?: boolean;
  /** Whether layers in the file that the model does not have are an error. */
  complete?: boolean;
}

/** State that can be put back. */
const variablesOf = (saveable: object): readonly Variable[] =>
  "variables" in saveable && Array.isArray(saveable.variables)
    ? saveable.variables.filter((v): v is Variable => v instanceof Variable)
    : [];

function remember(saveables: readonly (object | null | undefined)[]): () => void {
  const variables = new Set(saveables.flatMap((saveable) => (saveable ? variablesOf(saveable) : [])));
  const values = [...variables].map((variable) => [variable, variable.value] as const);
  return () => {
    for (const [variable, value] of values) variable.assign(value);
  };
}

const SHOWN = 6;

/**
 * Assigns the state in a weight file's tree to a model. Nothing is assigned unless everything fits.
 *
 * @param where - The file, for messages.
 * @throws SerializationError that names every layer which does not fit, with both shapes or counts.
 */
export function restoreState(model: Saveable, root: H5Group, where: string, options: RestoreOptions = {}): void {
  const tree = new WeightTree(root);
  const undoAll = remember([model, (model as { optimizer?: object | null }).optimizer]);
  const failures = new Map<Saveable, { path: string; reason: string }>();
  const loaded = new Set<Saveable>();
  walkSaveables(model, ({ saveable, path }) => {
    const store = tree.at(path);
    // Nothing stored here does not outweigh what did not fit elsewhere.
    if (failures.has(saveable) && !store.exists) return false;
    const undo = remember([saveable]);
    try {
      saveable.loadOwnVariables(store);
      failures.delete(saveable);
      loaded.add(saveable);
      return true;
    } catch (error) {
      undo();
      // What failed is tried again wherever else it is held; the first reason is the one to tell.
      if (!failures.has(saveable)) failures.set(saveable, { path, reason: (error as Error).message });
      return false;
    }
  });
  const extra = options.complete && !options.skipMismatch ? tree.unused() : [];
  if (failures.size === 0 && extra.length === 0) return;
  const lines = [...failures].map(
    ([saveable, { path, reason }]) =>
      `"${saveable.name}" (${nameOf(saveable.constructor)}, at ${path || "/"}): ${reason}`,
  );
  lines.push(...extra.map((path) => `${path}: the model has no such layer`));
  const shown = lines.slice(0, SHOWN).map((line) => `\n  ${line}`);
  if (lines.length > SHOWN) shown.push(`\n  and ${lines.length - SHOWN} more`);
  const count = failures.size > 0 ? `${failures.size} of ${failures.size + loaded.size} objects do not fit` : "";
  const more = extra.length > 0 ? `the file has ${extra.length} layers more` : "";
  const summary = `${where}: weights of another architecture than model "${model.name}": ${[count, more].filter(Boolean).join(", ")}.`;
  if (options.skipMismatch) {
    console.warn(`${summary} They keep the values that they had.${shown.join("")}`);
    return;
  }
  undoAll();
  throw new SerializationError(
    `${summary}${shown.join("")}\nNothing was assigned. Load them into the architecture that they were saved from, or pass ` +
      "`skipMismatch: true` to load the layers that fit.",
  );
}
