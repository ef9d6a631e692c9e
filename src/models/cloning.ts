/** Copies of models with layers and weights of their own. */
import { checkOptions, describe } from "../core/errors.ts";
import { flatten, mapStructure, type Nested, sameStructure, showStructure } from "../core/tree.ts";
import { Input, type InputLayerBase } from "../layers/core/inputLayer.ts";
import { type Layer, LayerBase } from "../layers/layer.ts";
import { OpOperation } from "../ops/define.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { classNameOf, type Operation } from "../ops/operation.ts";
import { type CustomObjects, isBuiltin, nameOf, type SerializableClass } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import type { Graph } from "./graph.ts";
import { FunctionalBase, type FunctionalOptions, type Model, type ModelBase } from "./model.ts";
import { SequentialBase } from "./sequential.ts";

/** Options of {@link cloneModel}. */
export interface CloneModelOptions {
  /** Inputs for the copy, structured like `model.input`. @defaultValue fresh inputs */
  inputTensors?: Nested<KerasTensor> | null;
  /** Makes the copy of a layer; it is called once per layer and never for inputs. @defaultValue a layer of the same config */
  cloneFunction?: ((layer: Layer) => LayerBase) | null;
  /** Calls a copied layer on the arguments of the original's call, options last. For graphs only. @defaultValue `layer(...args)` */
  callFunction?: ((layer: Layer, ...args: [inputs: unknown, ...more: unknown[]]) => unknown) | null;
  /** Whether models inside are copied by the same functions, layer by layer. @defaultValue `false` */
  recursive?: boolean;
}

type CloneLayer = (layer: LayerBase) => LayerBase;
type CallLayer = NonNullable<CloneModelOptions["callFunction"]>;
type GraphModel = ModelBase & { readonly graph: Graph };

const isGraphModel = (layer: LayerBase): layer is GraphModel => "graph" in layer && layer.graph !== null;

const whereOf = (model: ModelBase): string => `cloneModel of ${classNameOf(model)} "${model.name}"`;

/** A layer of the same configuration, not yet built. */
function sameConfig(layer: LayerBase): LayerBase {
  return (layer.constructor as typeof LayerBase).fromConfig(layer.getConfig()) as LayerBase;
}

/**
 * Copies a model: the same graph of new layers, with weights of their own, freshly initialized.
 *
 * A layer that the model calls several times is copied once. A compiled model gives a compiled copy. A model with a
 * `call` of its own is copied through its config, and takes none of the functions. The copy of a subclass that was
 * made from inputs and outputs is of that subclass when its constructor takes those, else a plain functional model.
 *
 * @throws TypeError for options that do not go with the kind of model.
 * @example
 * const copy = keras.models.cloneModel(model);
 * copy.setWeights(model.getWeights());
 * @see keras/src/models/cloning.py (Keras 3.x)
 */
export function cloneModel(model: ModelBase, options: CloneModelOptions = {}): Model {
  checkOptions("cloneModel", options, ["inputTensors", "cloneFunction", "callFunction", "recursive"]);
  return copyModel(model, options, new Map()) as Model;
}

function copyModel(model: ModelBase, options: CloneModelOptions, copies: Map<LayerBase, LayerBase>): ModelBase {
  const where = whereOf(model);
  const { inputTensors = null, cloneFunction = null, callFunction = null } = options;
  for (const [name, value] of Object.entries({ cloneFunction, callFunction })) {
    if (value === null || typeof value === "function") continue;
    throw new TypeError(`${where}: expected \`${name}\` to be a function. Received: ${describe(value)}`);
  }
  if (model instanceof SequentialBase) {
    if (callFunction) {
      throw new TypeError(
        `${where}: \`callFunction\` is for functional models; the layers of a Sequential are only listed, not called`,
      );
    }
    return compiledLike(model, copyStack(model, copyOnce(options, copies), inputTensors));
  }
  if (isGraphModel(model)) {
    const call: CallLayer = callFunction ?? ((layer, ...args) => layer.invoke(args));
    return compiledLike(model, copyGraph(model, copyOnce(options, copies), call, inputTensors));
  }
  const given = Object.entries({ inputTensors, cloneFunction, callFunction }).find(([, value]) => value !== null);
  if (given) {
    throw new TypeError(
      `${where}: \`${given[0]}\` is for functional and Sequential models; the structure of a model with its own \`call\` ` +
        "is not known",
    );
  }
  const customObjects = { [nameOf(model.constructor)]: model.constructor as SerializableClass } as CustomObjects;
  return deserializeObject(serializeObject(model), { customObjects }) as ModelBase;
}

