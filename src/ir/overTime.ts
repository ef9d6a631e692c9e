/**
 * A node applied at every turn of a loop as one node for all turns: operands that differ from turn to turn have the turns on a
 * new axis 0.
 */
import { sizeOf } from "../core/shape.ts";
import * as b from "./build.ts";
import type { PrimitiveAttributes as Attributes, Primitive } from "./primitives.ts";
import type { Node, Value } from "./value.ts";

/** An operand of all turns. */
export interface TimeOperand {
  readonly value: Value;
  /** Whether axis 0 holds the turns; otherwise the value is the same at every turn. */
  readonly stacked: boolean;
}

type Rule = (operands: readonly TimeOperand[], node: Node, length: number) => Value | null;

/** With axes of size 1 behind the turns, so that the rest has `rank` axes and broadcasts as it did. */
function widened({ value, stacked }: TimeOperand, rank: number): Value {
  if (!stacked || value.shape.length > rank) return value;
  const [turns, ...rest] = value.shape as [number, ...number[]];
  return b.reshape(value, [turns, ...new Array<number>(rank - rest.length).fill(1), ...rest]);
}

const elementwise: Rule = (operands, node) => {
  const rank = node.outputs[0]!.shape.length;
  return b.emitOne(
    node.op,
    operands.map((operand) => widened(operand, rank)),
    node.attributes,
  );
};

/** The turns joined with the first axis. */
const folded = (x: Value): Value => b.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);
const outputShape = (node: Node, length: number): number[] => [length, ...node.outputs[0]!.shape];

/** Rows of all turns against one matrix are one product. */
const matmul: Rule = ([a, c], node, length) => {
  const { transposeA, transposeB } = node.attributes as Attributes["matmul"];
  if (a!.stacked && !c!.stacked && c!.value.shape.length === 2 && !transposeA) {
    const inner = a!.value.shape.at(-1)!;
    const rows = b.reshape(a!.value, [sizeOf(a!.value.shape.slice(0, -1)), inner]);
    return b.reshape(b.matmul(rows, c!.value, false, transposeB), outputShape(node, length));
  }
  const rank = Math.max(...node.inputs.map((x) => x.shape.length));
  return b.matmul(widened(a!, rank), widened(c!, rank), transposeA, transposeB);
};

/** The turns as more of the batch. */
const convolution: Rule = ([x, w], node, length) =>
  w!.stacked
    ? null
    : b.reshape(b.emitOne(node.op, [folded(x!.value), w!.value], node.attributes), outputShape(node, length));

const later = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

/** A node of one operand along axes: all of them are one further. */
const alongAxis: Rule = ([x], node) => {
  const attributes = node.attributes as { readonly axis: number };
  return b.emitOne(node.op, [x!.value], { ...attributes, axis: attributes.axis + 1 } as Attributes[Primitive]);
};

const alongAxes: Rule = ([x], node) => {
  const attributes = node.attributes as { readonly axes: readonly number[] };
  return b.emitOne(node.op, [x!.value], { ...attributes, axes: later(attributes.axes) } as Attributes[Primitive]);
};

const slice: Rule = ([x], node, length) => {
  const { starts, limits, strides } = node.attributes as Attributes["slice"];
  return b.slice(x!.value, [0, ...starts], [length, ...limits], [1, ...strides]);
};

const pad: Rule = ([x], node) => {
  const { low, high, interior, value } = node.attributes as Attributes["pad"];
  return b.pad(x!.value, [0, ...low], [0, ...high], [0, ...interior], value);
};

const concat: Rule = (operands, node, length) => {
  const all = operands.map(({ value, stacked }) =>
    stacked ? value : b.broadcastTo(b.reshape(value, [1, ...value.shape]), [length, ...value.shape]),
  );
  return b.concat(all, (node.attributes as Attributes["concat"]).axis + 1);
};

const gather: Rule = ([x, indices], node) => {
  const { axis } = node.attributes as Attributes["gather"];
  if (!indices!.stacked) return b.gather(x!.value, indices!.value, axis + 1);
  return !x!.stacked && axis === 0 ? b.gather(x!.value, indices!.value, 0) : null;
};

const RULES: { readonly [P in Primitive]?: Rule } = {
  matmul,
  conv: convolution,
  conv_input_grad: convolution,
  reshape: ([x], node, length) => b.reshape(x!.value, outputShape(node, length)),
  transpose: ([x], node) =>
    b.transpose(x!.value, [0, ...later((node.attributes as Attributes["transpose"]).permutation)]),
  broadcast_to: ([x], node, length) =>
    b.broadcastTo(widened(x!, node.outputs[0]!.shape.length), outputShape(node, length)),
  slice,
  pad,
  concat,
  gather,
  reverse: alongAxes,
  reduce_sum: alongAxes,
  reduce_mean: alongAxes,
  reduce_max: alongAxes,
  reduce_min: alongAxes,
  reduce_prod: alongAxes,
  softmax: alongAxis,
  log_softmax: alongAxis,
  cumsum: alongAxis,
  cumprod: alongAxis,
  argmax: alongAxis,
  argmin: alongAxis,
};

/** Primitives that compute each element of the result from the elements at its place. */
const ELEMENTWISE: ReadonlySet<Primitive> = new Set([
  ...(["neg", "abs", "sign", "floor", "ceil", "round", "exp", "expm1", "log", "log1p", "sqrt", "reciprocal"] as const),
  ...(["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"] as const),
  ...(["erf", "sigmoid", "softplus", "relu", "stop_gradient", "add", "sub", "mul", "div", "mod", "pow"] as const),
  ...(["max", "min", "atan2", "bitwise_and", "bitwise_or", "bitwise_xor", "shift_left", "shift_right"] as const),
  ...(["equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor"] as const),
  ...(["logical_not", "bitwise_not", "is_nan", "is_inf", "where", "cast"] as const),
]);

export const isElementwise = (op: Primitive): boolean => ELEMENTWISE.has(op);

/** Whether `overTime` may know how; it can still refuse for the operands at hand. */
export const hasTimeRule = (op: Primitive): boolean => ELEMENTWISE.has(op) || RULES[op] !== undefined;

/** The result of a node for all turns, on a new axis 0; `null` when there is no better way than to loop. */
export function overTime(node: Node, operands: readonly TimeOperand[], length: number): Value | null {
  const rule = ELEMENTWISE.has(node.op) ? elementwise : RULES[node.op];
  return rule ? rule(operands, node, length) : null;
}
