/**
 * Gradients of convolutions. A convolution is linear in x and in w, so all three primitives come from one trilinear form
 * Σ dy · conv(x, w): each gradient is one of the other two, to any order.
 */
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Value } from "../../ir/value.ts";
import type { Convolution } from "../../ir/windows.ts";
import type { GradientRule } from "./rule.ts";

const spatial = (x: Value): readonly number[] => x.shape.slice(2);

/** The part of the attributes that the three share. */
const shared = ({ strides, low, high, dilation, groups }: Convolution): Convolution => ({
  strides,
  low,
  high,
  dilation,
  groups,
});

const inX = (dy: Value, w: Value, x: Value, how: Convolution): Value =>
  b.convInputGrad(dy, w, { ...shared(how), inputSizes: spatial(x) });
const inW = (x: Value, dy: Value, w: Value, how: Convolution): Value =>
  b.convWeightGrad(x, dy, { ...shared(how), kernelSizes: spatial(w) });
const inDy = (x: Value, w: Value, how: Convolution): Value => b.conv(x, w, shared(how));

const conv: GradientRule<Attributes["conv"]> = (node, [g], wanted) => {
  const [x, w] = node.inputs as [Value, Value];
  return [wanted[0] ? inX(g!, w, x, node.attributes) : null, wanted[1] ? inW(x, g!, w, node.attributes) : null];
};

const inputGrad: GradientRule<Attributes["conv_input_grad"]> = (node, [g], wanted) => {
  const [dy, w] = node.inputs as [Value, Value];
  return [wanted[0] ? inDy(g!, w, node.attributes) : null, wanted[1] ? inW(g!, dy, w, node.attributes) : null];
};

const weightGrad: GradientRule<Attributes["conv_weight_grad"]> = (node, [g], wanted) => {
  const [x, dy] = node.inputs as [Value, Value];
  return [wanted[0] ? inX(dy, g!, x, node.attributes) : null, wanted[1] ? inDy(x, g!, node.attributes) : null];
};

export const convolutionRules = { conv, conv_input_grad: inputGrad, conv_weight_grad: weightGrad };
