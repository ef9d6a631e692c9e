/** Attention in which groups of query heads share the heads of keys and values. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Softmax } from "../activations/softmax.ts";
import { positionalOption } from "../callArguments.ts";
import { checkPositiveInteger } from "../checks.ts";
import type { EinsumDense } from "../core/einsumDense.ts";
import { placeOf } from "../errorTrail.ts";
import { layerClass } from "../layerClass.ts";
import type { Dropout } from "../regularization/dropout.ts";
import { type Heads, MULTI_HEAD_KEYS, type MultiHeadCall, MultiHeadLayer, type MultiHeadOptions } from "./multiHead.ts";

/** Options of {@link GroupQueryAttention}. */
export type GroupQueryAttentionOptions = MultiHeadOptions;

type All = GroupQueryAttentionOptions & { headDim: number; numQueryHeads: number; numKeyValueHeads: number };

/**
 * Grouped-query attention: multi-head attention with fewer heads for keys and values than for queries. One head for all
 * queries is multi-query attention.
 *
 * Called like {@link MultiHeadAttention}.
 *
 * Shapes: query (batch, queries, dim), value and key (batch, values, dim) → (batch, queries, dim); with
 * `returnAttentionScores` also (batch, queryHeads, queries, values).
 * Weights: kernels and biases of the projections `query`, `key`, `value` and `attention_output`, and `gate` with `useGate`.
 *
 * @param headDim - Size of a head; a positive integer.
 * @param numQueryHeads - A multiple of `numKeyValueHeads`.
 * @param numKeyValueHeads - A positive integer.
 * @throws RangeError when a size is not a positive integer, or one number of heads does not divide the other.
 * @see keras/src/layers/attention/grouped_query_attention.py (Keras 3.x)
 */
export class GroupedQueryAttentionBase extends MultiHeadLayer {
  static readonly className: string = "GroupQueryAttention";
  static readonly modulePath: string = "keras.layers";
  static readonly automaticName: string = "grouped_query_attention";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    headDim: "head_dim",
    numQueryHeads: "num_query_heads",
    numKeyValueHeads: "num_key_value_heads",
    ...MULTI_HEAD_KEYS,
  };

  readonly headDim: number;
  readonly numQueryHeads: number;
  readonly numKeyValueHeads: number;
  // Keras has these without public names, and files call them so.
  protected _queryDense: EinsumDense | null = null;
  protected _keyDense: EinsumDense | null = null;
  protected _gateDense: EinsumDense | null = null;
  protected _valueDense: EinsumDense | null = null;
  protected override _softmax: Softmax | null = null;
  protected override _dropoutLayer: Dropout | null = null;
  protected _outputDense: EinsumDense | null = null;
  protected override readonly equations = { scores: "bkuh,bquh->buqk", combine: "buqk,bkuh->bquh" };
  protected override readonly attentionRank = 1;

  constructor(
    headDim: number | All,
    numQueryHeads?: number | Omit<All, "headDim">,
    numKeyValueHeads?: number | (GroupQueryAttentionOptions & { numKeyValueHeads: number }),
    options: GroupQueryAttentionOptions = {},
  ) {
    const where = "GroupQueryAttention";
    const last = positionalOption<Omit<All, "headDim" | "numQueryHeads">>(
      where,
      "numKeyValueHeads",
      numKeyValueHeads,
      options,
    );
    const given = positionalOption<All>(
      where,
      "headDim",
      headDim,
      positionalOption<Omit<All, "headDim">>(where, "numQueryHeads", numQueryHeads, last),
    );
    const { headDim: size, numQueryHeads: queries, numKeyValueHeads: shared, ...rest } = given;
    super(rest);
    // In Keras this layer has the loss on its own output too.
    this.activityRegularizer = this.projectionActivityRegularizer;
    this.headDim = checkPositiveInteger(this, "headDim", size);
    this.numQueryHeads = checkPositiveInteger(this, "numQueryHeads", queries);
    this.numKeyValueHeads = checkPositiveInteger(this, "numKeyValueHeads", shared);
    if (this.numQueryHeads % this.numKeyValueHeads !== 0) {
      throw new RangeError(
        `${placeOf(this)}: \`numQueryHeads\` must be a multiple of \`numKeyValueHeads\`. ` +
          `Received: numQueryHeads=${this.numQueryHeads}, numKeyValueHeads=${this.numKeyValueHeads}`,
      );
    }
  }

  override build(queryShape: Shape, valueShape: Shape, ...[keyShape]: Shape[]): void {
    const keys = keyShape ?? valueShape;
    this.#checkShapes(queryShape, valueShape, keys);
    const { headDim, numQueryHeads, numKeyValueHeads } = this;
    const toQueries = ["bqm,muh->bquh", [null, numQueryHeads, headDim], "uh"] as const;
    const toKeys = ["bkm,mvh->bkvh", [null, numKeyValueHeads, headDim], "vh"] as const;
    this._queryDense = this.projection("query", ...toQueries, queryShape);
    this._keyDense = this.projection("key", ...toKeys, keys);
    if (this.useGate) this._gateDense = this.projection("gate", ...toQueries, queryShape, "sigmoid");
    this._valueDense = this.projection("value", ...toKeys, valueShape);
    this.buildWeighting(-1);
    this._outputDense = this.projection("attention_output", "bquh,uhm->bqm", [null, queryShape.at(-1)!], "m", [
      null,
      null,
      numQueryHeads,
      headDim,
    ]);
  }

  #checkShapes(query: Shape, value: Shape, key: Shape): void {
    if (query.length !== 3 || query.at(-1) !== value.at(-1)) {
      throw new ShapeError(
        "expected inputs (batch, steps, dim) with one last size for query and value. " +
          `Received: query ${formatShape(query)}, value ${formatShape(value)}`,
      );
    }
    this.checkKeys(value, key);
  }

  protected override get headSize(): number {
    return this.headDim;
  }

  protected override project(query: Tensor, value: Tensor, key: Tensor): Heads {
    const times = this.numQueryHeads / this.numKeyValueHeads;
    const shared = (x: Tensor): Tensor => (times === 1 ? x : ops.repeat(x, times, { axis: 2 }));
    return {
      query: this._queryDense!(query),
      key: shared(this._keyDense!(key)),
      value: shared(this._valueDense!(value)),
    };
  }

  protected override finish(query: Tensor, attended: Tensor): Tensor {
    return this._outputDense!(this._gateDense ? ops.multiply(attended, this._gateDense(query)) : attended);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      head_dim: this.headDim,
      num_query_heads: this.numQueryHeads,
      num_key_value_heads: this.numKeyValueHeads,
      use_bias: this.useBias,
      use_gate: this.useGate,
      sliding_window: this.slidingWindow,
      dropout: this.dropout,
      ...this.weightConfig(),
    };
  }
}

export const GroupQueryAttention = layerClass<typeof GroupedQueryAttentionBase, MultiHeadCall>(
  GroupedQueryAttentionBase,
);
export type GroupQueryAttention = InstanceType<typeof GroupQueryAttention>;
