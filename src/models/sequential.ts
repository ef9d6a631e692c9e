/** Linear stacks of layers: the short way to write a model with one input and one output. */
import { checkOptions, describe } from "../core/errors.ts";
import { formatShape, type Shape, shapesCompatible } from "../core/shape.ts";
import { isPlainObject, type Nested } from "../core/tree.ts";
import { InputLayerBase } from "../layers/core/inputLayer.ts";
import { type InputShape, LayerBase, type LayerOptions } from "../layers/layer.ts";
import { layerClass } from "../layers/layerClass.ts";
import { revivingInside } from "../layers/revivedPath.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import type { Config } from "../ops/operation.ts";
import { Tensor } from "../runtime/tensor.ts";
import { type CustomObjectsArgument, readCustomObjects } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import type { TensorStructure } from "../trainers/dataAdapters/dataAdapter.ts";
import type { FitData } from "../trainers/dataInput.ts";
import type { PredictOptions } from "../trainers/trainerOptions.ts";
import type { Graph } from "./graph.ts";
import { isHostLayer } from "./hostPart.ts";
import { FunctionalBase, ModelBase, type ModelCall } from "./model.ts";

/** What a stack is made of; `keras.Input(…)` may come first. */
export type StackItem = LayerBase | KerasTensor;

/** A call of a stack: one tensor to one tensor. Said as models say it, so that a stack passes where a model is expected. */
export type SequentialCall = ModelCall<KerasTensor>;

/** Options of {@link Sequential}. */
export interface SequentialOptions {
  layers?: readonly StackItem[] | null;
  name?: string | null;
  /** @defaultValue `true` */
  trainable?: boolean;
  dtype?: LayerOptions["dtype"];
}

/** Options of `add` and `pop`. */
export interface RebuildOptions {
  /** Whether the model is built at once if its input is known; otherwise the next call does. @defaultValue `true` */
  rebuild?: boolean;
}

/** Whether a structure is the shape of one tensor. */
const isOneShape = (shape: unknown): shape is Shape =>
  Array.isArray(shape) && shape.every((size) => size === null || typeof size === "number");

/**
 * A model whose layers run one after the other.
 *
 * With an `Input` first, or once it has seen data, it is built: it has a graph like every functional model, and weights.
 * Before that, layers can still be added and removed freely.
 *
 * @see keras/src/models/sequential.py (Keras 3.x)
 */
export class SequentialBase extends ModelBase {
  static override readonly className = "Sequential";
  static readonly modulePath = "keras";

  /** All layers, the input layer included. */
  declare private stack: LayerBase[];

  constructor(first?: readonly StackItem[] | SequentialOptions | null, second: Omit<SequentialOptions, "layers"> = {}) {
    const options: SequentialOptions = isPlainObject(first)
      ? first
      : { ...second, layers: first as readonly StackItem[] };
    checkOptions("Sequential", options, ["layers", "name", "trainable", "dtype"]);
    const { layers, ...rest } = options;
    super(rest);
    Object.defineProperty(this, "stack", { value: [], enumerable: false });
    if (layers !== null && layers !== undefined && !Array.isArray(layers)) {
      throw new TypeError(`Sequential "${this.name}": expected a list of layers. Received: ${describe(layers)}`);
    }
    for (const layer of layers ?? []) this.#append(layer);
    this.#rebuild();
  }

  // ------------------------------------------------------------------ the stack

  /**
   * Puts a layer on top.
   *
   * @throws TypeError for anything else, and Error for a name that is taken or a second input.
   */
  add(layer: StackItem, options: RebuildOptions = {}): void {
    checkOptions("add", options, ["rebuild"]);
    this.#append(layer);
    if (options.rebuild ?? true) this.#rebuild();
  }

  /** Takes the top layer off and returns it. */
  pop(options: RebuildOptions = {}): LayerBase {
    checkOptions("pop", options, ["rebuild"]);
    const layer = this.stack.pop();
    if (!layer) throw new RangeError(`Sequential "${this.name}": there is no layer to remove`);
    this.#setGraph(null);
    if (options.rebuild ?? true) this.#rebuild();
    return layer;
  }

