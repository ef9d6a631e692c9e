/**
 * The base of all layers: what happens when a layer is called, and what state it has. Layers compute with `ops` only and
 * know no backend.
 */

import * as constraints from "../constraints/index.ts";
import { type Callable, callable } from "../core/callable.ts";
import { isFloat, standardizeDType } from "../core/dtype.ts";
import { type DTypePolicy, getPolicy } from "../core/dtypePolicy.ts";
import { describe, didYouMean, SerializationError, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { flatten, isNested, isPlainObject, mapStructure, type Nested } from "../core/tree.ts";
import * as initializers from "../initializers/index.ts";
import { castTensor, toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { hasSymbolic, KerasTensor, type Result, type TensorLike } from "../ops/kerasTensor.ts";
import { Node } from "../ops/node.ts";
import { type Config, classNameOf, Operation } from "../ops/operation.ts";
import { declaredShape, inferOutputs } from "../ops/outputSpec.ts";
import * as regularizers from "../regularizers/index.ts";
import { withAutocast } from "../runtime/autocast.ts";
import { nameScope } from "../runtime/nameScope.ts";
import { Tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import type { CustomObjects } from "../serialization/registry.ts";
import { optionsFromConfig, serializeObject } from "../serialization/serialize.ts";
import type { VariableStore } from "../serialization/variableStore.ts";
import { callContext, withCallContext } from "./callContext.ts";
import { assertInputCompatibility, type InputSpec } from "./inputSpec.ts";
import { isMetric, isSeedGenerator, isVariable, type MetricState, ownOfKind } from "./layerState.ts";

/** Options that every layer takes. */
export interface LayerOptions {
  /** @defaultValue the class in snake case, numbered: `dense`, `dense_1`, … */
  name?: string | null;
  /** Whether the optimizer may update the layer's weights. @defaultValue `true` */
  trainable?: boolean;
  /** Dtype or policy of computations and weights: `"float32"`, `"mixed_bfloat16"`, … @defaultValue the global policy */
  dtype?: string | DTypePolicy | Config | null;
  /** Extra loss on the layer's output, divided by the batch size. @defaultValue `null` */
  activityRegularizer?: regularizers.RegularizerLike | null;
  /** Whether float inputs are cast to the compute dtype. @defaultValue `true` */
  autocast?: boolean;
}

/** What a layer's `call` receives besides its inputs. */
export interface CallOptions {
  /** Whether the layer behaves as in training (dropout, batch statistics). */
  training?: boolean;
  /** Which positions of the input are real. */
  mask?: Tensor | null | readonly (Tensor | null)[];
  [option: string]: unknown;
}

export interface WeightOptions {
  name?: string;
  /** @defaultValue `[]` (a scalar) */
  shape?: readonly number[];
  /** @defaultValue glorot_uniform for floats, zeros otherwise */
  initializer?: initializers.InitializerLike | null;
  /** @defaultValue the policy's variable dtype */
  dtype?: string | null;
  /** @defaultValue `true` */
  trainable?: boolean;
  /** @defaultValue `true` */
  autocast?: boolean;
  regularizer?: regularizers.RegularizerLike | null;
  constraint?: constraints.ConstraintLike | null;
}

/** Shape of one input, or a structure of shapes for layers with several. */
export type InputShape = Shape | readonly Shape[] | Readonly<Record<string, Shape>>;

const BASE_OPTIONS = ["name", "trainable", "dtype", "activityRegularizer", "autocast"] as const;

/** Whether an argument is a structure of plain numbers, which becomes a tensor. */
function isNumbers(value: unknown): boolean {
  if (typeof value === "number" || typeof value === "boolean") return true;
  return Array.isArray(value) && value.length > 0 && value.every(isNumbers);
}

/** Arrays of numbers and typed arrays become tensors; structures of tensors stay structures. */
function convertArgument(value: unknown, where: string): unknown {
  if (value instanceof Tensor || value instanceof KerasTensor || value === null) return value;
  if (value instanceof Variable) return value.value;
  if (ArrayBuffer.isView(value) || isNumbers(value)) return toTensor(value, null, where);
  if (Array.isArray(value)) return value.map((item) => convertArgument(item, where));
  if (isPlainObject(value))
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, convertArgument(v, where)]));
  throw new TypeError(
    `${where}: inputs must be tensors or arrays of numbers. Received: ${describe(value)}. ` +
      "Pass anything else in the options object that follows the inputs",
  );
}

