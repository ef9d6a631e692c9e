/** Multi-head attention. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Softmax } from "../activations/softmax.ts";
import { positionalOption } from "../callArguments.ts";
import { checkIntegers, checkPositiveInteger } from "../checks.ts";
import type { EinsumDense } from "../core/einsumDense.ts";
import { placeOf } from "../errorTrail.ts";
import { layerClass } from "../layerClass.ts";
import type { Dropout } from "../regularization/dropout.ts";
import { attentionEquations, projectionEquation, projectionShape } from "./equations.ts";
import {
  type GivenMasks,
  type Heads,
  MULTI_HEAD_KEYS,
  type MultiHeadCall,
  type MultiHeadCallOptions,
  MultiHeadLayer,
  type MultiHeadOptions,
} from "./multiHead.ts";

/** Options of {@link MultiHeadAttention}. */
export interface MultiHeadAttentionOptions extends MultiHeadOptions {
  /** Size of a head of the values. @defaultValue `keyDim` */
  valueDim?: number | null;
  /** Sizes of the output's last axes. @defaultValue the last size of the query */
  outputShape?: number | readonly number[] | null;
  /** Axes of the positions that attend to each other. @defaultValue all but the batch and the last */
  attentionAxes?: number | readonly number[] | null;
}

type All = MultiHeadAttentionOptions & { numHeads: number; keyDim: number };

/**
 * Multi-head attention, after "Attention is all you need": several heads attend each in a space of its own, and their results
 * are projected together.
 *
 * Called on a query and a value, and perhaps a key; for attention within a sequence, `mha(x, x)`. Masks of the inputs hide
 * padded steps by themselves, and are taken off the inputs, as in Keras: a layer that gets one of them later, such as the
 * addition of a residual connection, gets it without. Give `attentionMask` to mask every block of a stack.
 *
 * Shapes: query (batch, queries, dim), value and key (batch, values, …) → (batch, queries, dim), or the last axes of
 * `outputShape`; with `returnAttentionScores` also (batch, heads, queries, values).
 * Weights: kernels and biases of the projections `query`, `key`, `value` and `attention_output`, and `gate` with `useGate`.
 *
 * @param numHeads - A positive integer.
 * @param keyDim - Size of a head of queries and keys; a positive integer.
 * @throws RangeError when a size is not a positive integer.
 * @throws TypeError when it is called on one tensor.
 * @example
 * const mha = layers.MultiHeadAttention(8, 64, { dropout: 0.1 });
 * const y = mha(x, x, { useCausalMask: true });
 * @see keras/src/layers/attention/multi_head_attention.py (Keras 3.x)
 */