  #append(item: unknown): void {
    const where = `Sequential "${this.name}"`;
    const producer = item instanceof KerasTensor ? item.kerasHistory?.operation : null;
    const layer = producer instanceof InputLayerBase ? producer : item;
    if (!(layer instanceof LayerBase)) {
      throw new TypeError(
        `${where}: only layers can be added, and keras.Input({ shape }) as the first. Received: ${describe(item)}`,
      );
    }
    if (this.stack.some((other) => other.name === layer.name && other !== layer)) {
      throw new Error(
        `${where}: the name "${layer.name}" is used twice. All layers need names of their own: pass \`name\` to one of them`,
      );
    }
    const input = this.inputLayer;
    if (layer instanceof InputLayerBase && input) {
      throw new Error(
        `${where}: it has input shape ${formatShape(input.batchShape)} already; a second Input cannot be added`,
      );
    }
    this.stack.push(layer);
    this.#setGraph(null);
  }

  /** The layer below all others that stands for the data, or `null` while the shape of the data is not known. */
  get inputLayer(): InputLayerBase | null {
    return this.stack[0] instanceof InputLayerBase ? this.stack[0] : null;
  }

  #setGraph(graph: ModelBase["graph"]): void {
    Object.defineProperty(this, "graph", { value: graph, enumerable: false, configurable: true });
    this.built = graph !== null;
    if (graph) this.takePath();
  }

  /** Builds as soon as the shape of the input is known. */
  #rebuild(): void {
    this.#setGraph(null);
    const [first] = this.stack;
    if (this.stack.length < 2) return;
    if (first instanceof InputLayerBase) this.#buildGraph(first.batchShape);
    else if (first instanceof ModelBase && first.graph && isOneShape(first.inputShape))
      this.#buildGraph(first.inputShape);
  }

  /** @throws Error when the model is declared for inputs of another shape; sizes left open fit any. */
  #checkShape(shape: Shape): void {
    const input = this.inputLayer;
    if (!input || shapesCompatible(input.batchShape, shape)) return;
    throw new Error(
      `Sequential "${this.name}": it has input shape ${formatShape(input.batchShape)}; it cannot be built with ` +
        formatShape(shape),
    );
  }

  /** @param dtype - Of the input, where the data tells. */
  #buildGraph(shape: Shape, dtype: string = this.stack[0]!.computeDtype): void {
    const input = this.inputLayer;
    if (!input) this.stack.unshift(new InputLayerBase({ batchShape: shape, dtype }));
    const inputs = this.stack[0]!.inboundNodes[0]!.outputTensors[0]!;
    let outputs: unknown = inputs;
    this.runInScope(() => {
      for (const layer of this.stack.slice(1)) outputs = layer.invoke([outputs]);
    });
    this.#setGraph(new FunctionalBase({ inputs, outputs: outputs as Nested<KerasTensor> }).graph);
  }

  // ------------------------------------------------------------------ being a model

  /**
   * Builds the model for a shape of inputs, batch included.
   *
   * @throws Error for an empty model, and for a shape that differs from the declared one.
   */
  override build(inputShape?: InputShape): void {
    if (this.stack.length === 0) {
      throw new Error(`Sequential "${this.name}": it has no layers to build. Add some first: model.add(layer)`);
    }
    // Structures of inputs go through the layers one by one.
    if (!isOneShape(inputShape)) return;
    this.#checkShape(inputShape);
    if (!this.graph) this.#buildGraph(inputShape);
  }

  /** The layers that were added; the input layer is not among them. */
  override get layers(): LayerBase[] {
    return this.inputLayer ? this.stack.slice(1) : [...this.stack];
  }

  override get sublayers(): LayerBase[] {
    return [...new Set([...this.layers, ...super.sublayers])];
  }

  protected override needGraph(what: string): Graph {
    if (this.graph) return this.graph;
    throw new Error(
      `Sequential "${this.name}": \`${what}\` is not known before the model is built. Add keras.Input({ shape }) first, ` +
        "or call the model on data",
    );
  }

  /** Strings have to pass the first layer before shapes are asked for. */
  override get inputPreparation(): ((x: unknown) => TensorStructure) | null {
    const [first] = this.stack;
    if (this.graph || !first || !isHostLayer(first)) return super.inputPreparation;
    return (x) => {
      if (!this.graph && x instanceof Tensor) this.#buildGraph([null, ...x.shape.slice(1)], x.dtype);
      return super.inputPreparation!(x);
    };
  }

  // biome-ignore lint/suspicious/noExplicitAny: as models do
  override call(inputs: unknown, options: any = {}): unknown {
    if (this.graph) return super.call(inputs, options);
    return this.layers.reduce((x, layer) => layer.invoke([x]), inputs);
  }

  /** One tensor, as {@link SequentialCall} says of a call. */
  override predict(x: FitData, options?: PredictOptions): Promise<Tensor> {
    return super.predict(x, options);
  }

  override predictOnBatch(x: FitData): Promise<Tensor> {
    return super.predictOnBatch(x);
  }

  override getBuildConfig(): Config | null {
    return this.graph ? { input_shape: [...this.inputLayer!.batchShape] } : null;
  }

  override buildFromConfig(config: Config): void {
    if (!this.built && isOneShape(config.input_shape)) this.build(config.input_shape);
  }

  override getConfig(): Config {
    return {
      ...LayerBase.prototype.getConfig.call(this),
      layers: this.stack.map((layer) => serializeObject(layer)),
      ...(this.graph ? { build_input_shape: [...this.inputLayer!.batchShape] } : {}),
    };
  }

  protected override madeAgain(): object {
    return new (this.constructor as new (options: SequentialOptions) => object)({ layers: [], name: this.name });
  }

  static override fromConfig(config: Config, given?: CustomObjectsArgument): object {
    const customObjects = readCustomObjects(given);
    if (!Array.isArray(config.layers)) throw new TypeError("the config of a Sequential has no list of `layers`");
    const name = (config.name ?? null) as string | null;
    const revive = (layer: unknown, i: number): unknown =>
      deserializeObject(layer, { path: `config.layers[${i}]`, ...(customObjects ? { customObjects } : {}) });
    const layers = revivingInside(name, () => (config.layers as unknown[]).map(revive));
    const cls = this as unknown as new (options: SequentialOptions) => SequentialBase;
    const model = new cls({
      layers: layers as StackItem[],
      name,
      ...(config.trainable === false ? { trainable: false } : {}),
      ...(config.dtype ? { dtype: config.dtype as Config } : {}),
    });
    if (!model.graph && isOneShape(config.build_input_shape) && layers.length > 0)
      model.build(config.build_input_shape);
    return model;
  }
}

/**
 * A linear stack of layers.
 *
 * @param layers - In the order in which they run; `keras.Input({ shape })` first builds the model at once.
 * @throws TypeError for an item that is no layer, Error for two layers of one name.
 * @example
 * const model = keras.Sequential([keras.Input({ shape: [8] }), layers.Dense(6, { activation: "relu" }), layers.Dense(2)]);
 */
export const Sequential = layerClass<typeof SequentialBase, SequentialCall>(SequentialBase);
export type Sequential = InstanceType<typeof Sequential>;