/** Inputs and options of a call: the last argument after the first is options when it is a plain object. */
export function splitCallArguments(args: readonly unknown[]): { inputs: unknown[]; options: CallOptions } {
  const last = args.at(-1);
  if (args.length > 1 && (isPlainObject(last) || last === undefined)) {
    return { inputs: args.slice(0, -1), options: (last ?? {}) as CallOptions };
  }
  return { inputs: [...args], options: {} };
}

/** Shape of a tensor, or structure of shapes; stand-ins of unknown sizes become `null`. */
function shapeStructure(value: unknown): unknown {
  if (value instanceof KerasTensor) return value.shape;
  if (value instanceof Tensor) return declaredShape(value.shape);
  if (Array.isArray(value)) return value.map(shapeStructure);
  if (isPlainObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shapeStructure(v)]));
  return null;
}

/**
 * A layer: weights, and a computation from tensors to tensors.
 *
 * To write one, extend it: create weights in `build(inputShape)` with `addWeight`, compute in `call(inputs, options)`,
 * return the constructor's options from `getConfig()`. State is found by looking at the layer's properties.
 *
 * @see keras/src/layers/layer.py (Keras 3.x)
 */
export class LayerBase extends Operation {
  static readonly configKeys: Readonly<Record<string, string>> = {
    name: "name",
    trainable: "trainable",
    dtype: "dtype",
    activityRegularizer: "activity_regularizer",
  };

  declare built: boolean;
  declare dtypePolicy: DTypePolicy;
  declare autocast: boolean;
  declare activityRegularizer: regularizers.RegularizerFunction | null;
  /** What `call` accepts; checked on every call. */
  declare inputSpec: InputSpec | readonly InputSpec[] | null;
  /** Whether the layer passes its input's mask on. @defaultValue `false` */
  declare supportsMasking: boolean;
  /** Whether `build` is not needed and no build config is saved. */
  declare protected builtInConstructor: boolean;
  declare private ownWeights: Variable[];
  declare private ownLosses: Tensor[];
  declare private buildShapes: readonly unknown[] | null;
  declare private trainableFlag: boolean;

