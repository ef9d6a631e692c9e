/** Models: layers with a training loop, a summary and a file. Either a graph of layers, or a class with its own `call`. */
import { describe } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { flatten, isPlainObject, mapStructure, type Nested } from "../core/tree.ts";
import { callContext } from "../layers/callContext.ts";
import { Input, InputLayerBase } from "../layers/core/inputLayer.ts";
import { placeOf } from "../layers/errorTrail.ts";
import { LayerBase, type LayerOptions, type Mask } from "../layers/layer.ts";
import type { FromConfig, IsSymbolic, LooseArguments, LooseResult } from "../layers/layerClass.ts";
import { checkConfigTells } from "../layers/ownConfig.ts";
import { revivingInside } from "../layers/revivedPath.ts";
import { isBase } from "../layers/userClass.ts";
import { hasSymbolic, KerasTensor } from "../ops/kerasTensor.ts";
import { producerOf } from "../ops/node.ts";
import type { Config, Operation } from "../ops/operation.ts";
import { Tensor } from "../runtime/tensor.ts";
import { saveModelToBytes } from "../saving/kerasArchive.ts";
import { toPythonJson } from "../saving/pythonJson.ts";
import {
  type FileSource,
  type LoadWeightsOptions,
  loadWeights,
  type SaveOptions,
  saveModel,
  saveWeights,
} from "../saving/savingApi.ts";
import { type CustomObjectsArgument, readCustomObjects } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import type { TensorStructure } from "../trainers/dataAdapters/dataAdapter.ts";
import type { FitData } from "../trainers/dataInput.ts";
import { Trainer } from "../trainers/trainer.ts";
import type { PredictOptions } from "../trainers/trainerOptions.ts";
import { printSummary, type SummaryOptions } from "../viz/summary.ts";
import { graphConfig, graphFromConfig } from "./functionalConfig.ts";
import { Graph, type RunOperation } from "./graph.ts";
import { HostPart, hostInputs, isBoundary } from "./hostPart.ts";
import { matchInputs } from "./inputMatching.ts";

/** Options of a functional {@link Model}. */
export interface FunctionalOptions<I = Nested<KerasTensor>, O = Nested<KerasTensor>> {
  inputs: I;
  outputs: O;
  name?: string | null;
  trainable?: boolean;
}

/** Options of a subclassed {@link Model}'s `super(…)`. */
export type ModelOptions = LayerOptions;

type AnyModelArguments = readonly unknown[];

const holdsSymbolic = (value: unknown): boolean =>
  (value instanceof KerasTensor || Array.isArray(value) || isPlainObject(value)) &&
  flatten(value as Nested<unknown>).some((leaf) => leaf instanceof KerasTensor);

