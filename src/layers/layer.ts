/**
 * The base of all layers: what happens when a layer is built and called, and its config. Layers compute with `ops` only
 * and know no backend.
 */
import { type DType, isFloat } from "../core/dtype.ts";
import { type DTypePolicyLike, getPolicy } from "../core/dtypePolicy.ts";
import { describe, didYouMean } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { flatten, isPlainObject, mapStructure, type Nested, packSequenceAs } from "../core/tree.ts";
import { castTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { hasSymbolic, KerasTensor } from "../ops/kerasTensor.ts";
import { Node } from "../ops/node.ts";
import type { Config } from "../ops/operation.ts";
import { inferOutputs } from "../ops/outputSpec.ts";
import * as regularizers from "../regularizers/index.ts";
import { autocastDType, withAutocast } from "../runtime/autocast.ts";
import { Tensor } from "../runtime/tensor.ts";
import { notingTracedReads } from "../runtime/tracedRead.ts";
import { configTable } from "../serialization/configObject.ts";
import {
  type CustomObjectsArgument,
  customObjectScope,
  isBuiltin,
  readCustomObjects,
} from "../serialization/registry.ts";
import { optionsFromConfig, serializeObject } from "../serialization/serialize.ts";
import {
  type CallOptions,
  convertArgument,
  joinCallArguments,
  type Mask,
  shapeStructure,
  splitCallArguments,
  symbolicOfShapes,
} from "./callArguments.ts";
import { checkCall } from "./callCheck.ts";
import { callContext, outermostCaller, withCallContext } from "./callContext.ts";
import { blameRead, placeOf, withTrail } from "./errorTrail.ts";
import { attachedMasks, hasMask, implicitMask } from "./implicitMask.ts";
import { assertInputCompatibility, type InputSpec } from "./inputSpec.ts";
import { layerClass } from "./layerClass.ts";
import { madeInCall, noteLayer, outsideCalls } from "./madeInCall.ts";
import { checkConfigTells, rememberProperties } from "./ownConfig.ts";
import { maskToRecord } from "./recordedMask.ts";
import { BASE_OPTIONS, remake } from "./remaking.ts";
import { revivingInside } from "./revivedPath.ts";
import { formatShapes, isShapes } from "./shapeStructures.ts";
import { hide, StatefulOperation } from "./statefulOperation.ts";
import { isBase, overrides } from "./userClass.ts";

export type { CallOptions, Mask } from "./callArguments.ts";
export type { Leaf } from "./layerClass.ts";
export type { WeightOptions } from "./statefulOperation.ts";

/** Options that every layer takes. */
export interface LayerOptions {
  /** @defaultValue the class in snake case, numbered: `dense`, `dense_1`, … */
  name?: string | null;
  /** Whether the optimizer may update the layer's weights. @defaultValue `true` */
  trainable?: boolean;
  /** Dtype or policy of computations and weights: `"float32"`, `"mixed_bfloat16"`, … @defaultValue the global policy */
  dtype?: DTypePolicyLike | null;
  /** Extra loss on the layer's output, divided by the batch size. @defaultValue `null` */
  activityRegularizer?: regularizers.RegularizerLike | null;
  /** Whether float inputs are cast to the compute dtype. @defaultValue `true` */
  autocast?: boolean;
}

/** Shape of one input, or a structure of shapes for layers with several. */
export type InputShape = Shape | readonly Shape[] | Readonly<Record<string, Shape>>;

/**
 * A layer: weights, and a computation from tensors to tensors.
 *
 * To write one, extend it: create weights in `build(inputShape)` with `addWeight`, compute in `call(inputs, options)`,
 * return the constructor's options from `getConfig()`. State is found by looking at the layer's properties.
 *
 * @see keras/src/layers/layer.py (Keras 3.x)
 */
export class LayerBase extends StatefulOperation {
  static readonly configKeys: Readonly<Record<string, string>> = {
    name: "name",
    trainable: "trainable",
    dtype: "dtype",
    activityRegularizer: "activity_regularizer",
  };

  /**
   * Options of calls → names of the arguments in Keras, which files have. A class of one's own states those that its Python
   * twin calls otherwise: `static callKeys = { scaleBy: "factor" }`. Without that, `scaleBy` is `scale_by` in files.
   */
  static readonly callKeys: Readonly<Record<string, string>> = { training: "training", mask: "mask" };

  /** Names of a call's inputs in Keras: in files, inputs may have been given by name. */
  static readonly callInputs: readonly string[] = ["inputs"];

  declare autocast: boolean;
  declare activityRegularizer: regularizers.RegularizerFunction | null;
  /** What `call` accepts; checked on every call. */
  declare inputSpec: InputSpec | readonly InputSpec[] | null;
  /** Whether the outputs get a mask, from `computeMask`. @defaultValue whether the class defines `computeMask` */
  declare supportsMasking: boolean;
  #maskWarned = false;
  #buildShapes: readonly InputShape[] | null = null;
  /** Whether a call came to its end. */
  #called = false;
  #onlyTraced = false;
  readonly #madeIn = callContext();

  constructor(options: LayerOptions = {}) {
    const { name, trainable = true, autocast = true, dtype = null, activityRegularizer = null } = options ?? {};
    super(name, trainable, getPolicy(dtype));
    noteLayer(this);
    this.#checkOptions(options);
    hide(this, {
      autocast,
      activityRegularizer: regularizers.get(activityRegularizer),
      inputSpec: null,
      supportsMasking: this.computeMask !== LayerBase.prototype.computeMask,
      // Calling `layer.build(shape)` builds as a first call does, whatever the subclass's method leaves to us.
      build: (...shapes: InputShape[]) => this.#buildAndInside(shapes),
    });
  }

  #checkOptions(options: LayerOptions): void {
    const where = placeOf(this);
    const given: unknown = options;
    if (!isPlainObject(given)) {
      throw new TypeError(`${where}: expected an options object. Received: ${describe(given)}`);
    }
    for (const key of Object.keys(given)) {
      if (BASE_OPTIONS.includes(key)) continue;
      const stated = configTable(this.constructor).map(([option]) => option);
      const known = [...stated.filter((option) => !BASE_OPTIONS.includes(option)), ...BASE_OPTIONS];
      const own = isBuiltin(this.constructor)
        ? ""
        : " Options of the class itself do not go to `super`: constructor({ units, ...options }) { super(options); … }";
      throw new TypeError(
        `${where}: unknown option \`${key}\`.${didYouMean(key, known)} Known options: ${known.join(", ")}.${own}`,
      );
    }
    for (const key of ["trainable", "autocast"]) {
      if (given[key] === undefined || typeof given[key] === "boolean") continue;
      throw new TypeError(`${where}: expected \`${key}\` to be a boolean. Received: ${describe(given[key])}`);
    }
  }

  // ---------------------------------------------------------------- what subclasses write

  /** Creates the weights. Runs once, with the shapes of the first inputs. */
  build(..._inputShapes: InputShape[]): void {}

  // biome-ignore lint/suspicious/noExplicitAny: every layer states its own inputs and outputs
  call(..._args: any[]): any {
    throw new Error(`${placeOf(this)}: a layer must define \`call(inputs, options)\``);
  }

  /** Masks of the outputs given those of the inputs, structured like them. Called where `supportsMasking` is true. */
  computeMask(_inputs: unknown, previousMask: Mask): Mask {
    return previousMask;
  }

  /**
   * Output shape for an input shape, found by tracing `call`; the layer is built if it was not. A subclass whose `call` does
   * not tell may state it; calls on symbolic tensors then go by it. With several parameters it gets a shape per input.
   */
  computeOutputShape(inputShape: InputShape, ..._more: InputShape[]): Nested<Shape> {
    const spec = this.#asTraced(() => this.computeOutputSpec(symbolicOfShapes(inputShape, this.computeDtype)));
    return mapStructure((t: KerasTensor) => t.shape, spec) as Nested<Shape>;
  }

  // ---------------------------------------------------------------- calling

  override invoke(args: unknown[]): unknown {
    const where = placeOf(this);
    const { inputs, options } = splitCallArguments(args);
    if (inputs.length === 0) throw new TypeError(`${where}: called without inputs`);
    checkCall(this, inputs, options);
    const converted = inputs.map((input) => convertArgument(input, where));
    const given = options.mask ? { ...options, mask: convertArgument(options.mask, where) as Mask } : options;
    return hasSymbolic([converted, given]) ? this.symbolicCall([...converted, given]) : this.#run(converted, given);
  }

  override symbolicCall(args: readonly unknown[]): Nested<KerasTensor> {
    const { inputs, options: given } = splitCallArguments(args);
    const mask = maskToRecord(this, inputs, given);
    const options = hasMask(mask) ? { ...given, mask } : given;
    // One that states its outputs need not think of building.
    if (overrides(this, "computeOutputSpec")) this.#buildByCall(inputs, options);
    const outputs = this.computeOutputSpec(...inputs, options);
    this.#maskSymbolic(inputs[0], outputs, given.mask ?? attachedMasks(inputs[0]));
    // Files record options only where some were given.
    new Node(this, joinCallArguments(inputs, options), outputs);
    return outputs;
  }

  /** Symbolic masks, so that layers after this one are recorded with what they will use. */
  #maskSymbolic(inputs: unknown, outputs: Nested<KerasTensor>, previousMask: Mask): void {
    if (!this.supportsMasking) {
      this.#warnOfDroppedMask(previousMask);
      return;
    }
    const masks: unknown[] = flatten(this.computeMask(inputs, previousMask) as Nested<unknown>);
    flatten(outputs).forEach((output, i) => {
      const mask = masks[i];
      if (mask instanceof KerasTensor) output.mask ??= mask;
    });
  }

  /** Whether masks come out of the layer on other ways than `computeMask`. */
  protected get carriesMasks(): boolean {
    return false;
  }

  #warnOfDroppedMask(mask: Mask): void {
    if (this.carriesMasks || this.#maskWarned || !hasMask(mask)) return;
    this.#maskWarned = true;
    console.warn(
      `${placeOf(this)}: its input has a mask, which the layer does not support and drops: layers after it will not see it`,
    );
  }

  override computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    const { inputs, options } = splitCallArguments(args);
    if (!this.#onlyTraced && overrides(this, "computeOutputShape")) {
      this.#buildByCall(inputs, options);
      return this.#statedOutputs(inputs);
    }
    // Outside the trace, where unknown sizes are `null`.
    this.#checkAndBuild(inputs);
    return this.#tracedOutputs(inputs, options);
  }

  /** Outputs of the shapes that the subclass's `computeOutputShape` gives, in the dtype of computations. */
  #statedOutputs(inputs: readonly unknown[]): Nested<KerasTensor> {
    const where = placeOf(this);
    const shapes = inputs.map(shapeStructure).filter((shape) => shape !== null) as [InputShape];
    const used = (this.computeOutputShape.length <= 1 ? shapes.slice(0, 1) : shapes) as typeof shapes;
    const stated: unknown = this.#asTraced(() => withTrail(where, () => this.computeOutputShape(...used)));
    if (isShapes(stated)) return symbolicOfShapes(stated, this.computeDtype) as Nested<KerasTensor>;
    throw new TypeError(
      `${where}: expected \`computeOutputShape\` to return a shape, such as [null, 8], or a structure of shapes. Received: ` +
        describe(stated),
    );
  }

  /** Keeps a `computeOutputShape` that asks its `super` from being asked itself. */
  #asTraced<T>(fn: () => T): T {
    const before = this.#onlyTraced;
    this.#onlyTraced = true;
    try {
      return fn();
    } finally {
      this.#onlyTraced = before;
    }
  }

  #tracedOutputs(inputs: readonly unknown[], options: object): Nested<KerasTensor> {
    return inferOutputs(
      (concrete) => {
        const { inputs: traced, options: tracedOptions } = splitCallArguments(concrete);
        return this.#run(traced, tracedOptions) as Nested<Tensor>;
      },
      [...inputs, options],
      placeOf(this),
    );
  }

  /** Runs on tensors: checks, builds, casts, resolves `training` and masks, computes. */
  #run(inputs: unknown[], given: CallOptions): unknown {
    this.#checkAndBuild(inputs);
    const outer = callContext();
    if (outer === null) this.clearLosses();
    // An explicit value holds for all layers called inside; the default of a `call` method only for itself.
    const training = given.training ?? outer?.training ?? null;
    const ready = inputs.map((input) => this.#castArgument(input));
    const options: CallOptions = Object.fromEntries(
      Object.entries(given).map(([key, value]) => [key, this.#castArgument(value)]),
    );
    // The outputs get the mask of the first input, also where the layer computes without it.
    const previousMask = options.mask ?? attachedMasks(inputs[0]);
    const mask = options.mask ?? implicitMask(inputs, given);
    if (training !== null) options.training = training;
    if (hasMask(mask)) options.mask = mask;
    return withTrail(placeOf(this), () =>
      this.runInScope(() => {
        const reads: Error[] = [];
        const outputs = withCallContext(this, training, () =>
          madeInCall(this, this.#mayMakeVariables, () =>
            withAutocast(this.#autocastScope(), () => notingTracedReads(reads, () => this.call(...ready, options))),
          ),
        );
        this.#called = true;
        this.#checkOutputs(outputs, reads);
        this.#addActivityLoss(outputs);
        return this.#maskOutputs(inputs, outputs, previousMask);
      }),
    );
  }

  /** A layer without a `build` may make its state in its first call. */
  get #mayMakeVariables(): boolean {
    const { build } = Object.getPrototypeOf(this) as LayerBase;
    return !this.#called && build === LayerBase.prototype.build;
  }

  /** An input or an option with its float tensors, however deep inside, in the compute dtype. */
  #castArgument(argument: unknown): unknown {
    const { computeDtype } = this.ownPolicy;
    if (!this.autocast || !isFloat(computeDtype)) return argument;
    const castable = (leaf: unknown): leaf is Tensor =>
      leaf instanceof Tensor && isFloat(leaf.dtype) && leaf.dtype !== computeDtype;
    const structure = argument as Nested<unknown>;
    // What there is nothing to cast in stays the very object that was given.
    if (!flatten(structure).some(castable)) return argument;
    return mapStructure((leaf) => (castable(leaf) ? castTensor(leaf, computeDtype) : leaf), structure);
  }

  /** The dtype in which `call` reads float variables, `null` for their own. */
  #autocastScope(): DType | null {
    const { computeDtype, variableDtype } = this.ownPolicy;
    if (!isFloat(computeDtype)) return null;
    if (autocastDType() !== null) return this.autocast ? computeDtype : null;
    return computeDtype === variableDtype ? null : computeDtype;
  }

  #checkOutputs(outputs: unknown, reads: readonly Error[]): void {
    // Nobody will wait for it: what it was about to say is that traced tensors have no numbers.
    if (outputs instanceof Promise) outputs.catch(() => undefined);
    const what =
      outputs === undefined || outputs === null
        ? `${outputs}; is a \`return\` missing?`
        : outputs instanceof Promise
          ? "a promise; `call` is recorded, not awaited, so it cannot be async"
          : null;
    if (what === null) return;
    const error = new TypeError(`${placeOf(this)}: \`call\` must return a tensor. Received: ${what}`);
    if (outputs instanceof Promise && reads.length > 0) blameRead(error, reads[0]!);
    throw error;
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
      this.#warnOfDroppedMask(previousMask);
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
      this.#checkHeld();
      this.#checkInputs(inputs[0]);
    }
    this.lockState();
  }

  /**
   * Weights that came up inside of another layer's call must be found through the outermost one, or they are neither
   * trained nor saved.
   */
  #checkHeld(): void {
    const outermost = outermostCaller();
    const caller = callContext()?.layer;
    if (!(caller instanceof LayerBase) || this.ownVariables.length === 0) return;
    if (outermost?.flattenLayers().includes(this)) return;
    const where = `${placeOf(caller)}: its \`call\` uses ${placeOf(this)}`;
    if (this.#madeIn) {
      throw new Error(
        `${where}, which was made inside of a call and is not kept, so each call would begin with new weights. ` +
          "Make the layer in the constructor or in `build`, and keep it in a property",
      );
    }
    console.warn(
      `${where}, whose weights cannot be found through its properties, so they are neither trained nor saved with it. ` +
        "Keep the layer in a property; one whose name starts with # is not seen from outside",
    );
  }

  #checkInputs(inputs: unknown): void {
    if (!this.inputSpec) return;
    const specs = Array.isArray(this.inputSpec) ? this.inputSpec : [this.inputSpec as InputSpec];
    assertInputCompatibility(this.name, specs, inputs);
  }

  // ---------------------------------------------------------------- building

  /** Runs the subclass's `build` under the layer's name and remembers the shapes for saving. */
  #build(shapes: readonly InputShape[]): void {
    rememberProperties(this);
    const { build } = Object.getPrototypeOf(this) as LayerBase;
    // A method of one parameter gets the shape of the first input, however many there are.
    const used = Math.max(build.length, this.#buildArguments.length) <= 1 ? shapes.slice(0, 1) : shapes;
    const run = (): void => {
      this.takePath();
      build.apply(this, [...used]);
    };
    withTrail(placeOf(this), () => outsideCalls(() => this.runInScope(run)));
    this.#buildShapes = used;
    this.built = true;
    this.lockState();
  }

  /** Whether layers inside wait for a call: there is no `build` that would build them. */
  get #builtByCall(): boolean {
    const { build } = Object.getPrototypeOf(this) as LayerBase;
    return build === LayerBase.prototype.build && this.sublayers.some((layer) => !layer.built);
  }

  /** Builds; layers inside that wait for a call are built by tracing this one, if that works. */
  #buildByCall(inputs: readonly unknown[], options: object): void {
    this.#checkAndBuild(inputs);
    if (!this.#builtByCall) return;
    try {
      this.#tracedOutputs(inputs, options);
    } catch {
      // The call itself builds them then, or says what is wrong.
    }
  }

  /**
   * Builds layers inside by tracing a call on inputs of these shapes. Shapes do not tell dtypes, nor what a call gets
   * besides, so that may not work.
   *
   * @returns Why it did not, `null` if it did.
   */
  protected tryCall(shapes: readonly unknown[]): unknown {
    let failure: unknown = null;
    for (const dtype of [this.computeDtype, "int32"]) {
      try {
        const inputs = shapes.map((shape) => symbolicOfShapes(shape, dtype));
        this.#tracedOutputs(inputs, {});
        return null;
      } catch (error) {
        failure ??= error;
      }
    }
    return failure;
  }

  /** What `build` is when it is called from outside: layers inside that wait for a call are built too. */
  #buildAndInside(shapes: readonly InputShape[]): void {
    this.#build(shapes);
    const failure = this.#builtByCall ? this.tryCall(shapes) : null;
    if (failure === null) return;
    const given = shapes.map(formatShapes).join(", ");
    console.warn(
      `${placeOf(this)}: layers inside have no weights yet. \`build\` could not make them, because the class has no \`build\` ` +
        `of its own and trying its \`call\` on ${given} alone failed: ${(failure as Partial<Error>).message}. The first call makes ` +
        "them; or define `build(inputShape)` and build them there",
    );
  }

  /** For constructors of layers without weights: the layer counts as built, unless a subclass has a `build` of its own. */
  protected builtAtOnce(): void {
    const { build } = Object.getPrototypeOf(this) as LayerBase;
    if (build === LayerBase.prototype.build) this.built = true;
  }

  // ---------------------------------------------------------------- configuration

  /** Keys as Keras's files have them. Subclasses add theirs: `{ ...super.getConfig(), units: this.units }`. */
  override getConfig(): Config {
    checkConfigTells(this, (config) => this.madeAgain(config));
    const dtype = serializeObject(this.dtypePolicy);
    const config: Config = { name: this.name, trainable: this.trainable, dtype };
    if (this.activityRegularizer) config.activity_regularizer = regularizers.serialize(this.activityRegularizer);
    return config;
  }

  /** An object of the same class and config, to compare with: what a load would make. */
  protected madeAgain(config: Config): object {
    return (this.constructor as typeof LayerBase).fromConfig(config);
  }

  /** Makes an instance from what `getConfig` returned. */
  static fromConfig(config: Config, customObjects?: CustomObjectsArgument): object {
    return customObjectScope(readCustomObjects(customObjects) ?? {}, () => {
      const name = typeof config?.name === "string" ? config.name : null;
      const options = revivingInside(name, () => optionsFromConfig(this, config));
      const cls = this as unknown as new (options?: Record<string, unknown>) => object;
      return isBuiltin(cls) ? new cls(options) : remake(cls, options);
    });
  }

  /** Shapes with which `build` ran, for rebuilding before weights are loaded; `null` when there is nothing to build. */
  getBuildConfig(): Config | null {
    const shapes = this.#buildShapes;
    if (!shapes) return null;
    if (shapes.length === 1) return { input_shape: shapes[0] };
    return { shapes_dict: Object.fromEntries(shapes.map((shape, i) => [this.#buildArgument(i), shape])) };
  }

  /**
   * Builds from what `getBuildConfig` returned. Layers inside that only a call can build are left to the calls of the graph
   * or the layer that this one is part of.
   */
  buildFromConfig(config: Config): void {
    if (this.built) return;
    const dict = config.shapes_dict;
    const values = config.input_shape ? [config.input_shape] : isPlainObject(dict) ? Object.values(dict) : [];
    if (values.length === 0) return;
    const shapes = values.map((value, i) => (isPlainObject(dict) && dict[this.#buildArgument(i)]) || value);
    this.#build(shapes as InputShape[]);
    if (this.#builtByCall && this.tryCall(shapes) !== null) this.built = false;
  }

  /** Keras's names of the parameters of `build`; classes with several state them in a static `buildArguments`. */
  get #buildArguments(): readonly string[] {
    return (this.constructor as { buildArguments?: readonly string[] }).buildArguments ?? [];
  }

  #buildArgument(i: number): string {
    return this.#buildArguments[i] ?? `input_${i}_shape`;
  }
}

isBase(LayerBase);

/** Base class for layers: extend it. See {@link LayerBase}. */
export const Layer = layerClass(LayerBase);
/** A layer from tensors to one tensor: symbolic in gives symbolic out, numbers in give a tensor. */
export type Layer = InstanceType<typeof Layer>;