  constructor(options: LayerOptions = {}) {
    super(options.name);
    const className = classNameOf(this);
    for (const key of Object.keys(options)) {
      if ((BASE_OPTIONS as readonly string[]).includes(key)) continue;
      const known = [...((this.constructor as { optionNames?: readonly string[] }).optionNames ?? []), ...BASE_OPTIONS];
      throw new TypeError(
        `${className} "${this.name}": unknown option \`${key}\`.${didYouMean(key, known)} Known options: ${known.join(", ")}.`,
      );
    }
    if (options.trainable !== undefined && typeof options.trainable !== "boolean") {
      throw new TypeError(
        `${className} "${this.name}": expected \`trainable\` to be a boolean. Received: ${describe(options.trainable)}`,
      );
    }
    const hidden = (key: string, value: unknown) =>
      Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: false });
    hidden("built", false);
    hidden("dtypePolicy", getPolicy(options.dtype ?? null));
    hidden("autocast", options.autocast ?? true);
    hidden("activityRegularizer", regularizers.get(options.activityRegularizer ?? null));
    hidden("inputSpec", null);
    hidden("supportsMasking", false);
    hidden("builtInConstructor", false);
    hidden("ownWeights", []);
    hidden("ownLosses", []);
    hidden("buildShapes", null);
    hidden("trainableFlag", options.trainable ?? true);
  }

  // ---------------------------------------------------------------- what subclasses write

  /** Creates the weights. Called once, with the shape of the first inputs. */
  build(..._inputShapes: InputShape[]): void {}

  // biome-ignore lint/suspicious/noExplicitAny: every layer states its own inputs and outputs
  call(..._args: any[]): any {
    throw new Error(`${classNameOf(this)} "${this.name}": a layer must define \`call(inputs, options)\``);
  }

  /** Mask of the outputs given the masks of the inputs. */
  computeMask(_inputs: unknown, previousMask: Tensor | null): Tensor | null {
    return previousMask;
  }

  /** Output shape for an input shape, found by tracing `call`; the layer is built if it was not. */
  computeOutputShape(inputShape: InputShape): Nested<Shape> {
    const toSymbolic = (shape: unknown): unknown => {
      if (Array.isArray(shape) && (shape.length === 0 || !shape.some(Array.isArray))) {
        return new KerasTensor(shape as Shape, { dtype: this.computeDtype });
      }
      if (Array.isArray(shape)) return shape.map(toSymbolic);
      return Object.fromEntries(Object.entries(shape as object).map(([k, v]) => [k, toSymbolic(v)]));
    };
    const spec = this.computeOutputSpec(toSymbolic(inputShape));
    return mapStructure((t: KerasTensor) => t.shape, spec) as Nested<Shape>;
  }

  // ---------------------------------------------------------------- calling

  override invoke(args: unknown[]): unknown {
    const where = `${classNameOf(this)} "${this.name}"`;
    if (args.length === 0) throw new TypeError(`${where}: called without inputs`);
    const { inputs, options } = splitCallArguments(args);
    const converted = inputs.map((input) => convertArgument(input, where));
    return hasSymbolic([converted, options])
      ? this.symbolicCall([...converted, options])
      : this.#run(converted, options);
  }

  override symbolicCall(args: readonly unknown[]): Nested<KerasTensor> {
    const { inputs, options } = splitCallArguments(args);
    this.#checkAndBuild(inputs);
    const outputs = this.computeOutputSpec(...inputs, options);
    // Files record options only where some were given.
    new Node(this, Object.keys(options).length > 0 ? [...inputs, options] : inputs, outputs);
    return outputs;
  }

  override computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    const { inputs, options } = splitCallArguments(args);
    this.#checkAndBuild(inputs);
    return inferOutputs(
      (concrete) => {
        const { inputs: traced, options: tracedOptions } = splitCallArguments(concrete);
        return this.#run(traced, tracedOptions) as Nested<Tensor>;
      },
      [...inputs, options],
      `${classNameOf(this)} "${this.name}"`,
    );
  }

  /** Runs on tensors: checks, builds, casts, resolves `training` and masks, computes. */
  #run(inputs: unknown[], given: CallOptions): unknown {
    this.#checkAndBuild(inputs);
    const outer = callContext();
    const options: CallOptions = { ...given };
    const training = given.training ?? outer?.training ?? null;
    if (training !== null) options.training = training;
    if (outer === null) this.#clearLosses();
    if (options.mask === undefined) {
      const masks = flatten(inputs[0] as Nested<unknown>).map((t) => (t instanceof Tensor ? t.mask : null));
      if (masks.some((m) => m !== null)) options.mask = masks.length === 1 ? masks[0]! : masks;
    }
    const compute = this.dtypePolicy.computeDtype;
    const cast = (leaf: unknown): unknown =>
      this.autocast && leaf instanceof Tensor && isFloat(leaf.dtype) && isFloat(compute)
        ? castTensor(leaf, compute)
        : leaf;
    const ready = inputs.map((input) => (isNested(input) ? mapStructure(cast, input as Nested<unknown>) : cast(input)));
    const mixed = this.dtypePolicy.computeDtype !== this.dtypePolicy.variableDtype;
    const outputs = withCallContext({ training }, () =>
      nameScope(this.name, () => withAutocast(mixed ? compute : null, () => this.call(...ready, options))),
    );
    this.#finish(inputs, outputs, options);
    return outputs;
  }

  /** Activity losses and masks of the outputs. */
  #finish(inputs: unknown[], outputs: unknown, options: CallOptions): void {
    const leaves = flatten(outputs as Nested<unknown>).filter((t) => t instanceof Tensor);
    if (this.activityRegularizer) {
      for (const output of leaves) {
        const loss = this.activityRegularizer(output);
        this.addLoss(output.ndim > 0 ? ops.divide(loss, output.shape[0]!) : loss);
      }
    }
    if (!this.supportsMasking || options.mask === undefined || options.mask === null) return;
    const mask = this.computeMask(inputs[0], options.mask as Tensor);
    if (mask) for (const output of leaves) output.mask ??= mask;
  }

  #checkAndBuild(inputs: readonly unknown[]): void {
    this.#checkInputs(inputs[0]);
    if (this.built) return;
    const shapes = inputs.map(shapeStructure).filter((shape) => shape !== null) as InputShape[];
    this.buildFromShapes(shapes);
    this.#checkInputs(inputs[0]);
  }

  #checkInputs(inputs: unknown): void {
    if (!this.inputSpec) return;
    const specs = Array.isArray(this.inputSpec) ? this.inputSpec : [this.inputSpec as InputSpec];
    assertInputCompatibility(this.name, specs, inputs);
  }

  /** Runs `build` under the layer's name and remembers the shapes for saving. */
  buildFromShapes(shapes: readonly InputShape[]): void {
    nameScope(this.name, () => this.build(...shapes));
    this.buildShapes = shapes;
    this.built = true;
  }

  // ---------------------------------------------------------------- state

  /** Whether weights can no longer be created. */
  protected get stateLocked(): boolean {
    return this.built && !this.builtInConstructor;
  }

  /**
   * Creates a weight and returns it. To be kept in a property, so that files and people find it.
   *
   * @throws Error when the layer is built already: all state is created in the constructor or in `build`.
   */
  addWeight(options: WeightOptions = {}): Variable {
    const where = `${classNameOf(this)} "${this.name}"`;
    if (this.stateLocked) {
      throw new Error(`${where}: weights are created in the constructor or in \`build\`; the layer is already built`);
    }
    const dtype = standardizeDType(options.dtype ?? this.dtypePolicy.variableDtype);
    const shape = options.shape ?? [];
    const bad = shape.find((d) => !Number.isInteger(d) || d < 0);
    if (bad !== undefined) {
      throw new ShapeError(
        `${where}: weight "${options.name ?? "variable"}" needs known sizes. Received: shape ${formatShape(shape as Shape)}. ` +
          "The input's size on that axis must be known when the layer is built: give it in `Input({ shape })`",
      );
    }
    const initializer = initializers.get(options.initializer ?? (isFloat(dtype) ? "glorot_uniform" : "zeros"));
    const variable = new Variable((s, d) => initializer(s, d), {
      shape,
      dtype,
      trainable: options.trainable ?? true,
      autocast: options.autocast ?? true,
      regularizer: regularizers.get(options.regularizer ?? null),
      constraint: constraints.get(options.constraint ?? null),
      ...(options.name === undefined ? {} : { name: options.name }),
    });
    if (!this.trainableFlag) variable.trainable = false;
    this.ownWeights.push(variable);
    return variable;
  }

  /** Variables of this layer itself, from `addWeight` or held in properties; those created to be trained come first. */
  protected get ownVariables(): Variable[] {
    const all = [...new Set([...this.ownWeights, ...ownOfKind(this, isVariable)])];
    return [...all.filter((v) => v.createdTrainable), ...all.filter((v) => !v.createdTrainable)];
  }

  /** Layers held directly. */
  get sublayers(): LayerBase[] {
    return ownOfKind(this, (value): value is LayerBase => value instanceof LayerBase);
  }

  /** This layer and all layers inside it, each once, outer before inner. */
  flattenLayers(): LayerBase[] {
    const seen = new Set<LayerBase>();
    const visit = (layer: LayerBase): void => {
      if (seen.has(layer)) return;
      seen.add(layer);
      layer.sublayers.forEach(visit);
    };
    visit(this);
    return [...seen];
  }

  /** All weights: own trainable, own non-trainable, then those of sublayers. Seeds are no weights. */
  get weights(): Variable[] {
    return [...new Set([...this.ownVariables, ...this.sublayers.flatMap((layer) => layer.weights)])];
  }

  get trainableWeights(): Variable[] {
    return this.trainable ? this.#collectTrainable() : [];
  }

  #collectTrainable(): Variable[] {
    const own = this.ownVariables.filter((v) => v.trainable);
    return [...new Set([...own, ...this.sublayers.flatMap((layer) => layer.trainableWeights)])];
  }

  get nonTrainableWeights(): Variable[] {
    const trainable = new Set(this.trainableWeights);
    return this.weights.filter((v) => !trainable.has(v));
  }

  get trainableVariables(): Variable[] {
    return this.trainableWeights;
  }

  get nonTrainableVariables(): Variable[] {
    const trainable = new Set(this.trainableWeights);
    return this.variables.filter((v) => !trainable.has(v));
  }

  /** All state: weights, seed generators, and the same of sublayers. */
  get variables(): Variable[] {
    const seeds = this.flattenLayers().flatMap((layer) => ownOfKind(layer, isSeedGenerator).map((s) => s.state));
    return [...new Set([...this.weights, ...seeds])];
  }

  get metrics(): MetricState[] {
    return [...new Set(this.flattenLayers().flatMap((layer) => ownOfKind(layer, isMetric)))];
  }

  get trainable(): boolean {
    return this.trainableFlag;
  }

  /** Freezes or unfreezes the layer and all layers inside it. Takes effect on the next training run. */
  set trainable(value: boolean) {
    this.trainableFlag = Boolean(value);
    for (const variable of this.ownVariables) if (variable.createdTrainable) variable.trainable = this.trainableFlag;
    for (const layer of this.sublayers) layer.trainable = value;
  }

  get dtype(): string {
    return this.dtypePolicy.variableDtype;
  }

  get computeDtype(): string {
    return this.dtypePolicy.computeDtype;
  }

  get variableDtype(): string {
    return this.dtypePolicy.variableDtype;
  }

  /** Number of elements in all weights. @throws Error when the layer is not built. */
  countParams(): number {
    if (!this.built) {
      throw new Error(
        `${classNameOf(this)} "${this.name}": it has no parameters to count before it is built. Call it on data, or ` +
          "`build(inputShape)`",
      );
    }
    return this.weights.reduce((total, v) => total + sizeOf(v.shape), 0);
  }

  /** Values of all weights, in the order of `weights`. */
  getWeights(): Tensor[] {
    return this.weights.map((v) => v.value);
  }

  /**
   * Assigns all weights, in the order of `weights`. Nothing is assigned unless all fit.
   *
   * @throws ShapeError for a wrong count or shape, naming the layer, the weight and both shapes.
   */
  setWeights(values: readonly TensorLike[]): void {
    const { weights } = this;
    const where = `setWeights of ${classNameOf(this)} "${this.name}"`;
    if (values.length !== weights.length) {
      throw new ShapeError(`${where}: the layer has ${weights.length} weights. Received: ${values.length} values`);
    }
    const tensors = values.map((value) => toTensor(value, null, where));
    tensors.forEach((t, i) => {
      const { shape, path } = weights[i]!;
      if (t.shape.length !== shape.length || t.shape.some((d, k) => d !== shape[k])) {
        throw new ShapeError(
          `${where}: weight "${path}" has shape ${formatShape(shape)}. Received: a value of shape ${formatShape(t.shape)}`,
        );
      }
    });
    tensors.forEach((t, i) => {
      weights[i]!.assign(t);
    });
  }

  // ---------------------------------------------------------------- losses

  /** Adds a scalar to the loss of the training step in progress. Only meaningful inside `call`. */
  addLoss(loss: TensorLike): void {
    this.ownLosses.push(ops.sum(toTensor(loss, null, `addLoss of ${this.name}`)));
  }

  #clearLosses(): void {
    for (const layer of this.flattenLayers()) layer.ownLosses.length = 0;
  }

  /** Losses added during the last call, and regularization of trainable weights. */
  get losses(): Tensor[] {
    const added = this.flattenLayers().flatMap((layer) => layer.ownLosses);
    const regularized = this.trainableWeights.flatMap((v) => (v.regularizer ? [v.regularizer(v.value)] : []));
    return [...added, ...regularized];
  }

  // ---------------------------------------------------------------- configuration

  /** Keys as Keras's files have them. Subclasses add theirs: `{ ...super.getConfig(), units: this.units }`. */
  override getConfig(): Config {
    const policy = this.dtypePolicy;
    const config: Config = { name: this.name, trainable: this.trainable, dtype: serializeObject(policy) };
    if (this.activityRegularizer) config.activity_regularizer = regularizers.serialize(this.activityRegularizer);
    return config;
  }

  /** Makes an instance from what `getConfig` returned. */
  static fromConfig(config: Config, _customObjects?: CustomObjects): object {
    const cls = this as unknown as new (options: Record<string, unknown>) => object;
    return new cls(optionsFromConfig(cls as never, config));
  }

  /** Shapes with which `build` ran, for rebuilding before weights are loaded; `null` when there is nothing to build. */
  getBuildConfig(): Config | null {
    if (!this.buildShapes || this.builtInConstructor) return null;
    if (this.buildShapes.length === 1) return { input_shape: this.buildShapes[0] };
    const names = (this.constructor as { buildArguments?: readonly string[] }).buildArguments ?? [];
    return {
      shapes_dict: Object.fromEntries(this.buildShapes.map((shape, i) => [names[i] ?? `input_${i}_shape`, shape])),
    };
  }

  /** Builds from what `getBuildConfig` returned. */
  buildFromConfig(config: Config): void {
    if (this.built) return;
    if (config.input_shape) this.buildFromShapes([config.input_shape as InputShape]);
    else if (isPlainObject(config.shapes_dict)) this.buildFromShapes(Object.values(config.shapes_dict) as InputShape[]);
  }

  /** Writes the layer's own variables under "0", "1", … */
  saveOwnVariables(store: VariableStore): void {
    this.ownVariables.forEach((variable, i) => {
      store.set(String(i), variable);
    });
  }

  /** @throws SerializationError when the number of variables or a shape differs, saying what is there and what was expected. */
  loadOwnVariables(store: VariableStore): void {
    const variables = this.ownVariables;
    const keys = store.keys();
    if (keys.length !== variables.length) {
      const unbuilt = variables.length === 0 && !this.built;
      const hint = unbuilt
        ? " The layer was never built: call it once, or `build(inputShape)`, before loading weights."
        : "";
      throw new SerializationError(
        `layer "${this.name}" (${classNameOf(this)}): expected ${variables.length} variables ` +
          `(${variables.map((v) => v.name).join(", ") || "none"}). The file has ${keys.length}.${hint}`,
      );
    }
    variables.forEach((variable, i) => {
      variable.assign(store.get(String(i)));
    });
  }
}

/** Leaf types of a structure. */
export type Leaf<A> = A extends KerasTensor | Tensor | Variable | ArrayBufferView | number | boolean
  ? A
  : A extends readonly (infer U)[]
    ? Leaf<U>
    : A extends Readonly<Record<string, infer U>>
      ? Leaf<U>
      : A;

/** A layer from tensors to one tensor: symbolic in gives symbolic out, numbers in give a tensor. */
export interface Layer extends LayerBase {
  <A>(inputs: A, ...more: unknown[]): Result<Leaf<A>>;
}

type LayerClass = Callable<new (options?: LayerOptions) => Layer> & Omit<typeof LayerBase, "new" | "prototype">;

/** Base class for layers: extend it. See {@link LayerBase}. */
export const Layer = callable(LayerBase) as unknown as LayerClass;