/** @throws TypeError for what was meant as inputs and outputs, and is not complete. */
function refuseHalfAGraph(where: string, first: unknown, third: unknown): void {
  const way = `Pass both: ${where}({ inputs, outputs }) or ${where}(inputs, outputs, { name })`;
  if (third !== undefined && !isPlainObject(third)) {
    throw new TypeError(
      `${where}: expected options such as { name } behind inputs and outputs. Received: ${describe(third)}`,
    );
  }
  if (first instanceof KerasTensor || (Array.isArray(first) && holdsSymbolic(first))) {
    throw new TypeError(`${where}: inputs without outputs. ${way}`);
  }
  if (!isPlainObject(first)) return;
  const keys = Object.keys(first).filter((key) => holdsSymbolic(first[key]));
  if (keys.length === 0) return;
  const missing = ["inputs", "outputs"].filter((key) => !keys.includes(key));
  const received = `Received: ${Object.keys(first).join(", ")}`;
  throw new TypeError(
    `${where}: no ${missing.map((key) => `\`${key}\``).join(" and ")} among the options. ${received}. ${way}`,
  );
}

/** Inputs, outputs and options of a functional construction, or `null` when the arguments are a subclass's. */
function functionalArguments(args: AnyModelArguments): FunctionalOptions | null {
  const [first, second, third] = args;
  if (args.length >= 2 && first !== undefined && second !== undefined) {
    return { ...(isPlainObject(third) ? third : {}), inputs: first, outputs: second } as FunctionalOptions;
  }
  return isPlainObject(first) && "inputs" in first && "outputs" in first
    ? (first as unknown as FunctionalOptions)
    : null;
}

/**
 * Arguments of a recorded call, in which a flag of the call in progress replaces the one that was recorded: files of Keras
 * record `training: false` with every dropout, and the model is trained all the same.
 */
function withOuterTraining(args: unknown[]): unknown[] {
  const training = callContext()?.training ?? null;
  const options = args.at(-1);
  if (training === null || args.length < 2 || !isPlainObject(options) || !("training" in options)) return args;
  return [...args.slice(0, -1), { ...options, training }];
}

/**
 * Values with the masks of the call, one per input. As in Keras, a tensor that an outer model hands in carries its mask from
 * then on; one that the user hands in stays as it was.
 */
function withMasks(values: readonly unknown[], mask: Mask): readonly unknown[] {
  if (mask === null) return values;
  const masks = flatten(mask as Nested<Tensor | null>);
  const isInside = (callContext()?.outer ?? null) !== null;
  return values.map((value, i) => {
    if (!(value instanceof Tensor) || !masks[i] || value.mask === masks[i]) return value;
    const masked = isInside ? value : new Tensor(value.node);
    masked.mask = masks[i];
    return masked;
  });
}

/** The graph from declared inputs, which become fresh inputs where they are results of other layers. */
function makeGraph(inputs: Nested<KerasTensor>, outputs: Nested<KerasTensor>, where: string): Graph {
  const graph = new Graph(inputs, outputs, where);
  const isInput = (t: KerasTensor): boolean => producerOf(t)?.operation instanceof InputLayerBase;
  if (graph.inputs.every(isInput)) return graph;
  const fresh = mapStructure(
    (t: KerasTensor) => (isInput(t) ? t : Input({ batchShape: t.shape, dtype: t.dtype, name: `${t.name}CLONE` })),
    graph.inputStructure,
  );
  const leaves = new Graph(fresh, fresh, where).inputs;
  const replayed = graph.run(leaves, (operation, args) => operation.invoke(args)) as Nested<KerasTensor>;
  return new Graph(fresh, replayed, where);
}

/** Found once per graph. */
const hostParts = new WeakMap<Graph, HostPart | null>();

/**
 * What all models can do. @see keras/src/models/model.py, keras/src/models/functional.py (Keras 3.x)
 */
export class ModelBase extends Trainer {
  static readonly className: string = "Model";
  /** The graph of a functional model; `null` for a model with its own `call`. */
  declare readonly graph: Graph | null;

  constructor(...args: unknown[]) {
    const functional = functionalArguments(args);
    const options = (
      functional ? { name: functional.name, trainable: functional.trainable } : (args[0] ?? {})
    ) as ModelOptions;
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    super(given);
    if (functional) {
      const unknown = Object.keys(functional).find((key) => !["inputs", "outputs", "name", "trainable"].includes(key));
      if (unknown) {
        throw new TypeError(`Model: unknown option \`${unknown}\`. Known options: inputs, outputs, name, trainable.`);
      }
    }
    const where = `Model "${this.name}"`;
    const graph = functional ? makeGraph(functional.inputs, functional.outputs, where) : null;
    Object.defineProperty(this, "graph", { value: graph, enumerable: false, configurable: true });
    if (!graph) return;
    this.built = true;
    this.takePath();
    this.inputSpec = null;
  }

  protected override get stateLocked(): boolean {
    return false;
  }

  protected override get hasCall(): boolean {
    return this.graph !== null || this.call !== ModelBase.prototype.call;
  }

  /** @throws Error where there is no graph that could have it. */
  protected needGraph(what: string): Graph {
    if (this.graph) return this.graph;
    throw new TypeError(
      `${placeOf(this)}: \`${what}\` exists only for a model made from inputs and outputs, whose graph of layers can be ` +
        "looked at; this one computes with a `call` of its own. To get a graph around it: const x = keras.Input({ shape }); " +
        "keras.Model({ inputs: x, outputs: model(x) })",
    );
  }

  /** Layers in execution order (graph), or in the order of properties (subclass). */
  get layers(): LayerBase[] {
    return this.graph
      ? this.graph.operations.filter((op): op is LayerBase => op instanceof LayerBase)
      : super.sublayers;
  }

  override get sublayers(): LayerBase[] {
    return this.graph ? [...new Set([...this.layers, ...super.sublayers])] : super.sublayers;
  }

  /** Layers and recorded ops in execution order. */
  get operations(): readonly Operation[] {
    return this.graph ? this.graph.operations : this.layers;
  }

  get inputs(): readonly KerasTensor[] {
    return this.needGraph("inputs").inputs;
  }

  get outputs(): readonly KerasTensor[] {
    return this.needGraph("outputs").outputs;
  }

  /** The structure of inputs as given to the constructor. */
  override get input(): Nested<KerasTensor> {
    return this.graph ? this.graph.inputStructure : super.input;
  }

  /** The structure of outputs as given to the constructor. */
  override get output(): Nested<KerasTensor> {
    return this.graph ? this.graph.outputStructure : super.output;
  }

  get inputShape(): Shape | Shape[] {
    const shapes = this.needGraph("inputShape").inputs.map((t) => t.shape);
    return shapes.length === 1 ? shapes[0]! : shapes;
  }

  get outputShape(): Shape | Shape[] {
    const shapes = this.needGraph("outputShape").outputs.map((t) => t.shape);
    return shapes.length === 1 ? shapes[0]! : shapes;
  }

  /** Names of the inputs, by which a dict of data feeds them. */
  override get inputNames(): string[] | null {
    return this.graph ? this.graph.inputs.map((t) => t.name) : null;
  }

  /** Names of the layers that produce the outputs: keys of losses, metrics and logs. */
  override get outputNames(): string[] | null {
    return this.graph ? this.graph.outputs.map((t) => t.kerasHistory!.operation.name) : null;
  }

  /**
   * Finds a layer by name or by position.
   *
   * @throws RangeError when there is no such layer, listing the names that exist.
   */
  getLayer(which: string | number | { name?: string; index?: number }): LayerBase {
    const { name, index } =
      typeof which === "string" ? { name: which } : typeof which === "number" ? { index: which } : which;
    if ((name === undefined) === (index === undefined)) {
      throw new TypeError("getLayer: give a name or an index, one of them");
    }
    const { layers } = this;
    if (index !== undefined) {
      const layer = layers.at(index);
      if (layer) return layer;
      throw new RangeError(`getLayer: no layer at index ${index}; the model has ${layers.length} layers`);
    }
    const found = layers.find((layer) => layer.name === name);
    if (found) return found;
    throw new RangeError(
      `getLayer: no layer named ${describe(name)}. Existing layers: ${layers.map((l) => l.name).join(", ")}`,
    );
  }

  /** The part of the graph that runs on the host, before the compiled program; `null` where there is none. */
  protected get hostPart(): HostPart | null {
    const { graph } = this;
    if (!graph) return null;
    let part = hostParts.get(graph);
    if (part === undefined) {
      part = HostPart.of(graph, `model "${this.name}"`);
      hostParts.set(graph, part);
    }
    return part;
  }

  /** Whether a model around this one runs it on the host, as it does a layer that takes strings. */
  get runsOnHost(): boolean {
    return this.hostPart?.whole ?? false;
  }

  override get inputPreparation(): ((x: unknown) => TensorStructure) | null {
    const part = this.hostPart;
    const where = `model "${this.name}"`;
    return part && ((x) => part.run(matchInputs(where, this.graph!, x, true)));
  }

  override invoke(args: unknown[]): unknown {
    const prepare = this.inputPreparation;
    if (!prepare || hasSymbolic(args) || isBoundary(args[0])) return super.invoke(args);
    return super.invoke([prepare(hostInputs(args[0], `model "${this.name}"`)), ...args.slice(1)]);
  }

  // biome-ignore lint/suspicious/noExplicitAny: models state their own options
  override call(inputs: unknown, { mask = null }: any = {}): unknown {
    const graph = this.graph;
    const runOperation: RunOperation = (operation, args) => operation.invoke(withOuterTraining(args));
    if (isBoundary(inputs) && this.hostPart) return this.hostPart.runRest(inputs, runOperation);
    if (!graph) {
      throw new Error(
        `${placeOf(this)}: a subclassed model must define \`call(inputs, options)\`; or make it from a graph: ` +
          "keras.Model({ inputs, outputs })",
      );
    }
    const values = matchInputs(`model "${this.name}"`, graph, inputs);
    const masked = withMasks(values, mask);
    return graph.run(masked, runOperation);
  }

  /** Layers of the graph set the masks of what they give. */
  protected override get carriesMasks(): boolean {
    return this.graph !== null;
  }

  override computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    const graph = this.graph;
    if (!graph) return super.computeOutputSpec(...args);
    const values = matchInputs(`model "${this.name}"`, graph, args[0]);
    const same = values.every((value, i) => {
      const { shape } = graph.inputs[i]!;
      return value === null || (value.shape.length === shape.length && value.shape.every((d, k) => d === shape[k]));
    });
    if (same) {
      return mapStructure(
        (t: KerasTensor) => new KerasTensor(t.shape, { dtype: t.dtype }),
        graph.outputStructure,
      ) as Nested<KerasTensor>;
    }
    return graph.run(values, (operation, inner) => operation.computeOutputSpec(...inner)) as Nested<KerasTensor>;
  }

  override buildFromConfig(config: Config): void {
    super.buildFromConfig(config);
    // Whatever its `build` leaves to the first call; Keras tries no more than that.
    const shape = config.input_shape;
    if (this.built && shape && this.sublayers.some((layer) => !layer.built)) this.tryCall([shape]);
  }

  override getBuildConfig(): Config | null {
    return this.graph ? { input_shape: null } : super.getBuildConfig();
  }

  /** With the same inputs and outputs, or layers of its own if the class makes those. */
  protected override madeAgain(config: Config): object {
    if (!this.graph) return super.madeAgain(config);
    const { inputStructure: inputs, outputStructure: outputs } = this.graph;
    return new (this.constructor as new (options: FunctionalOptions) => object)({ inputs, outputs, name: this.name });
  }

  override getConfig(): Config {
    if (!this.graph) return super.getConfig();
    checkConfigTells(this, (config) => this.madeAgain(config));
    return { name: this.name, trainable: this.trainable, ...graphConfig(this.graph) };
  }

  static override fromConfig(config: Config, customObjects?: CustomObjectsArgument): object {
    if ("layers" in config && "input_layers" in config && "output_layers" in config) {
      // A graph and its layers are built on their own, whatever is around the model.
      return revivingInside(null, () => {
        const { inputs, outputs } = graphFromConfig(config, readCustomObjects(customObjects));
        const name = (config.name ?? null) as string | null;
        const cls = this as unknown as new (options: FunctionalOptions) => ModelBase;
        return new cls({ inputs, outputs, name, ...(config.trainable === false ? { trainable: false } : {}) });
      });
    }
    return super.fromConfig(config, customObjects);
  }

  /** The model as JSON text: architecture and compile configuration, no weights. */
  toJson(): string {
    return toPythonJson(serializeObject(this));
  }

  /** Prints the table of layers, as Keras does. */
  summary(options: SummaryOptions = {}): void {
    printSummary(this, options);
  }

  /** Saves architecture, weights, compile configuration and optimizer state to one `.keras` file. */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    await saveModel(this, path, options);
  }

  /** The `.keras` file as bytes, for browsers and databases. */
  toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    return saveModelToBytes(this);
  }

  /** Saves weights and optimizer state to a `.weights.h5` file. */
  async saveWeights(path: string, options: SaveOptions = {}): Promise<void> {
    await saveWeights(this, path, options);
  }

  /** Takes the weights of a `.weights.h5` or `.keras` file, by path or as bytes: all of them, or none if one does not fit. */
  async loadWeights(source: FileSource, options: LoadWeightsOptions = {}): Promise<void> {
    await loadWeights(this, source, options);
  }
}

