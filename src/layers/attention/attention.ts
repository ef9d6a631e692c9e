/** Attention by dot products. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape, sizesAgree } from "../../core/shape.ts";
import { mapStructure, type Nested } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { KerasTensor, Result } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import { withFirstSizes } from "../../ops/outputSpec.ts";
import * as random from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { checkBoolean, checkNumber } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import { type CallOptions, LayerBase, type LayerOptions, type Mask } from "../layer.ts";
import { type Leaf, layerClass } from "../layerClass.ts";
import { causalMask, checkMasks } from "./masks.ts";

/** Options of {@link AdditiveAttention}. */
export interface AdditiveAttentionOptions extends LayerOptions {
  /** Whether the scores are scaled by a trained weight. @defaultValue `true` */
  useScale?: boolean;
  /** Fraction of the attention that is dropped in training. @defaultValue `0` */
  dropout?: number;
  /** Makes the draws of the dropout repeat. @defaultValue `null` */
  seed?: number | null;
}

/** Options of {@link Attention}. */
export interface AttentionOptions extends LayerOptions {
  /** Whether the scores are scaled by a trained number. @defaultValue `false` */
  useScale?: boolean;
  /** How well a key fits a query: their product, or the sum of tanh(query + key). @defaultValue `"dot"` */
  scoreMode?: "dot" | "concat";
  /** Fraction of the attention that is dropped in training. @defaultValue `0` */
  dropout?: number;
  /** Makes the draws of the dropout repeat. @defaultValue `null` */
  seed?: number | null;
}

/** Options of a call of {@link Attention}. */
export interface AttentionCallOptions extends CallOptions {
  /** Masks of query and value: true where a step is real. @defaultValue those that came with the inputs */
  mask?: Mask;
  /** Whether a query attends to no value after its own position. @defaultValue `false` */
  useCausalMask?: boolean;
  /** Whether to give the scores as well, after masks and softmax. @defaultValue `false` */
  returnAttentionScores?: boolean;
}

/** A call of an attention layer: `[query, value]` or `[query, value, key]`. */
export interface AttentionCall {
  <A>(
    inputs: readonly A[],
    options: AttentionCallOptions & { returnAttentionScores: true },
  ): [output: Result<Leaf<A>>, scores: Result<Leaf<A>>];
  <A>(inputs: readonly A[], options?: AttentionCallOptions): Result<Leaf<A>>;
}

/**
 * Dot-product attention: for each query, the mean of the values, weighted by how well their keys fit.
 *
 * Called on a list `[query, value]` or `[query, value, key]`; without a key, the value is its own.
 *
 * Shapes: query (batch, queries, dim), value (batch, values, valueDim), key (batch, values, dim) → (batch, queries,
 * valueDim); scores (batch, queries, values). Where the query is masked the output is 0, and keeps its mask.
 * Weights: `scale` (a number) with `useScale`, `concat_score_weight` (a number) with `scoreMode: "concat"`.
 *
 * @throws TypeError for anything but a list of two or three tensors.
 * @example
 * const output = layers.Attention()([query, value]);
 * @see keras/src/layers/attention/attention.py (Keras 3.x)
 */
export class AttentionBase extends LayerBase {
  static readonly className: string = "Attention";
  static readonly modulePath: string = "keras.layers";
  static override readonly callKeys: Readonly<Record<string, string>> = {
    mask: "mask",
    training: "training",
    returnAttentionScores: "return_attention_scores",
    useCausalMask: "use_causal_mask",
  };
  static override readonly configKeys: Readonly<Record<string, string>> = {
    useScale: "use_scale",
    scoreMode: "score_mode",
    dropout: "dropout",
    seed: "seed",
  };

  readonly useScale: boolean;
  readonly scoreMode: "dot" | "concat";
  readonly dropout: number;
  readonly seed: number | null;
  /** `null` before the layer is built, or without `useScale`. */
  scale: Variable | null = null;
  /** `null` before the layer is built, or in mode `"dot"`. */
  concatScoreWeight: Variable | null = null;
  /** Absent where nothing is dropped. */
  seedGenerator?: InstanceType<typeof random.SeedGenerator>;

  constructor(options: AttentionOptions = {}) {
    const { useScale = false, scoreMode = "dot", dropout = 0, seed = null, ...base } = options;
    super(base);
    this.useScale = checkBoolean(this, "useScale", useScale);
    if (scoreMode !== "dot" && scoreMode !== "concat") {
      throw new RangeError(
        `${placeOf(this)}: expected \`scoreMode\` to be "dot" or "concat". Received: scoreMode=${describe(scoreMode)}`,
      );
    }
    this.scoreMode = scoreMode;
    this.dropout = checkNumber(this, "dropout", dropout, 0, 1);
    this.seed = seed;
    this.supportsMasking = true;
    if (this.dropout > 0) this.seedGenerator = new random.SeedGenerator(seed);
  }

  override build(inputShape: readonly Shape[]): void {
    checkInputs(inputShape, Array.isArray(inputShape) && inputShape.every(Array.isArray));
    const one = { shape: [], initializer: "ones" } as const;
    if (this.useScale) this.scale = this.addWeight({ name: "scale", ...one });
    if (this.scoreMode === "concat") this.concatScoreWeight = this.addWeight({ name: "concat_score_weight", ...one });
  }

