/** Gradients of pooling. Where the maximum is does not vary smoothly, so only what is moved there has a gradient. */
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Value } from "../../ir/value.ts";
import { type GradientRule, recomputed } from "./rule.ts";

/** To the first of equal maxima, as in Keras. */
const maxPool: GradientRule<Attributes["max_pool"]> = (node, [dy]) => [
  b.maxPoolGrad(node.inputs[0]!, recomputed(node), dy!, node.attributes),
];

const maxPoolGrad: GradientRule<Attributes["max_pool_grad"]> = (node, [g]) => {
  const [x, y] = node.inputs as [Value, Value];
  return [null, null, b.maxPoolGather(x, y, g!, node.attributes)];
};

const maxPoolGather: GradientRule<Attributes["max_pool_gather"]> = (node, [g]) => {
  const [x, y] = node.inputs as [Value, Value];
  return [null, null, b.maxPoolGrad(x, y, g!, node.attributes)];
};

const sumPool: GradientRule<Attributes["sum_pool"]> = (node, [dy]) => [
  b.sumPoolGrad(dy!, { ...node.attributes, inputSizes: node.inputs[0]!.shape.slice(2) }),
];

const sumPoolGrad: GradientRule<Attributes["sum_pool_grad"]> = (node, [g]) => {
  const { window, strides, low, high } = node.attributes;
  return [b.sumPool(g!, { window, strides, low, high })];
};

export const poolingRules = {
  max_pool: maxPool,
  max_pool_grad: maxPoolGrad,
  max_pool_gather: maxPoolGather,
  sum_pool: sumPool,
  sum_pool_grad: sumPoolGrad,
};