isBase(ModelBase);

/** A model made from inputs and outputs; what `keras.Model({ inputs, outputs })` returns. */
export class FunctionalBase extends ModelBase {
  static override readonly className = "Functional";
  static readonly modulePath = "keras.src.models.functional";
}

/** Tensors where a structure has symbolic ones. */
export type Concrete<S> =
  Nested<KerasTensor> extends S
    ? Nested<Tensor>
    : S extends KerasTensor
      ? Tensor
      : S extends readonly unknown[]
        ? { -readonly [K in keyof S]: Concrete<S[K]> }
        : S extends Readonly<Record<string, unknown>>
          ? { -readonly [K in keyof S]: Concrete<S[K]> }
          : S;

/** What a call gives for inputs A. */
type Called<O, A> = IsSymbolic<A> extends true ? O : Concrete<O>;

/** A call of a model. R is never given: what is a parameter of its own does not keep one model from passing for another. */
export interface ModelCall<O> {
  (this: never, ...args: LooseArguments): LooseResult;
  /** @param more - Options such as `{ training: true }`. */
  <A, R extends Called<O, A> = Called<O, A>>(inputs: A, ...more: unknown[]): R;
}

/**
 * A model; O is the structure of its outputs, so that neither calling it nor predicting needs a cast.
 *
 * A model of any outputs passes where a `Model` is expected, as in Keras: `async function train(model: keras.Model)`. What such
 * a function calls is taken for a model of one output; one that needs the structure states it, `keras.Model<KerasTensor[]>`.
 */
