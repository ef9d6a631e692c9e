/** What attention layers with several heads share: their options, their projections, and how they are called. */
import * as constraints from "../../constraints/index.ts";
import { ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import { isPlainObject, mapStructure, type Nested } from "../../core/tree.ts";
import * as initializers from "../../initializers/index.ts";
import { renewed } from "../../initializers/initializer.ts";
import { dotProductAttention } from "../../ops/attention.ts";
import * as ops from "../../ops/index.ts";
import type { KerasTensor, Result, TensorLike } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import { withFirstSizes } from "../../ops/outputSpec.ts";
import * as regularizers from "../../regularizers/index.ts";
import { type Operand, Tensor } from "../../runtime/tensor.ts";
import { Softmax } from "../activations/softmax.ts";
import { splitCallArguments, symbolicOfShapes } from "../callArguments.ts";
import { checkBoolean, checkNumber, checkPositiveInteger } from "../checks.ts";
import { EinsumDense } from "../core/einsumDense.ts";
import { placeOf } from "../errorTrail.ts";
import { type CallOptions, LayerBase, type LayerOptions } from "../layer.ts";
import { Dropout } from "../regularization/dropout.ts";
import { checkMasks, combinedMask, forHeads, type MaskParts } from "./masks.ts";

/** Options that attention layers with several heads share. */
export interface MultiHeadOptions extends LayerOptions {
  /** Fraction of the attention that is dropped in training. @defaultValue `0` */
  dropout?: number;
  /** Whether the projections add an offset. @defaultValue `true` */
  useBias?: boolean;
  /** Whether the result is gated by a sigmoid of the query, per head. @defaultValue `false` */
  useGate?: boolean;
  /** Positions that are this far apart or farther do not attend to each other. @defaultValue `null`, all do */
  slidingWindow?: number | null;
  /** For compatibility with Keras: the engine picks its kernels itself. @defaultValue `null` */
  flashAttention?: boolean | "auto" | null;
  /** @defaultValue `"glorot_uniform"` */
  kernelInitializer?: initializers.InitializerLike;
  /** @defaultValue `"zeros"` */
  biasInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  kernelRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  biasRegularizer?: regularizers.RegularizerLike | null;
  /** Extra loss on the output of each projection. @defaultValue `null` */
  activityRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  kernelConstraint?: constraints.ConstraintLike | null;
  /** @defaultValue `null` */
  biasConstraint?: constraints.ConstraintLike | null;
  /** Makes the draws of the dropout repeat. @defaultValue `null` */
  seed?: number | null;
}

/** Options of a call, after query and value. */
export interface MultiHeadCallOptions extends CallOptions {
  /** Keys of the values. @defaultValue the values themselves */
  key?: TensorLike | null;
  /**
   * True where a step of the query is real: (batch, queries). As in Keras, {@link MultiHeadAttention} takes it and computes
   * without it, with the mask that came with the query. @defaultValue the mask that came with the query
   */
  queryMask?: TensorLike | null;
  /** (batch, values). @defaultValue the mask that came with the value */
  valueMask?: TensorLike | null;
  /** (batch, values). @defaultValue the mask that came with the key */
  keyMask?: TensorLike | null;
  /** True where a query may attend to a value: (batch, queries, values), or what broadcasts to it. @defaultValue `null` */
  attentionMask?: TensorLike | null;
  /** Whether to give the scores as well: (batch, heads, queries, values). @defaultValue `false` */
  returnAttentionScores?: boolean;
  /** Whether a query attends to no value after its own position. @defaultValue `false` */
  useCausalMask?: boolean;
}

type WithScores = MultiHeadCallOptions & { returnAttentionScores: true };

/** A call of an attention layer with several heads: query, value, and perhaps a key, then options. */
export interface MultiHeadCall {
  <Q extends TensorLike, V extends TensorLike>(
    query: Q,
    value: V,
    options: WithScores,
  ): [output: Result<Q | V>, scores: Result<Q | V>];
  <Q extends TensorLike, V extends TensorLike>(query: Q, value: V, options?: MultiHeadCallOptions): Result<Q | V>;
  <Q extends TensorLike, V extends TensorLike, K extends TensorLike>(
    query: Q,
    value: V,
    key: K,
    options: WithScores,
  ): [output: Result<Q | V | K>, scores: Result<Q | V | K>];
  <Q extends TensorLike, V extends TensorLike, K extends TensorLike>(
    query: Q,
    value: V,
    key: K,
    options?: MultiHeadCallOptions,
  ): Result<Q | V | K>;
}

/** Keys of the options that all have, in files. */
export const MULTI_HEAD_KEYS: Readonly<Record<string, string>> = {
  dropout: "dropout",
  useBias: "use_bias",
  useGate: "use_gate",
  slidingWindow: "sliding_window",
  flashAttention: "flash_attention",
  kernelInitializer: "kernel_initializer",
  biasInitializer: "bias_initializer",
  kernelRegularizer: "kernel_regularizer",
  biasRegularizer: "bias_regularizer",
  kernelConstraint: "kernel_constraint",
  biasConstraint: "bias_constraint",
  seed: "seed",
};

/** Projected tensors, (batch, …, heads, size). */
export interface Heads {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
}

/** What hides steps of the inputs. */
export type GivenMasks = Pick<MaskParts, "queryMask" | "valueMask" | "keyMask">;

/** Attention with several heads: the layers that project, and what to do with what they give. */
export abstract class MultiHeadLayer extends LayerBase {
  static readonly buildArguments: readonly string[] = ["query_shape", "value_shape", "key_shape"];
  static override readonly callInputs: readonly string[] = ["query", "value", "key"];
  static override readonly callKeys: Readonly<Record<string, string>> = {
    queryMask: "query_mask",
    valueMask: "value_mask",
    keyMask: "key_mask",
    attentionMask: "attention_mask",
    returnAttentionScores: "return_attention_scores",
    training: "training",
    useCausalMask: "use_causal_mask",
  };

  readonly dropout: number;
  readonly useBias: boolean;
  readonly useGate: boolean;
  readonly slidingWindow: number | null;
  readonly flashAttention: boolean | "auto" | null;
  readonly kernelInitializer: initializers.InitializerFunction;
  readonly biasInitializer: initializers.InitializerFunction;
  readonly kernelRegularizer: regularizers.RegularizerFunction | null;
  readonly biasRegularizer: regularizers.RegularizerFunction | null;
  /** Of the projections. */
  readonly projectionActivityRegularizer: regularizers.RegularizerFunction | null;
  readonly kernelConstraint: constraints.ConstraintFunction | null;
  readonly biasConstraint: constraints.ConstraintFunction | null;
  readonly seed: number | null;
  /** Made when the layer is built. The order in which classes have their layers is that of their weights. */
  declare protected _softmax: Softmax | null;
  declare protected _dropoutLayer: Dropout | null;

  constructor(options: MultiHeadOptions) {
    const {
      dropout = 0,
      useBias = true,
      useGate = false,
      slidingWindow = null,
      flashAttention = null,
      kernelInitializer = "glorot_uniform",
      biasInitializer = "zeros",
      kernelRegularizer = null,
      biasRegularizer = null,
      activityRegularizer = null,
      kernelConstraint = null,
      biasConstraint = null,
      seed = null,
      ...base
    } = options;
    super(base);
    this.dropout = checkNumber(this, "dropout", dropout, 0, 1);
    this.useBias = checkBoolean(this, "useBias", useBias);
    this.useGate = checkBoolean(this, "useGate", useGate);
    this.slidingWindow = slidingWindow === null ? null : checkPositiveInteger(this, "slidingWindow", slidingWindow);
    this.flashAttention = flashAttention;
    this.kernelInitializer = initializers.get(kernelInitializer);
    this.biasInitializer = initializers.get(biasInitializer);
    this.kernelRegularizer = regularizers.get(kernelRegularizer);
    this.biasRegularizer = regularizers.get(biasRegularizer);
    this.projectionActivityRegularizer = regularizers.get(activityRegularizer);
    this.kernelConstraint = constraints.get(kernelConstraint);
    this.biasConstraint = constraints.get(biasConstraint);
    this.seed = seed;
    this.supportsMasking = true;
    if (flashAttention === true && this.dropout > 0) {
      throw new TypeError(
        `${placeOf(this)}: with flashAttention there can be no dropout. Received: flashAttention=true, dropout=${dropout}. ` +
          "Leave one of them out",
      );
    }
  }

  // ---------------------------------------------------------------- building

  /** A projection of the layer, built. */
  protected projection(
    name: string,
    equation: string,
    outputShape: Shape,
    biasAxes: string,
    inputShape: Shape,
    activation: string | null = null,
  ): EinsumDense {
    const layer = EinsumDense(equation, {
      name,
      outputShape,
      activation,
      biasAxes: this.useBias ? biasAxes : null,
      dtype: this.dtypePolicy,
      // Objects draw the same numbers each time, so that each projection needs its own.
      kernelInitializer: renewed(this.kernelInitializer),
      biasInitializer: renewed(this.biasInitializer),
      kernelRegularizer: this.kernelRegularizer,
      biasRegularizer: this.biasRegularizer,
      activityRegularizer: this.projectionActivityRegularizer,
      kernelConstraint: this.kernelConstraint,
      biasConstraint: this.biasConstraint,
    });
    layer.build(inputShape);
    return layer;
  }

  /** The layers between the projections. @param axis - Axes of the scores over which they sum to 1. */
  protected buildWeighting(axis: number | readonly number[]): void {
    this._softmax = Softmax(axis, { dtype: this.dtypePolicy });
    this._dropoutLayer = Dropout(this.dropout, { dtype: this.dtypePolicy, seed: this.seed });
  }

  /** @throws ShapeError when keys and values differ in more than their last size. */
  protected checkKeys(valueShape: Shape, keyShape: Shape): void {
    const inner = (shape: Shape): string => formatShape(shape.slice(1, -1));
    if (inner(valueShape) === inner(keyShape)) return;
    throw new ShapeError(
      "value and key must have the same sizes between batch and last axis. " +
        `Received: value ${formatShape(valueShape)}, key ${formatShape(keyShape)}`,
    );
  }

  // ---------------------------------------------------------------- calling

  /** Brings a key among the options to its place after the value, where files have it too. */
  override invoke(args: unknown[]): unknown {
    const { inputs, options } = splitCallArguments(args);
    const { key = null, ...rest } = options as MultiHeadCallOptions;
    const tensors = inputs.filter((input, i) => i < 2 || input !== null);
    if (key !== null && tensors.length < 3) tensors.push(key);
    else if (key !== null)
      throw new TypeError(`${placeOf(this)}: \`key\` is given twice, by position and as an option`);
    if (tensors.length < 2 || tensors.length > 3 || tensors.some((t) => isPlainObject(t) || t === null)) {
      throw new TypeError(
        `${placeOf(this)}: it is called on a query and a value, and perhaps a key. Received: ${inputs.length} ` +
          `input${inputs.length === 1 ? "; for attention within a sequence pass it twice: layer(x, x)" : "s"}`,
      );
    }
    return super.invoke(Object.keys(rest).length > 0 ? [...tensors, rest] : tensors);
  }

  override call(
    query: Tensor,
    value: Tensor,
    third?: Tensor | MultiHeadCallOptions,
    fourth: MultiHeadCallOptions | null = null,
  ): Tensor | [Tensor, Tensor] {
    const key = third instanceof Tensor ? third : null;
    const options = fourth ?? (isPlainObject(third) ? (third as MultiHeadCallOptions) : {});
    const { returnAttentionScores = false, training = false, useCausalMask = false } = options;
    const { queryMask, valueMask, keyMask } = this.takeMasks(query, value, key, options);
    const attentionMask = (options.attentionMask ?? null) as Operand | null;
    checkMasks(query, value, [
      ["queryMask", queryMask, "queries"],
      ["valueMask", valueMask, "values"],
      ["keyMask", keyMask, "values"],
      ["attentionMask", attentionMask, "both"],
    ]);
    const mask = combinedMask(query.shape[1]!, value.shape[1]!, {
      queryMask,
      valueMask,
      keyMask,
      attentionMask,
      useCausalMask,
      slidingWindow: this.slidingWindow,
    });
    if (returnAttentionScores && this.flashAttention === true) {
      throw new TypeError("with flashAttention there are no scores to return: leave `flashAttention` out");
    }
    const heads = this.project(withoutMask(query), withoutMask(value), withoutMask(key ?? value));
    const [attended, scores] = this.attend(heads, mask, training, returnAttentionScores);
    const output = this.finish(withoutMask(query), attended);
    return scores && returnAttentionScores ? [output, scores] : output;
  }

  /** The masks of query, value and key: given, or those that came with them. */
  protected takeMasks(query: Tensor, value: Tensor, key: Tensor | null, options: MultiHeadCallOptions): GivenMasks {
    return {
      queryMask: (options.queryMask ?? query.mask) as Operand | null,
      valueMask: (options.valueMask ?? value.mask) as Operand | null,
      keyMask: (options.keyMask ?? key?.mask ?? null) as Operand | null,
    };
  }

  /** The heads of query, key and value. */
  protected abstract project(query: Tensor, value: Tensor, key: Tensor): Heads;
  /** Scores from (key, query), and the result from (scores, value). */
  protected abstract readonly equations: { readonly scores: string; readonly combine: string };
  /** How many axes the positions have. */
  protected abstract readonly attentionRank: number;
  protected abstract readonly headSize: number;
  /** The result of all heads. */
  protected abstract finish(query: Tensor, attended: Tensor): Tensor;

  /** What the heads attend to, and the scores where they are wanted or have to be at hand. */
  protected attend(
    { query, key, value }: Heads,
    mask: Tensor | null,
    training: boolean,
    wantsScores: boolean,
  ): [attended: Tensor, scores: Tensor | null] {
    const scale = 1 / Math.sqrt(this.headSize);
    if (this.dropout === 0 && !wantsScores && query.ndim === 4) {
      const wide = mask && forHeads(mask, 4, this.attentionRank);
      return [dotProductAttention(query, key, value, { mask: wide, scale }), null];
    }
    const raw = ops.einsum(this.equations.scores, key, ops.multiply(query, scale));
    const wide = mask && forHeads(mask, raw.ndim, this.attentionRank);
    const scores = this._softmax!(raw, wide ? { mask: wide } : {});
    const kept = this.dropout > 0 ? this._dropoutLayer!(scores, { training }) : scores;
    return [ops.einsum(this.equations.combine, kept, value), scores];
  }

  override computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    const positions = (args[0] as KerasTensor | Tensor).shape.slice(0, -1);
    const spec = super.computeOutputSpec(...args) as KerasTensor | KerasTensor[];
    return Array.isArray(spec)
      ? [withFirstSizes(spec[0]!, positions), ...spec.slice(1)]
      : withFirstSizes(spec, positions);
  }

  override computeOutputShape(...shapes: unknown[]): Nested<Shape> {
    const [query, value, key = null] = shapes as [Shape, Shape?, (Shape | null)?];
    const given = [query, value ?? query, ...(key ? [key] : [])];
    const spec = this.computeOutputSpec(...given.map((shape) => symbolicOfShapes(shape, this.computeDtype)));
    return mapStructure((t: KerasTensor) => t.shape, spec) as Nested<Shape>;
  }

  // ---------------------------------------------------------------- configuration

  /** What files say of the weights, after the layer's own keys. */
  protected weightConfig(): Config {
    return {
      kernel_initializer: initializers.serialize(this.kernelInitializer),
      bias_initializer: initializers.serialize(this.biasInitializer),
      kernel_regularizer: this.kernelRegularizer && regularizers.serialize(this.kernelRegularizer),
      bias_regularizer: this.biasRegularizer && regularizers.serialize(this.biasRegularizer),
      activity_regularizer:
        this.projectionActivityRegularizer && regularizers.serialize(this.projectionActivityRegularizer),
      kernel_constraint: this.kernelConstraint && constraints.serialize(this.kernelConstraint),
      bias_constraint: this.biasConstraint && constraints.serialize(this.biasConstraint),
      seed: this.seed,
    };
  }
}

/** The projections do not know masks: what they mean is in the attention. */
function withoutMask(x: Tensor): Tensor {
  return x.mask === null ? x : new Tensor(x.node);
}
