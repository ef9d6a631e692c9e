/** Gradients of primitives that move elements: each is the movement back. */
import { isFloat } from "../../core/dtype.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Value } from "../../ir/value.ts";
import { type GradientRule, mul, number, zeros } from "./rule.ts";

const where: GradientRule<Attributes["where"]> = (node, [dy], wanted) => {
  const [c, x, y] = node.inputs as [Value, Value, Value];
  const zero = number(0, dy!);
  return [
    null,
    wanted[1] ? b.sumToShape(b.where(c, dy!, zero), x.shape) : null,
    wanted[2] ? b.sumToShape(b.where(c, zero, dy!), y.shape) : null,
  ];
};

const cast: GradientRule<Attributes["cast"]> = (node, [dy]) => {
  const x = node.inputs[0]!;
  return [isFloat(x.dtype) && isFloat(dy!.dtype) ? b.cast(dy!, x.dtype) : null];
};

const transpose: GradientRule<Attributes["transpose"]> = (node, [dy]) => {
  const { permutation } = node.attributes;
  return [
    b.transpose(
      dy!,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ];
};

/** Positions that were skipped or cut off receive zeros. */
const slice: GradientRule<Attributes["slice"]> = (node, [dy]) => {
  const x = node.inputs[0]!;
  const { starts, strides } = node.attributes;
  const covered = dy!.shape.map((d, i) => (d === 0 ? 0 : (d - 1) * strides[i]! + 1));
  const high = x.shape.map((d, i) => d - starts[i]! - covered[i]!);
  return [
    b.pad(
      dy!,
      starts,
      high,
      strides.map((s) => s - 1),
    ),
  ];
};

const pad: GradientRule<Attributes["pad"]> = (node, [dy]) => {
  const { low, high, interior } = node.attributes;
  const limits = dy!.shape.map((d, i) => d - high[i]!);
  return [
    b.slice(
      dy!,
      low,
      limits,
      interior.map((n) => n + 1),
    ),
  ];
};

const concat: GradientRule<Attributes["concat"]> = (node, [dy]) => {
  const { axis } = node.attributes;
  let offset = 0;
  return node.inputs.map((x) => {
    const starts = x.shape.map((_, i) => (i === axis ? offset : 0));
    const limits = x.shape.map((d, i) => (i === axis ? offset + d : d));
    offset += x.shape[axis]!;
    return b.slice(dy!, starts, limits);
  });
};

const gather: GradientRule<Attributes["gather"]> = (node, [dy]) => {
  const [x, indices] = node.inputs as [Value, Value];
  return [b.scatterAdd(zeros(x), indices, dy!, node.attributes.axis), null];
};

const scatterAdd: GradientRule<Attributes["scatter_add"]> = (node, [dy]) => [
  dy!,
  null,
  b.gather(dy!, node.inputs[1]!, node.attributes.axis),
];

const gatherAlong: GradientRule<Attributes["gather_along"]> = (node, [dy]) => {
  const [x, indices] = node.inputs as [Value, Value];
  return [b.scatterAlongAdd(zeros(x), indices, dy!, node.attributes.axis), null];
};

const scatterAlongAdd: GradientRule<Attributes["scatter_along_add"]> = (node, [dy]) => [
  dy!,
  null,
  b.gatherAlong(dy!, node.inputs[1]!, node.attributes.axis),
];

/** The gradient of the chosen values goes back to where they were; positions have none. */
const topK: GradientRule<Attributes["top_k"]> = (node, [dValues]) => {
  const x = node.inputs[0]!;
  return [dValues ? b.scatterAlongAdd(zeros(x), node.outputs[1]!, dValues, x.shape.length - 1) : null];
};

export const movementRules = {
  where,
  cast,
  transpose,
  slice,
  pad,
  concat,
  gather,
  scatter_add: scatterAdd,
  gather_along: gatherAlong,
  scatter_along_add: scatterAlongAdd,
  top_k: topK,
  reshape: ((node, [dy]) => [b.reshape(dy!, node.inputs[0]!.shape)]) as GradientRule<Attributes["reshape"]>,
  broadcast_to: ((node, [dy]) => [b.sumToShape(dy!, node.inputs[0]!.shape)]) as GradientRule<
    Attributes["broadcast_to"]
  >,
  reverse: ((node, [dy]) => [b.reverse(dy!, node.attributes.axes)]) as GradientRule<Attributes["reverse"]>,
  cumsum: ((node, [dy]) => {
    const { axis, exclusive, reverse } = node.attributes;
    return [b.cumsum(dy!, axis, exclusive, !reverse)];
  }) as GradientRule<Attributes["cumsum"]>,
  /** Σ over i ≥ j of dy_i · y_i / x_j, with x_j left out of the product instead of divided by, so zeros are right. */
  cumprod: ((node, [dy]) => [cumprodGradient(node.inputs[0]!, dy!, node.attributes.axis)]) as GradientRule<
    Attributes["cumprod"]
  >,
};

/**
 * For every j the products with x_j replaced by 1: an (n, n) table per line, row j the running product without x_j, zero
 * before j. Quadratic in the axis, and exact where elements are zero.
 */
function cumprodGradient(x: Value, dy: Value, axis: number): Value {
  const n = x.shape[axis]!;
  const rank = x.shape.length;
  const last = rank - 1;
  const order = [...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis), axis];
  const back = order.map((_, i) => order.indexOf(i));
  const [xt, gt] = [b.transpose(x, order), b.transpose(dy, order)];
  const lead = xt.shape.slice(0, last);
  const table = [...lead, n, n];
  const row = b.iota([n, n], 0, "int32");
  const column = b.iota([n, n], 1, "int32");
  const spread = (v: Value): Value => b.broadcastTo(b.reshape(v, [...lead, 1, n]), table);
  const without = b.where(b.binary("equal", row, column), b.scalar(1, x.dtype), spread(xt));
  const products = b.cumprod(without, rank);
  const after = b.where(b.binary("greater_equal", column, row), products, b.scalar(0, x.dtype));
  const sum = b.reduce("reduce_sum", mul(after, spread(gt)), [rank]);
  return b.transpose(sum, back);
}