export class MultiHeadAttentionBase extends MultiHeadLayer {
  static readonly className: string = "MultiHeadAttention";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    numHeads: "num_heads",
    keyDim: "key_dim",
    valueDim: "value_dim",
    outputShape: "output_shape",
    attentionAxes: "attention_axes",
    ...MULTI_HEAD_KEYS,
  };

  readonly numHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly #outputSizes: readonly number[] | null;
  /** The axes of the positions; those that were left open are known once the layer is built. */
  attentionAxes: readonly number[] | null;
  /** `null` before the layer is built, like the other projections. */
  queryDense: EinsumDense | null = null;
  keyDense: EinsumDense | null = null;
  /** Used with `useGate`, once the layer is built. */
  protected _gateDense: EinsumDense | null = null;
  valueDense: EinsumDense | null = null;
  protected override _softmax: Softmax | null = null;
  protected override _dropoutLayer: Dropout | null = null;
  outputDense: EinsumDense | null = null;
  protected override equations = { scores: "", combine: "" };

  constructor(
    numHeads: number | All,
    keyDim?: number | (MultiHeadAttentionOptions & { keyDim: number }),
    options: MultiHeadAttentionOptions = {},
  ) {
    const where = "MultiHeadAttention";
    const given = positionalOption<All>(
      where,
      "numHeads",
      numHeads,
      positionalOption<MultiHeadAttentionOptions & { keyDim: number }>(where, "keyDim", keyDim, options),
    );
    const { numHeads: heads, keyDim: size, valueDim = null, outputShape = null, attentionAxes = null, ...rest } = given;
    super(rest);
    this.numHeads = checkPositiveInteger(this, "numHeads", heads);
    this.keyDim = checkPositiveInteger(this, "keyDim", size);
    this.valueDim = valueDim === null ? this.keyDim : checkPositiveInteger(this, "valueDim", valueDim);
    this.#outputSizes = outputShape === null ? null : checkIntegers(this, "outputShape", [outputShape].flat(), 1);
    this.attentionAxes =
      attentionAxes === null
        ? null
        : checkIntegers(this, "attentionAxes", [attentionAxes].flat(), Number.NEGATIVE_INFINITY);
  }

  override build(queryShape: Shape, valueShape: Shape, ...[keyShape]: Shape[]): void {
    const keys = keyShape ?? valueShape;
    this.#checkRanks(queryShape, valueShape);
    this.checkKeys(valueShape, keys);
    const project = (name: string, shape: Shape, size: number, activation: string | null = null): EinsumDense => {
      const free = shape.length - 1;
      const { equation, biasAxes } = projectionEquation(free, 1, 2);
      return this.projection(name, equation, projectionShape(free, [this.numHeads, size]), biasAxes, shape, activation);
    };
    this.queryDense = project("query", queryShape, this.keyDim);
    this.keyDense = project("key", keys, this.keyDim);
    if (this.useGate) this._gateDense = project("gate", queryShape, this.valueDim, "sigmoid");
    this.valueDense = project("value", valueShape, this.valueDim);
    this.#buildAttention(valueShape.length + 1);
    const sizes = this.#outputSizes ?? [queryShape.at(-1) as number];
    const free = queryShape.length - 1;
    const { equation, biasAxes } = projectionEquation(free, 2, sizes.length);
    const heads = [...queryShape.slice(0, -1), this.numHeads, this.valueDim];
    this.outputDense = this.projection("attention_output", equation, projectionShape(free, sizes), biasAxes, heads);
  }

  /** Keras builds the layer on (batch, features), and fails when it computes. */
  #checkRanks(query: Shape, value: Shape): void {
    if (query.length >= 3 && value.length >= 3) return;
    throw new ShapeError(
      "expected inputs of at least three axes, (batch, steps, features). Received: " +
        `query ${formatShape(query)}, value ${formatShape(value)}; samples of one step get an axis for it: ops.expandDims(x, 1)`,
    );
  }

  /** @param rank - Of the values' heads. */
  #buildAttention(rank: number): void {
    const given = this.attentionAxes ?? Array.from({ length: rank - 3 }, (_, i) => i + 1);
    if (given.length === 0) {
      throw new RangeError(
        `${placeOf(this)}: expected \`attentionAxes\` to be at least one axis. Received: attentionAxes=[]`,
      );
    }
    const axes = given.map((axis) => (axis >= 0 ? axis : rank - 1 + axis));
    const bad = axes.find((axis) => axis < 1 || axis > rank - 3);
    if (bad !== undefined) {
      throw new RangeError(
        `${placeOf(this)}: \`attentionAxes\` must be axes between the batch and the last one. ` +
          `Received: attentionAxes=${describe(this.attentionAxes)} for inputs of rank ${rank - 1}`,
      );
    }
    this.attentionAxes = axes;
    const { scores, combine, scoresRank } = attentionEquations(rank, axes);
    this.equations = { scores, combine };
    this.buildWeighting(axes.map((_, i) => scoresRank - axes.length + i));
  }

  protected override get attentionRank(): number {
    return this.attentionAxes!.length;
  }

  protected override get headSize(): number {
    return this.keyDim;
  }

  /**
   * Takes the masks off the tensors that carry them, as Keras does: whatever gets one of these tensors after this layer gets it
   * without a mask, in a graph as well. What counts of the query is its own mask only. See docs/decisions/0009-masks.md.
   */
  protected override takeMasks(
    query: Tensor,
    value: Tensor,
    key: Tensor | null,
    options: MultiHeadCallOptions,
  ): GivenMasks {
    const masks = super.takeMasks(query, value, key, { ...options, queryMask: null });
    for (const x of [query, value, key]) if (x) x.mask = null;
    return masks;
  }

  protected override project(query: Tensor, value: Tensor, key: Tensor): Heads {
    return { query: this.queryDense!(query), key: this.keyDense!(key), value: this.valueDense!(value) };
  }

  protected override finish(query: Tensor, attended: Tensor): Tensor {
    return this.outputDense!(this._gateDense ? ops.multiply(attended, this._gateDense(query)) : attended);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      num_heads: this.numHeads,
      key_dim: this.keyDim,
      value_dim: this.valueDim,
      dropout: this.dropout,
      use_bias: this.useBias,
      use_gate: this.useGate,
      output_shape: this.#outputSizes && [...this.#outputSizes],
      attention_axes: this.attentionAxes && [...this.attentionAxes],
      sliding_window: this.slidingWindow,
      ...this.weightConfig(),
    };
  }
}

export const MultiHeadAttention = layerClass<typeof MultiHeadAttentionBase, MultiHeadCall>(MultiHeadAttentionBase);
export type MultiHeadAttention = InstanceType<typeof MultiHeadAttention>;