/** The function that copies layers, with a memory of what was copied. */
function copyOnce(options: CloneModelOptions, copies: Map<LayerBase, LayerBase>): CloneLayer {
  const copy = (layer: LayerBase): LayerBase => {
    if (!options.recursive || !(layer instanceof SequentialBase || isGraphModel(layer))) {
      return options.cloneFunction ? options.cloneFunction(layer as Layer) : sameConfig(layer);
    }
    const { cloneFunction = null, callFunction = null } = options;
    const inner = { cloneFunction, recursive: true };
    return copyModel(layer, layer instanceof SequentialBase ? inner : { ...inner, callFunction }, copies);
  };
  return (layer) => {
    const known = copies.get(layer);
    if (known) return known;
    const made = copy(layer);
    if (!(made instanceof LayerBase)) {
      throw new TypeError(
        `cloneModel: \`cloneFunction\` must return a layer. Received: ${describe(made)} for "${layer.name}"`,
      );
    }
    copies.set(layer, made);
    return made;
  };
}

function compiledLike(model: ModelBase, copy: ModelBase): ModelBase {
  if (model.compiled) copy.compileFromConfig(model.getCompileConfig());
  return copy;
}

// ------------------------------------------------------------------- stacks

function copyStack(model: SequentialBase, copy: CloneLayer, given: Nested<KerasTensor> | null): SequentialBase {
  const input = stackInput(model, given);
  const layers = [...(input ? [input] : []), ...model.layers.map(copy)];
  return new SequentialBase(layers, { name: model.name, trainable: model.trainable });
}

function stackInput(model: SequentialBase, given: Nested<KerasTensor> | null): KerasTensor | null {
  const original: InputLayerBase | null = model.inputLayer;
  const name = original ? { name: original.name } : {};
  const optional = original?.optional ?? false;
  if (given !== null) {
    const [tensor, ...more] = flatten(given);
    if (!(tensor instanceof KerasTensor) || more.length > 0) {
      throw new TypeError(
        `${whereOf(model)}: expected \`inputTensors\` to be one symbolic tensor. Received: ${describe(given)}`,
      );
    }
    return Input({ tensor, ...name, optional });
  }
  return original && Input({ batchShape: original.batchShape, dtype: original.inputDType, ...name, optional });
}

// ------------------------------------------------------------------- graphs

function copyGraph(model: GraphModel, copy: CloneLayer, call: CallLayer, given: Nested<KerasTensor> | null): ModelBase {
  const { graph } = model;
  const inputs = given === null ? freshInputs(graph) : checkInputs(model, given);
  const run = (operation: Operation, args: unknown[]): unknown =>
    call(copyOperation(operation, copy) as Layer, ...(args as [unknown, ...unknown[]]));
  const outputs = graph.run(flatten(inputs), run) as Nested<KerasTensor>;
  return likeOriginal(model, { inputs, outputs, name: model.name });
}

/** Recorded ops have no state; a copy keeps the graphs apart. What calls them need not know that they are no layers. */
function copyOperation(operation: Operation, copy: CloneLayer): LayerBase {
  if (operation instanceof LayerBase) return copy(operation);
  const { definition, statics, name } = operation as OpOperation;
  return (operation instanceof OpOperation ? new OpOperation(definition, statics, name) : operation) as LayerBase;
}

const freshInputs = (graph: Graph): Nested<KerasTensor> =>
  mapStructure((t: KerasTensor) => {
    const layer = t.kerasHistory?.operation as InputLayerBase | undefined;
    return Input({ batchShape: t.shape, dtype: t.dtype, name: t.name, optional: layer?.optional ?? false });
  }, graph.inputStructure) as Nested<KerasTensor>;

function checkInputs(model: GraphModel, given: Nested<KerasTensor>): Nested<KerasTensor> {
  const expected = model.graph.inputStructure;
  const show = (structure: unknown): string =>
    showStructure(structure, (leaf) => (leaf instanceof KerasTensor ? leaf.name : describe(leaf)));
  const other = flatten<unknown>(given as Nested<unknown>).find((leaf) => !(leaf instanceof KerasTensor));
  if (other === undefined && sameStructure(expected, given)) return given;
  throw new TypeError(
    `${whereOf(model)}: expected \`inputTensors\` to be symbolic tensors structured like \`model.input\`, ${show(expected)}. ` +
      `Received: ${show(given)}`,
  );
}

/** A model of the original's class if that is made from inputs and outputs, which only trying tells. */
function likeOriginal(model: GraphModel, options: FunctionalOptions): ModelBase {
  const cls = model.constructor as new (options: FunctionalOptions) => ModelBase;
  if (isBuiltin(cls) || model.getConfig !== FunctionalBase.prototype.getConfig || cls.length > 1) {
    return new FunctionalBase(options);
  }
  const made = new cls(options);
  return made.graph?.outputStructure === options.outputs ? made : new FunctionalBase(options);
}
