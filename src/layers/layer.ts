/**
 * The base of all layers: what happens when a layer is called, and what state it has. Layers compute with `ops` only and
 * know no backend.
 */

import * as constraints from "../constraints/index.ts";
import { type DType, isFloat, standardizeDType } from "../core/dtype.ts";
import { type DTypePolicy, getPolicy } from "../core/dtypePolicy.ts";
import { checkOptions, describe, didYouMean, SerializationError, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { flatten, isNested, isPlainObject, mapStructure, type Nested, packSequenceAs } from "../core/tree.ts";
import * as initializers from "../initializers/index.ts";
import { castTensor, toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { hasSymbolic, type KerasTensor, type TensorLike } from "../ops/kerasTensor.ts";
import { Node } from "../ops/node.ts";
import { type Config, classNameOf, Operation } from "../ops/operation.ts";
import { inferOutputs } from "../ops/outputSpec.ts";
import * as regularizers from "../regularizers/index.ts";
import { autocastDType, withAutocast } from "../runtime/autocast.ts";
import { nameScope } from "../runtime/nameScope.ts";
import { Tensor } from "../runtime/tensor.ts";
import { activeTrace, type Trace } from "../runtime/trace.ts";
import { Variable } from "../runtime/variable.ts";
import { configTable } from "../serialization/configObject.ts";
import { type CustomObjects, classItself, isBuiltin } from "../serialization/registry.ts";
import { optionsFromConfig, serializeObject } from "../serialization/serialize.ts";
import type { VariableStore } from "../serialization/variableStore.ts";
import {
  type CallOptions,
  convertArgument,
  type Mask,
  shapeStructure,
  splitCallArguments,
  symbolicOfShapes,
} from "./callArguments.ts";
import { callContext, withCallContext } from "./callContext.ts";
import { withTrail } from "./errorTrail.ts";
import { assertInputCompatibility, type InputSpec } from "./inputSpec.ts";
import { layerClass } from "./layerClass.ts";
import { isMetric, isSeedGenerator, isVariable, type MetricState, ownOfKind } from "./layerState.ts";

export type { CallOptions, Mask } from "./callArguments.ts";
export type { Leaf } from "./layerClass.ts";

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

const WEIGHT_OPTIONS = [
  "name",
  "shape",
  "initializer",
  "dtype",
  "trainable",
  "autocast",
  "regularizer",
  "constraint",
] as const;

/** Masks that came with the inputs, in the structure of the inputs. */
function attachedMasks(inputs: unknown): Mask {
  const maskOf = (t: unknown): Tensor | null => (t instanceof Tensor ? t.mask : null);
  return isNested(inputs) ? (mapStructure(maskOf, inputs as Nested<unknown>) as Mask) : maskOf(inputs);
}

const hasMask = (mask: Mask): boolean =>
  isNested(mask) ? flatten(mask as Nested<Tensor | null>).some((m) => m !== null) : mask !== null;

function checkedObject<O extends object>(where: string, options: O): O {
  const value: unknown = options;
  if (isPlainObject(value)) return options;
  throw new TypeError(`${where}: expected an options object. Received: ${describe(value)}`);
}

/** A loss added in `call`, and the trace that was being recorded: in another trace it means nothing. */
interface AddedLoss {
  readonly loss: Tensor;
  readonly trace: Trace | null;
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
  /** Whether the outputs get a mask, from `computeMask`. @defaultValue whether the class defines `computeMask` */
  declare supportsMasking: boolean;
  declare private locked: boolean;
  declare private openScope: boolean;
  declare private maskWarned: boolean;
  declare private ownWeights: Variable[];
  declare private ownLosses: AddedLoss[];
  declare private buildShapes: readonly InputShape[] | null;
  declare private trainableFlag: boolean;

  constructor(options: LayerOptions = {}) {
    super(checkedObject(new.target.name, options).name);
    const where = this.#where;
    const baseOptions: readonly string[] = BASE_OPTIONS;
    for (const key of Object.keys(options)) {
      if (baseOptions.includes(key)) continue;
      const stated = configTable(this.constructor).map(([option]) => option);
      const known = [...stated.filter((option) => !baseOptions.includes(option)), ...baseOptions];
      throw new TypeError(
        `${where}: unknown option \`${key}\`.${didYouMean(key, known)} Known options: ${known.join(", ")}.`,
      );
    }
    const { trainable = true, autocast = true } = options;
    for (const [key, value] of Object.entries({ trainable, autocast })) {
      if (typeof value === "boolean") continue;
      throw new TypeError(`${where}: expected \`${key}\` to be a boolean. Received: ${describe(value)}`);
    }
    // Not enumerable: state is found by looking at what the subclass assigned.
    const hidden = (key: string, value: unknown) =>
      Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: false });
    hidden("built", false);
    hidden("dtypePolicy", getPolicy(options.dtype ?? null));
    hidden("autocast", autocast);
    hidden("activityRegularizer", regularizers.get(options.activityRegularizer ?? null));
    hidden("inputSpec", null);
    hidden("supportsMasking", this.computeMask !== LayerBase.prototype.computeMask);
    hidden("locked", false);
    hidden("openScope", false);
    hidden("maskWarned", false);
    hidden("ownWeights", []);
    hidden("ownLosses", []);
    hidden("buildShapes", null);
    hidden("trainableFlag", trainable);
    // Calling `layer.build(shape)` builds as a first call does, whatever the subclass's method leaves to us.
    hidden("build", (...shapes: InputShape[]) => this.#buildAndInside(shapes));
  }

  /** The layer for messages. */
  get #where(): string {
    return `${classNameOf(this)} "${this.name}"`;
  }

  // ---------------------------------------------------------------- what subclasses write

  /** Creates the weights. Runs once, with the shapes of the first inputs. */
  build(..._inputShapes: InputShape[]): void {}

  // biome-ignore lint/suspicious/noExplicitAny: every layer states its own inputs and outputs
  call(..._args: any[]): any {
    throw new Error(`${this.#where}: a layer must define \`call(inputs, options)\``);
  }

  /** Masks of the outputs given those of the inputs, structured like them. Called where `supportsMasking` is true. */
  computeMask(_inputs: unknown, previousMask: Mask): Mask {
    return previousMask;
  }

  /** Output shape for an input shape, found by tracing `call`; the layer is built if it was not. */
  computeOutputShape(inputShape: InputShape): Nested<Shape> {
    const spec = this.computeOutputSpec(symbolicOfShapes(inputShape, this.computeDtype));
    return mapStructure((t: KerasTensor) => t.shape, spec) as Nested<Shape>;
  }

  // ---------------------------------------------------------------- calling

  override invoke(args: unknown[]): unknown {
    const where = this.#where;
    const { inputs, options } = splitCallArguments(args);
    if (inputs.length === 0) throw new TypeError(`${where}: called without inputs`);
    const converted = inputs.map((input) => convertArgument(input, where));
    const given = options.mask ? { ...options, mask: convertArgument(options.mask, where) as Mask } : options;
    return hasSymbolic([converted, given]) ? this.symbolicCall([...converted, given]) : this.#run(converted, given);
  }

  override symbolicCall(args: readonly unknown[]): Nested<KerasTensor> {
    const { inputs, options } = splitCallArguments(args);
    const outputs = this.computeOutputSpec(...inputs, options);
    // Files record options only where some were given.
    new Node(this, Object.keys(options).length > 0 ? [...inputs, options] : inputs, outputs);
    return outputs;
  }

  override computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    const { inputs, options } = splitCallArguments(args);
    // Outside the trace, where unknown sizes are `null`.
    this.#checkAndBuild(inputs);
    return inferOutputs(
      (concrete) => {
        const { inputs: traced, options: tracedOptions } = splitCallArguments(concrete);
        return this.#run(traced, tracedOptions) as Nested<Tensor>;
      },
      [...inputs, options],
      this.#where,
    );
  }

  /** Runs on tensors: checks, builds, casts, resolves `training` and masks, computes. */
  #run(inputs: unknown[], given: CallOptions): unknown {
    this.#checkAndBuild(inputs);
    const outer = callContext();
    if (outer === null) this.#clearLosses();
    // An explicit value holds for all layers called inside; the default of a `call` method only for itself.
    const training = given.training ?? outer?.training ?? null;
    const previousMask = given.mask ?? attachedMasks(inputs[0]);
    const options: CallOptions = { ...given };
    if (training !== null) options.training = training;
    if (hasMask(previousMask)) options.mask = previousMask;
    const cast = (leaf: unknown): unknown => this.#castInput(leaf);
    const ready = inputs.map((input) => (isNested(input) ? mapStructure(cast, input as Nested<unknown>) : cast(input)));
    return withTrail(this.#where, () =>
      this.#scoped(() => {
        const outputs = withCallContext({ training }, () =>
          withAutocast(this.#autocastScope(), () => this.call(...ready, options)),
        );
        this.#checkOutputs(outputs);
        this.#addActivityLoss(outputs);
        return this.#maskOutputs(inputs, outputs, previousMask);
      }),
    );
  }

  #castInput(leaf: unknown): unknown {
    const compute = this.dtypePolicy.computeDtype;
    const castable = this.autocast && leaf instanceof Tensor && isFloat(leaf.dtype) && isFloat(compute);
    return castable ? castTensor(leaf, compute) : leaf;
  }

  /** The dtype in which `call` reads float variables, `null` for their own. */
  #autocastScope(): DType | null {
    const { computeDtype, variableDtype } = this.dtypePolicy;
    if (!isFloat(computeDtype)) return null;
    if (autocastDType() !== null) return this.autocast ? computeDtype : null;
    return computeDtype === variableDtype ? null : computeDtype;
  }

  #checkOutputs(outputs: unknown): void {
    const what =
      outputs === undefined || outputs === null
        ? `${outputs}; is a \`return\` missing?`
        : outputs instanceof Promise
          ? "a promise; `call` is recorded, not awaited, so it cannot be async"
          : null;
    if (what) throw new TypeError(`${this.#where}: \`call\` must return a tensor. Received: ${what}`);
  }

  #addActivityLoss(outputs: unknown): void {
    const regularizer = this.activityRegularizer;
    if (!regularizer) return;
    for (const output of flatten(outputs as Nested<unknown>)) {
      if (!(output instanceof Tensor)) continue;
      const loss = regularizer(output);
      const batch = output.shape[0] ?? 1;
      this.addLoss(batch > 1 ? ops.divide(loss, batch) : loss);
    }
  }

  /** Outputs with their masks, unless `call` set them. */
  #maskOutputs(inputs: readonly unknown[], outputs: unknown, previousMask: Mask): unknown {
    if (!this.supportsMasking) {
      if (hasMask(previousMask) && !this.maskWarned) {
        this.maskWarned = true;
        console.warn(
          `${this.#where}: its input has a mask, which the layer does not support and drops: layers after it will not see it`,
        );
      }
      return outputs;
    }
    const leaves = flatten(outputs as Nested<unknown>);
    if (leaves.every((t) => !(t instanceof Tensor) || t.mask !== null)) return outputs;
    const masks = flatten(this.computeMask(inputs[0], previousMask) as Nested<Tensor | null>);
    if (masks.every((mask) => mask === null)) return outputs;
    const given = new Set(flatten(inputs as Nested<unknown>));
    const masked = leaves.map((t, i) => {
      const mask = masks[i] ?? null;
      if (!(t instanceof Tensor) || t.mask !== null || mask === null) return t;
      // A tensor handed through belongs to the caller.
      const output = given.has(t) ? new Tensor(t.node) : t;
      output.mask = mask;
      return output;
    });
    return packSequenceAs(outputs as Nested<unknown>, masked);
  }

  #checkAndBuild(inputs: readonly unknown[]): void {
    this.#checkInputs(inputs[0]);
    if (!this.built) {
      this.#build(inputs.map(shapeStructure).filter((shape) => shape !== null) as InputShape[]);
      this.#checkInputs(inputs[0]);
    }
    this.locked = true;
  }

  #checkInputs(inputs: unknown): void {
    if (!this.inputSpec) return;
    const specs = Array.isArray(this.inputSpec) ? this.inputSpec : [this.inputSpec as InputSpec];
    assertInputCompatibility(this.name, specs, inputs);
  }

  // ---------------------------------------------------------------- building

  /** Runs the subclass's `build` under the layer's name and remembers the shapes for saving. */
  #build(shapes: readonly InputShape[]): void {
    const { build } = Object.getPrototypeOf(this) as LayerBase;
    // A method of one parameter gets the shape of the first input, however many there are.
    const used = build.length <= 1 ? shapes.slice(0, 1) : shapes;
    withTrail(this.#where, () => this.#scoped(() => build.apply(this, [...used])));
    this.buildShapes = used;
    this.built = true;
    this.locked = true;
  }

  /** Builds without a call: layers inside that only a call would build are built by tracing one. */
  #buildAndInside(shapes: readonly InputShape[]): void {
    this.#build(shapes);
    const { build } = Object.getPrototypeOf(this) as LayerBase;
    if (build !== LayerBase.prototype.build || this.sublayers.every((layer) => layer.built)) return;
    this.computeOutputSpec(...shapes.map((shape) => symbolicOfShapes(shape, this.computeDtype)));
  }

  /** For constructors of layers without weights: the layer counts as built, unless a subclass has a `build` of its own. */
  protected builtAtOnce(): void {
    const { build } = Object.getPrototypeOf(this) as LayerBase;
    if (build === LayerBase.prototype.build) this.built = true;
  }

  /** Runs `fn` with the layer's name on the stack of names, once however deep. */
  #scoped<T>(fn: () => T): T {
    if (this.openScope) return fn();
    this.openScope = true;
    try {
      return nameScope(this.name, fn);
    } finally {
      this.openScope = false;
    }
  }

  // ---------------------------------------------------------------- state

  /** Whether weights can no longer be created. */
  protected get stateLocked(): boolean {
    return this.locked;
  }

  /**
   * Creates a weight and returns it. To be kept in a property, so that people find it.
   *
   * @throws Error when the layer is built already: all state is created in the constructor or in `build`.
   */
  addWeight(options: WeightOptions = {}): Variable {
    const where = this.#where;
    checkOptions(`addWeight of ${where}`, options, WEIGHT_OPTIONS);
    if (this.stateLocked) {
      throw new Error(
        `${where}: weights are created in the constructor or in \`build\`; the layer is already built. ` +
          `Received: addWeight of ${describe(options.name ?? "variable")}`,
      );
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
    const variable = this.#scoped(
      () =>
        new Variable((s, d) => initializer(s, d), {
          shape,
          dtype,
          trainable: options.trainable ?? true,
          autocast: options.autocast ?? true,
          regularizer: regularizers.get(options.regularizer ?? null),
          constraint: constraints.get(options.constraint ?? null),
          ...(options.name === undefined ? {} : { name: options.name }),
        }),
    );
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
    if (!this.trainable) return [];
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

  /** All state: own weights, own seeds, then the same of sublayers. */
  get variables(): Variable[] {
    const seeds = ownOfKind(this, isSeedGenerator).map((generator) => generator.state);
    const inside = this.sublayers.flatMap((layer) => layer.variables);
    return [...new Set([...this.ownVariables, ...seeds, ...inside])];
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
        `${this.#where}: it has no parameters to count before it is built. Call it on data, or ` +
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
    const where = `setWeights of ${this.#where}`;
    if (values.length !== weights.length) {
      const hint = this.built ? "" : ". The layer is not built: call it once, or `build(inputShape)`, before";
      throw new ShapeError(
        `${where}: the layer has ${weights.length} weights. Received: ${values.length} values${hint}`,
      );
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

  /** Adds a scalar, or the sum of a tensor, to the loss of the training step in progress. Only meaningful inside `call`. */
  addLoss(loss: TensorLike): void {
    const tensor = toTensor(loss, null, `addLoss of ${this.#where}`);
    this.ownLosses.push({ loss: tensor.ndim === 0 ? tensor : ops.sum(tensor), trace: activeTrace() });
  }

  /** Forgets the losses of the call before, and those of traces that are over. */
  #clearLosses(): void {
    const trace = activeTrace();
    for (const layer of this.flattenLayers()) {
      // Inferring shapes or recording a program does not touch what an eager call left.
      layer.ownLosses = layer.ownLosses.filter((added) => trace !== null && added.trace === null);
    }
  }

  /** Losses added during the last call, and regularization of trainable weights. */
  get losses(): Tensor[] {
    const trace = activeTrace();
    const added = this.flattenLayers().flatMap((layer) =>
      layer.ownLosses.filter((entry) => entry.trace === trace).map((entry) => entry.loss),
    );
    const regularized = this.trainableWeights.flatMap((v) => (v.regularizer ? [v.regularizer(v.value)] : []));
    return [...added, ...regularized];
  }

  // ---------------------------------------------------------------- configuration

  /** Keys as Keras's files have them. Subclasses add theirs: `{ ...super.getConfig(), units: this.units }`. */
  override getConfig(): Config {
    this.#checkOwnConfig();
    const dtype = serializeObject(this.dtypePolicy);
    const config: Config = { name: this.name, trainable: this.trainable, dtype };
    if (this.activityRegularizer) config.activity_regularizer = regularizers.serialize(this.activityRegularizer);
    return config;
  }

  /** A class of the user that takes arguments must say what they were, or its objects could not be made again. */
  #checkOwnConfig(): void {
    const cls = classItself(this.constructor) as unknown as { length: number };
    if (this.getConfig !== LayerBase.prototype.getConfig || isBuiltin(this.constructor) || cls.length === 0) return;
    throw new SerializationError(
      `${this.#where}: the class has constructor arguments but no \`getConfig\`, so they would be lost in a file. Define ` +
        "`getConfig() { return { ...super.getConfig(), units: this.units }; }` with the options of its constructor",
    );
  }

  /** Makes an instance from what `getConfig` returned. */
  static fromConfig(config: Config, _customObjects?: CustomObjects): object {
    const cls = this as unknown as new (options: Record<string, unknown>) => object;
    return new cls(optionsFromConfig(cls as never, config));
  }

  /** Shapes with which `build` ran, for rebuilding before weights are loaded; `null` when there is nothing to build. */
  getBuildConfig(): Config | null {
    const shapes = this.buildShapes;
    if (!shapes) return null;
    if (shapes.length === 1) return { input_shape: shapes[0] };
    return { shapes_dict: Object.fromEntries(shapes.map((shape, i) => [this.#buildArgument(i), shape])) };
  }

  /** Builds from what `getBuildConfig` returned. */
  buildFromConfig(config: Config): void {
    if (this.built) return;
    const dict = config.shapes_dict;
    if (config.input_shape) this.build(config.input_shape as InputShape);
    else if (isPlainObject(dict)) {
      const values = Object.values(dict);
      this.build(...(values.map((value, i) => dict[this.#buildArgument(i)] ?? value) as InputShape[]));
    }
  }

  /** Keras's name of a parameter of `build`; classes with several state them in a static `buildArguments`. */
  #buildArgument(i: number): string {
    return (this.constructor as { buildArguments?: readonly string[] }).buildArguments?.[i] ?? `input_${i}_shape`;
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

/** Base class for layers: extend it. See {@link LayerBase}. */
export const Layer = layerClass(LayerBase);
/** A layer from tensors to one tensor: symbolic in gives symbolic out, numbers in give a tensor. */
export type Layer = InstanceType<typeof Layer>;
