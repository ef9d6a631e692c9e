/** Attention of queries to keys, by scaled dot products. */
import { floatx } from "../core/config.ts";
import { type DType, resultType } from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, sizesAgree } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { softmax } from "./activation.ts";
import { defineOp, toTensor, wrap } from "./define.ts";
import { einsumValue } from "./einsum.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { isHalf, num, positional, readOptions, type Statics } from "./kit.ts";
import { repeat } from "./shaping.ts";

/** Options of {@link dotProductAttention}. */
export interface DotProductAttentionOptions {
  /** Added to the scores; broadcasts to (batch, heads, queries, keys). @defaultValue `null` */
  bias?: TensorLike | null;
  /** Which keys a query may attend to; broadcasts to (batch, heads, queries, keys). @defaultValue `null`, all */
  mask?: TensorLike | null;
  /** Multiplies the scores. @defaultValue 1 / √(size of a head) */
  scale?: number | null;
  /** Whether a query attends to no key after its own position. @defaultValue `false` */
  isCausal?: boolean;
  /** For compatibility with Keras: the engine picks its kernels itself. @defaultValue `null` */
  flashAttention?: boolean | null;
}

const OPTIONS = ["bias", "mask", "scale", "isCausal", "flashAttention"] as const;
/** The soft cap has no effect but on TPUs; files keep it. */
const STATICS = {
  isCausal: "is_causal",
  flashAttention: "flash_attention",
  attnLogitsSoftCap: "attn_logits_soft_cap",
};

/** What scores are where a key is masked: far below all others, so that a row that is masked altogether is even. */
const MASKED = -0.7 * 3.38953e38;

/** True where the key's position is not after the query's. */
function causalMask(queries: number, keys: number): Value {
  const shape = [queries, keys];
  return build.binary("greater_equal", build.iota(shape, 0, "int32"), build.iota(shape, 1, "int32"));
}

function attended(args: readonly unknown[], { isCausal }: Statics): Tensor {
  const names = ["query", "key", "value", "bias", "mask", "scale"];
  const [query, key, value, bias, mask, scale] = positional(args, names);
  const given = [query, key, value].map((x) => toTensor(x, null, "dotProductAttention"));
  const dtype = resultType(
    given.map((t) => t.dtype),
    floatx(),
  );
  const [q, k, v] = given.map((t) => build.cast(t.node, dtype)) as [Value, Value, Value];
  const groups = checkShapes(q, k, v);
  const wide = (x: Value): Value => (groups === 1 ? x : repeat(wrap(x), groups, { axis: 2 }).node);
  const exact: DType = isHalf(dtype) ? "float32" : dtype;
  const products = build.cast(einsumValue("btnh,bsnh->bnts", [q, wide(k)]), exact);
  const factor = (scale as number | null) ?? 1 / Math.sqrt(q.shape[3]!);
  let scores = build.binary("mul", products, num(factor, products));
  if (bias !== null) scores = build.binary("add", scores, toTensor(bias, exact, "dotProductAttention").node);
  const masks = [
    ...(mask === null ? [] : [toTensor(mask, "bool", "dotProductAttention").node]),
    ...(isCausal ? [causalMask(q.shape[1]!, k.shape[1]!)] : []),
  ];
  for (const allowed of masks) scores = build.where(allowed, scores, num(MASKED, scores));
  const parts = build.cast(softmax(wrap(scores)).node, dtype);
  return wrap(einsumValue("bnts,bsnh->btnh", [parts, wide(v)]));
}
const dotProductAttentionOp = defineOp("DotProductAttention", "nn", STATICS, attended, { namedArguments: true });

/** How many heads of the query share one of the keys. @throws ShapeError for shapes that do not fit each other. */
function checkShapes(q: Value, k: Value, v: Value): number {
  const [heads, shared] = [q.shape[2], k.shape[2]];
  const fits =
    [q, k, v].every((x) => x.shape.length === 4) &&
    sizesAgree(q.shape[0]!, k.shape[0]!) &&
    sizesAgree(q.shape[3]!, k.shape[3]!) &&
    [0, 1, 2].every((axis) => sizesAgree(k.shape[axis]!, v.shape[axis]!)) &&
    heads! % shared! === 0;
  if (fits) return heads! / shared!;
  throw new ShapeError(
    "dotProductAttention: expected query (batch, queries, heads, size), key (batch, keys, heads, size) and value (batch, " +
      "keys, heads, any size), where the heads of the keys divide those of the query. Received: " +
      `query.shape=${formatShape(q.shape)}, key.shape=${formatShape(k.shape)}, value.shape=${formatShape(v.shape)}`,
  );
}

/**
 * `softmax(query · keyᵀ · scale) · value`, per head: for each query the mean of the values, weighted by how well their keys
 * fit.
 *
 * Shapes: query (batch, queries, heads, size), key (batch, keys, heads, size), value (batch, keys, heads, valueSize) →
 * (batch, queries, heads, valueSize). Keys and values may have fewer heads, which then are shared.
 *
 * Where every key of a query is masked, the result is the plain mean of the values, as in Keras.
 *
 * @throws ShapeError when the shapes do not fit.
 * @example
 * ops.dotProductAttention(query, key, value, { isCausal: true });
 * @see keras/src/ops/nn.py `dot_product_attention` (Keras 3.x): no soft cap of scores, which only TPUs have.
 */
export function dotProductAttention<Q extends TensorLike, K extends TensorLike, V extends TensorLike>(
  query: Q,
  key: K,
  value: V,
  options?: DotProductAttentionOptions,
): Result<Q | K | V> {
  const {
    bias = null,
    mask = null,
    scale = null,
    isCausal = false,
    flashAttention = null,
  } = readOptions("dotProductAttention", options, OPTIONS);
  if (scale !== null && typeof scale !== "number") {
    throw new TypeError(`dotProductAttention: expected \`scale\` to be a number. Received: ${describe(scale)}`);
  }
  return dotProductAttentionOp([query, key, value, bias, mask, scale], { isCausal, flashAttention }) as Result<
    Q | K | V
  >;
}