export interface Model<O = KerasTensor> extends ModelBase, ModelCall<O> {
  predict(this: never, ...args: LooseArguments): LooseResult;
  predict<P extends Concrete<O> = Concrete<O>>(x: FitData, options?: PredictOptions): Promise<P>;
  predictOnBatch(this: never, ...args: LooseArguments): LooseResult;
  predictOnBatch<P extends Concrete<O> = Concrete<O>>(x: FitData): Promise<P>;
}

interface ModelClass extends FromConfig<Model> {
  new <O = KerasTensor>(options: FunctionalOptions<Nested<KerasTensor>, O>): Model<O>;
  new <O = KerasTensor>(
    inputs: Nested<KerasTensor>,
    outputs: O,
    options?: { name?: string; trainable?: boolean },
  ): Model<O>;
  new <O = KerasTensor>(options?: ModelOptions): Model<O>;
  // The last one is what `fromConfig` reads the type of its result from.
  new (options?: ModelOptions): Model;
  <O = KerasTensor>(options: FunctionalOptions<Nested<KerasTensor>, O>): Model<O>;
  <O = KerasTensor>(
    inputs: Nested<KerasTensor>,
    outputs: O,
    options?: { name?: string; trainable?: boolean },
  ): Model<O>;
  readonly className?: string;
  readonly modulePath?: string;
}

const construct = function Model(this: unknown, ...args: unknown[]): object {
  const target = new.target as unknown;
  if (target !== undefined && target !== construct)
    return Reflect.construct(ModelBase, args, target as NewableFunction);
  const functional = functionalArguments(args);
  if (!functional || args.length > 1) refuseHalfAGraph("keras.Model", functional ? null : args[0], args[2]);
  return Reflect.construct(functional ? FunctionalBase : ModelBase, args);
};
construct.prototype = ModelBase.prototype;
Object.setPrototypeOf(construct, ModelBase);

/**
 * A model: `keras.Model({ inputs, outputs, name })` from symbolic tensors, or a base class to extend.
 *
 * @throws Error for inputs that are not connected to the outputs, for duplicate layer names, for a cycle.
 * @example
 * const inputs = keras.Input({ shape: [784] });
 * const model = keras.Model({ inputs, outputs: layers.Dense(10)(inputs) });
 */
export const Model = construct as unknown as ModelClass;