  /** Whether sums of query and key are scored: then they broadcast. */
  protected get addsUp(): boolean {
    return this.scoreMode === "concat";
  }

  #checkSizes(query: Tensor, value: Tensor, key: Tensor): void {
    const [q, k] = [query.shape.at(-1)!, key.shape.at(-1)!];
    const fits = sizesAgree(q, k) || (this.addsUp && (q === 1 || k === 1));
    if (!fits) {
      throw new ShapeError(
        `query and key must have the same last size. Received: query of shape ${formatShape(query.shape)}, key of shape ` +
          `${formatShape(key.shape)}; bring one to the size of the other, as with a Dense layer`,
      );
    }
    if (!sizesAgree(key.shape.at(-2)!, value.shape.at(-2)!)) {
      throw new ShapeError(
        `there must be as many keys as values. Received: value of shape ${formatShape(value.shape)}, key of shape ` +
          formatShape(key.shape),
      );
    }
  }

  /** (batch, queries, keys). */
  protected scores(query: Tensor, key: Tensor): Tensor {
    if (this.scoreMode === "dot") {
      const products = ops.matmul(query, ops.swapaxes(key, -2, -1));
      return this.scale ? ops.multiply(products, this.scale) : products;
    }
    const sums = ops.add(ops.expandDims(query, -2), ops.expandDims(key, -3));
    const bent = ops.tanh(this.scale ? ops.multiply(this.scale, sums) : sums);
    return ops.multiply(this.concatScoreWeight!, ops.sum(bent, { axis: -1 }));
  }

  override call(inputs: readonly Tensor[], options: AttentionCallOptions = {}): Tensor | [Tensor, Tensor] {
    checkInputs(inputs, Array.isArray(inputs));
    const [query, value, key = value] = inputs as [Tensor, Tensor, Tensor?];
    const [queryMask = null, valueMask = null] = maskList(options.mask ?? null);
    checkMasks(query, value, [
      ["mask[0]", queryMask, "queries"],
      ["mask[1]", valueMask, valueMask?.ndim === 3 ? "both" : "values"],
    ]);
    this.#checkSizes(query, value, key!);
    const raw = this.scores(query, key!);
    const allowed = this.#allowed(raw, valueMask, options.useCausalMask === true);
    const parts = ops.softmax(allowed ? ops.where(allowed, raw, ops.subtract(raw, farBelow(raw))) : raw);
    const drops = options.training === true && this.seedGenerator !== undefined;
    const scores = drops ? random.dropout(parts, this.dropout, { seed: this.seedGenerator! }) : parts;
    const attended = ops.matmul(scores, value);
    const output = queryMask ? ops.where(ops.expandDims(queryMask, -1), attended, ops.zerosLike(attended)) : attended;
    return options.returnAttentionScores ? [output, scores] : output;
  }

  override computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    const [query] = args[0] as readonly (KerasTensor | Tensor)[];
    const positions = query!.shape.slice(0, -1);
    return mapStructure((x: KerasTensor) => withFirstSizes(x, positions), super.computeOutputSpec(...args));
  }

  /** Which values a query may attend to, or `null` for all. */
  #allowed(scores: Tensor, valueMask: Tensor | null, causal: boolean): Tensor | null {
    const known = valueMask && ops.cast(valueMask, "bool");
    const rows = known && (causal || known.ndim === 2) ? ops.expandDims(known, -2) : known;
    if (!causal) return rows;
    const order = causalMask(scores.shape.at(-2)!, scores.shape.at(-1)!);
    return rows ? ops.logicalAnd(rows, order) : order;
  }

  override computeMask(_inputs: unknown, previousMask: Mask): Mask {
    return maskList(previousMask)[0] ?? null;
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      use_scale: this.useScale,
      score_mode: this.scoreMode,
      dropout: this.dropout,
      seed: this.seed,
    };
  }
}

/** Subtracted from masked scores, so that they have no part in the softmax. */
const farBelow = (scores: Tensor): number => (scores.dtype === "float16" ? 65504 : 1e9);

/** @throws TypeError unless it is a list of two or three. */
export function checkInputs(inputs: unknown, isList: boolean): void {
  const count = isList ? (inputs as readonly unknown[]).length : 0;
  if (count === 2 || count === 3) return;
  throw new TypeError(
    `it is called on a list, [query, value] or [query, value, key]. Received: ${isList ? `a list of ${count}` : "one tensor; for attention within a sequence pass [x, x]"}`,
  );
}

function maskList(mask: Mask): readonly (Tensor | null)[] {
  if (mask === null) return [];
  if (Array.isArray(mask) && mask.length >= 2 && mask.length <= 3) return mask;
  throw new TypeError(
    `expected \`mask\` to be a list [queryMask, valueMask]; null stands for none. Received: ${describe(mask)}`,
  );
}

export const Attention = layerClass<typeof AttentionBase, AttentionCall>(AttentionBase);
export type Attention = InstanceType<typeof Attention>;
