/** Gradients of reductions and of softmax. */

import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Value } from "../../ir/value.ts";
import { div, type GradientRule, mul, number, recomputed, sub } from "./rule.ts";

type ReduceRule = GradientRule<Attributes["reduce_sum"]>;

/** A reduced value with its axes back as size 1. */
const withAxes = (v: Value, x: Value, axes: readonly number[]): Value =>
  b.reshape(
    v,
    x.shape.map((d, i) => (axes.includes(i) ? 1 : d)),
  );

const sum: ReduceRule = (node, [dy]) => {
  const x = node.inputs[0]!;
  return [b.broadcastTo(withAxes(dy!, x, node.attributes.axes), x.shape)];
};

const mean: ReduceRule = (node, [dy]) => {
  const x = node.inputs[0]!;
  const { axes } = node.attributes;
  const count = axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  return [b.broadcastTo(withAxes(mul(dy!, number(1 / count, dy!)), x, axes), x.shape)];
};

/** Shared evenly among equal extremes, as JAX does. */
const extreme: ReduceRule = (node, [dy]) => {
  const x = node.inputs[0]!;
  const { axes } = node.attributes;
  // Found in the same program as x: one that was computed before may be rounded otherwise, and then none is equal to it.
  const best = withAxes(recomputed(node), x, axes);
  const chosen = b.cast(b.binary("equal", x, best), x.dtype);
  const count = b.reduce("reduce_sum", chosen, axes, true);
  return [mul(chosen, div(withAxes(dy!, x, axes), count))];
};

/**
 * The product of all the others: exclusive running products from both sides, so that zeros are right. The reduced axes
 * are moved to the end and joined into one line.
 */
const product: ReduceRule = (node, [dy]) => {
  const x = node.inputs[0]!;
  const { axes } = node.attributes;
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const order = [...kept, ...axes];
  const line = axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  const lead = kept.map((i) => x.shape[i]!);
  const flat = b.reshape(b.transpose(x, order), [...lead, line]);
  const last = lead.length;
  const ones = b.full(1, [...lead, 1], x.dtype);
  const exclusive = (v: Value): Value => {
    const limits = v.shape.map((d, i) => (i === last ? d - 1 : d));
    const head = b.slice(
      v,
      v.shape.map(() => 0),
      limits,
    );
    return b.cumprod(b.concat([ones, head], last), last);
  };
  const before = exclusive(flat);
  const after = b.reverse(exclusive(b.reverse(flat, [last])), [last]);
  const others = mul(before, after);
  const moved = order.map((axis) => x.shape[axis]!);
  const back = order.map((_, i) => order.indexOf(i));
  return [mul(b.transpose(b.reshape(others, moved), back), withAxes(dy!, x, axes))];
};

/** y · (dy − Σ dy · y). */
const softmax: GradientRule<Attributes["softmax"]> = (node, [dy]) => {
  const y = node.outputs[0]!;
  const weighted = b.reduce("reduce_sum", mul(dy!, y), [node.attributes.axis], true);
  return [mul(y, sub(dy!, weighted))];
};

/** dy − e^y · Σ dy. */
const logSoftmax: GradientRule<Attributes["log_softmax"]> = (node, [dy]) => {
  const y = node.outputs[0]!;
  const total = b.reduce("reduce_sum", dy!, [node.attributes.axis], true);
  return [sub(dy!, mul(b.unary("exp", y), total))];
};

export const reductionRules = {
  reduce_sum: sum,
  reduce_mean: mean,
  reduce_max: extreme,
  reduce_min: extreme,
  reduce_prod: product,
  softmax,
  log_softmax: logSoftmax,
};
