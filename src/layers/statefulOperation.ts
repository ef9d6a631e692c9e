/** The state that a layer has: weights, layers inside, losses of the last call. What a call does is in layer.ts. */
import * as constraints from "../constraints/index.ts";
import { isFloat, standardizeDType } from "../core/dtype.ts";
import type { DTypePolicy } from "../core/dtypePolicy.ts";
import { describe, SerializationError, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { flatten, type Nested } from "../core/tree.ts";
import * as initializers from "../initializers/index.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { TensorLike } from "../ops/kerasTensor.ts";
import { Operation } from "../ops/operation.ts";
import * as regularizers from "../regularizers/index.ts";
import { currentPath, nameScope } from "../runtime/nameScope.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { activeTrace, type Trace } from "../runtime/trace.ts";
import { Variable } from "../runtime/variable.ts";
import type { VariableStore } from "../serialization/variableStore.ts";
import { placeOf } from "./errorTrail.ts";
import type { LayerBase } from "./layer.ts";
import { isMetric, isSeedGenerator, isVariable, type MetricState, ownOfKind } from "./layerState.ts";
import { placed } from "./revivedPath.ts";
import { type WeightArguments, type WeightOptions, weightOptions } from "./weightOptions.ts";

export type { WeightOptions } from "./weightOptions.ts";

/** A loss added in `call`, and the trace that was being recorded: in another trace it means nothing. */
interface AddedLoss {
  readonly loss: Tensor;
  readonly trace: Trace | null;
}

/** An operation with state, found by looking at its properties. @see keras/src/layers/layer.py (Keras 3.x) */
export abstract class StatefulOperation extends Operation {
  /** Whether the weights exist. */
  declare built: boolean;
  /** As it was given: perhaps a map of policies by path. */
  declare readonly dtypePolicy: DTypePolicy;
  #path: string | null = null;
  readonly #weights: Variable[] = [];
  #losses: AddedLoss[] = [];
  #trainable: boolean;
  #locked = false;
  #inScope = false;

  constructor(name: string | null | undefined, trainable: boolean, policy: DTypePolicy) {
    super(name);
    this.#trainable = trainable;
    hide(this, { built: false, dtypePolicy: policy });
  }

  /** Runs `fn` with the layer's name on the stack of names, once however deep. */
  protected runInScope<T>(fn: () => T): T {
    if (this.#inScope) return fn();
    this.#inScope = true;
    try {
      return nameScope(this.name, fn);
    } finally {
      this.#inScope = false;
    }
  }

  /** Where the layer stands in the model: `encoder/dense`. `null` before it is built. */
  get path(): string | null {
    return this.#path;
  }

  /** To be called where the layer is built. */
  protected takePath(): void {
    this.runInScope(() => {
      this.#path = placed(currentPath());
    });
  }

  /** The policy of this very layer: of a map, what it has for the layer's path. */
  protected get ownPolicy(): DTypePolicy {
    return this.dtypePolicy.forPath(this.#path);
  }

  // ---------------------------------------------------------------- weights

  /** From now on, weights can no longer be created. */
  protected lockState(): void {
    this.#locked = true;
  }

  /** Whether weights can no longer be created. */
  protected get stateLocked(): boolean {
    return this.#locked;
  }

  /**
   * Creates a weight and returns it: `addWeight([3], "zeros")`, `addWeight({ shape: [3], initializer: "zeros" })`. To be kept in
   * a property, so that people find it.
   *
   * @param args - Shape, initializer, options; or fewer of them, or the options alone.
   * @throws Error when the layer is built already: all state is created in the constructor or in `build`.
   */
  addWeight(...args: WeightArguments): Variable {
    const where = placeOf(this);
    const options = weightOptions(`addWeight of ${where}`, args);
    if (this.stateLocked) {
      throw new Error(
        `${where}: weights are created in the constructor or in \`build\`; the layer is already built. ` +
          `Received: addWeight of ${describe(options.name ?? "variable")}`,
      );
    }
    const dtype = standardizeDType(options.dtype ?? this.variableDtype);
    const shape = options.shape ?? [];
    const bad = shape.find((d) => !Number.isInteger(d) || d < 0);
    if (bad !== undefined) {
      throw new ShapeError(
        `${where}: weight "${options.name ?? "variable"}" needs known sizes. Received: shape ${formatShape(shape as Shape)}. ` +
          "The input's size on that axis must be known when the layer is built: give it in `Input({ shape })`",
      );
    }
    const initializer = initializers.get(options.initializer ?? (isFloat(dtype) ? "glorot_uniform" : "zeros"));
    const variable = this.runInScope(
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
    if (!this.#trainable) variable.trainable = false;
    this.#weights.push(variable);
    return variable;
  }

  /** @internal Creates a weight of a layer that is built already, for what can be turned on later. */
  addLateWeight(options: WeightOptions): Variable {
    const locked = this.#locked;
    this.#locked = false;
    try {
      return this.addWeight(options);
    } finally {
      this.#locked = locked;
    }
  }

  /** Variables of this layer itself, from `addWeight` or held in properties; those created to be trained come first. */
  protected get ownVariables(): Variable[] {
    const all = [...new Set([...this.#weights, ...ownOfKind(this, isVariable)])];
    return [...all.filter((v) => v.createdTrainable), ...all.filter((v) => !v.createdTrainable)];
  }

  /** Layers held directly. */
  get sublayers(): LayerBase[] {
    return ownOfKind(this, isLayer);
  }

  /** This layer and all layers inside it, each once, outer before inner. */
  flattenLayers(): LayerBase[] {
    const seen = new Set<LayerBase>();
    const visit = (layer: LayerBase): void => {
      if (seen.has(layer)) return;
      seen.add(layer);
      layer.sublayers.forEach(visit);
    };
    if (isLayer(this)) visit(this);
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
    return this.#trainable;
  }

  /** Freezes or unfreezes the layer and all layers inside it. Takes effect on the next training run. */
  set trainable(value: boolean) {
    this.#trainable = Boolean(value);
    for (const variable of this.ownVariables) if (variable.createdTrainable) variable.trainable = this.#trainable;
    for (const layer of this.sublayers) layer.trainable = value;
  }

  get dtype(): string {
    return this.ownPolicy.variableDtype;
  }

  get computeDtype(): string {
    return this.ownPolicy.computeDtype;
  }

  get variableDtype(): string {
    return this.ownPolicy.variableDtype;
  }

  /** Number of elements in all weights. @throws Error when the layer is not built. */
  countParams(): number {
    if (!this.built) {
      throw new Error(
        `${placeOf(this)}: it has no parameters to count before it is built. Call it on data, or ` +
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
    const where = `setWeights of ${placeOf(this)}`;
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

  /**
   * Adds a scalar, or the sum of a tensor, to the loss of the training step in progress; of a list or structure, each of its
   * tensors. Only meaningful inside `call`.
   */
  addLoss(loss: Nested<TensorLike>): void {
    for (const leaf of flatten(loss)) {
      const tensor = toTensor(leaf, null, `addLoss of ${placeOf(this)}`);
      this.#losses.push({ loss: tensor.ndim === 0 ? tensor : ops.sum(tensor), trace: activeTrace() });
    }
  }

  /** Forgets the losses of the call before, and those of traces that are over. */
  protected clearLosses(): void {
    const trace = activeTrace();
    for (const layer of this.flattenLayers()) {
      // Inferring shapes or recording a program does not touch what an eager call left.
      layer.#losses = layer.#losses.filter((added) => trace !== null && added.trace === null);
    }
  }

  /** Losses added during the last call, and regularization of trainable weights. */
  get losses(): Tensor[] {
    const trace = activeTrace();
    const added = this.flattenLayers().flatMap((layer) =>
      layer.#losses.filter((entry) => entry.trace === trace).map((entry) => entry.loss),
    );
    const regularized = this.trainableWeights.flatMap((v) => (v.regularizer ? [v.regularizer(v.value)] : []));
    return [...added, ...regularized];
  }

  // ---------------------------------------------------------------- files

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
        `${placeOf(this)}: expected ${variables.length} variables ` +
          `(${variables.map((v) => v.name).join(", ") || "none"}). The file has ${keys.length}.${hint}`,
      );
    }
    variables.forEach((variable, i) => {
      variable.assign(store.get(String(i)));
    });
  }
}

/** The only subclass is the base of layers. */
const isLayer = (value: object): value is LayerBase => value instanceof StatefulOperation;

/** Sets properties that are not enumerable: state is found by looking at what subclasses assign. */
export function hide(target: object, values: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(values)) {
    Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: false });
  }
}
