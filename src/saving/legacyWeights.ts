/**
 * Weights in the HDF5 layout of Keras 1 and 2, which Keras still publishes for its image models: one group per layer with
 * the names of its weights in an attribute. The order of the layers decides, or their names.
 *
 * @see keras/src/legacy/saving/legacy_h5_format.py (Keras 3.x)
 */
import { SerializationError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { tensorFromHost } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import type { H5Dataset, H5Group } from "./h5/h5File.ts";

/** What of a layer or model the old files know. */
interface Weighted {
  readonly name: string;
  readonly weights: readonly Variable[];
  readonly trainableWeights: readonly Variable[];
  readonly nonTrainableWeights: readonly Variable[];
}

/** A model with its layers; found by shape, because models import this room. */
export interface WeightedModel extends Weighted {
  readonly layers: readonly Weighted[];
}

export interface LegacyOptions {
  /** Whether weights that do not fit keep their values, with a warning. */
  skipMismatch?: boolean;
  /** Whether layers are matched by name instead of by order; layers without a namesake keep their weights. */
  byName?: boolean;
}

const MODEL_WEIGHTS = "model_weights";
const TOP_LEVEL = "top_level_model_weights";

/** Whether a file is in the old layout: weights alone, or a whole model. */
export const isLegacy = (root: H5Group): boolean =>
  root.groups.has(MODEL_WEIGHTS) || names(root, "layer_names") !== null;

/** A list of names in an attribute; long ones are cut into parts `name0`, `name1`, … `null`: there is none. */
function names(group: H5Group, attribute: string): string[] | null {
  const list = (key: string): string[] | null => {
    const value = group.attributes.get(key);
    return value === undefined ? null : ([value].flat().map(String) as string[]);
  };
  const whole = list(attribute);
  if (whole) return whole;
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    const part = list(`${attribute}${i}`);
    if (!part) return i === 0 ? null : parts;
    parts.push(...part);
  }
}

/** The order of weights in old files: all trainable ones first, those of inner layers included. */
const legacyOrder = (layer: Weighted): Variable[] => [...layer.trainableWeights, ...layer.nonTrainableWeights];

/** Weights of one layer in the file, in their order. */
interface StoredLayer {
  readonly name: string;
  readonly values: readonly H5Dataset[];
}

function readLayer(where: string, root: H5Group, name: string): StoredLayer {
  const group = root.groups.get(name);
  if (!group) throw new SerializationError(`${where}: the file lists a layer "${name}" and has no group for it`);
  const values = (names(group, "weight_names") ?? []).map((path) => {
    const parts = path.split("/");
    const last = parts.pop()!;
    const folder = parts.reduce<H5Group | undefined>((inner, part) => inner?.groups.get(part), group);
    const found = folder?.datasets.get(last);
    if (!found) throw new SerializationError(`${where}: layer "${name}" lists a weight "${path}" that is not there`);
    return found;
  });
  return { name, values };
}

/** Decides for each variable which value it gets; what does not fit is collected. */
class Assignment {
  readonly problems: string[] = [];
  readonly #pairs: [Variable, H5Dataset][] = [];

  add(place: string, variables: readonly Variable[], { name, values }: StoredLayer): void {
    if (variables.length !== values.length) {
      this.problems.push(
        `${place}: it has ${variables.length} weights (${variables.map((v) => v.name).join(", ") || "none"}), ` +
          `"${name}" in the file has ${values.length}`,
      );
      return;
    }
    variables.forEach((variable, i) => {
      const { shape } = values[i]!;
      if (shapesEqual(variable.shape, shape)) this.#pairs.push([variable, values[i]!]);
      else {
        this.problems.push(
          `${place}: weight "${variable.path}" has shape ${formatShape(variable.shape)}, the one in the file ${formatShape(shape)}`,
        );
      }
    });
  }

  run(): void {
    for (const [variable, { data, shape, dtype }] of this.#pairs)
      variable.assign(tensorFromHost(data, [...shape], dtype));
  }
}

const SHOWN = 6;

/**
 * Assigns the weights in a file of the old layout to a model. Nothing is assigned unless everything fits.
 *
 * @param where - The file, for messages.
 * @throws SerializationError for another number of layers, and for layers that do not fit, with both shapes or counts.
 */
export function restoreLegacyWeights(
  model: WeightedModel,
  file: H5Group,
  where: string,
  { skipMismatch = false, byName = false }: LegacyOptions = {},
): void {
  const root = file.groups.get(MODEL_WEIGHTS) ?? file;
  const stored = (names(root, "layer_names") ?? [])
    .map((name) => readLayer(where, root, name))
    .filter(({ values }) => values.length > 0);
  const assignment = new Assignment();
  if (byName) matchByName(model, stored, assignment);
  else matchByOrder(model, stored, assignment, where);
  const own = root.groups.has(TOP_LEVEL) ? readLayer(where, root, TOP_LEVEL) : null;
  if (own) assignment.add(`model "${model.name}" itself`, ownWeights(model), own);
  report(assignment.problems, model, where, skipMismatch);
  assignment.run();
}

function matchByOrder(
  model: WeightedModel,
  stored: readonly StoredLayer[],
  assignment: Assignment,
  where: string,
): void {
  const layers = model.layers.filter((layer) => layer.weights.length > 0);
  if (layers.length !== stored.length) {
    throw new SerializationError(
      `${where}: weights of another architecture than model "${model.name}": the model has ${layers.length} layers with ` +
        `weights, the file ${stored.length}. Nothing was assigned. Load them into the architecture that they were saved ` +
        "from, or pass `byName: true` to load the layers of the same names",
    );
  }
  layers.forEach((layer, i) => {
    assignment.add(`layer "${layer.name}"`, legacyOrder(layer), stored[i]!);
  });
}

function matchByName(model: WeightedModel, stored: readonly StoredLayer[], assignment: Assignment): void {
  const byName = new Map(stored.map((layer) => [layer.name, layer]));
  for (const layer of model.layers) {
    const found = byName.get(layer.name);
    if (found) assignment.add(`layer "${layer.name}"`, legacyOrder(layer), found);
  }
}

/** Weights that the model holds itself, outside of its layers. */
function ownWeights(model: WeightedModel): Variable[] {
  const inLayers = new Set(model.layers.flatMap((layer) => layer.weights));
  return legacyOrder(model).filter((variable) => !inLayers.has(variable));
}

function report(problems: readonly string[], model: Weighted, where: string, skip: boolean): void {
  if (problems.length === 0) return;
  const lines = problems.slice(0, SHOWN).map((problem) => `\n  ${problem}`);
  if (problems.length > SHOWN) lines.push(`\n  and ${problems.length - SHOWN} more`);
  const summary = `${where}: weights of another architecture than model "${model.name}".`;
  if (skip) {
    console.warn(`${summary} What does not fit keeps its values.${lines.join("")}`);
    return;
  }
  throw new SerializationError(
    `${summary}${lines.join("")}\nNothing was assigned. Load them into the architecture that they were saved from, or pass ` +
      "`skipMismatch: true` to load what fits.",
  );
}
