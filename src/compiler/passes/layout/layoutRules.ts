/**
 * What each primitive makes of its operands' axes, so that it can also be computed on operands whose axes lie in another
 * order. A primitive without a rule takes and gives every axis where the program says.
 *
 * A rule sees a node as a row of axes, its domain. Each axis of an operand or a result lies along one domain axis; the node
 * may be computed with its domain in another order when everything that lies along it is reordered alike.
 */
import { sizeOf } from "../../../core/shape.ts";
import * as b from "../../../ir/build.ts";
import type { PrimitiveAttributes as Attributes, Primitive } from "../../../ir/primitives.ts";
import type { Node, Value } from "../../../ir/value.ts";

/** For each domain axis the axes of a value along it, outermost first; `null` is an axis of size 1 that the value lacks. */
export type AxisMap = readonly (readonly number[] | null)[];

/** An order of domain axes. */
export type Order = readonly number[];

export interface LayoutRule {
  /** Elements along each domain axis, the most that any operand or result has. */
  readonly sizes: readonly number[];
  readonly inputs: readonly AxisMap[];
  readonly outputs: readonly AxisMap[];
  /** Operands broadcast: axes of size 1 may be missing in front. */
  readonly broadcasts: boolean;
  /** Whether the kernel stays as good in this order. */
  readonly accepts: (order: Order) => boolean;
  readonly build: (inputs: readonly Value[], order: Order) => readonly Value[];
}

const allAxes = (x: Value): AxisMap => x.shape.map((_, axis) => [axis]);

/** An operand that is aligned to the right with the result. */
const aligned =
  (rank: number) =>
  (x: Value): AxisMap =>
    Array.from({ length: rank }, (_, d) => (d + x.shape.length >= rank ? [d + x.shape.length - rank] : null));

function rule(
  node: Node,
  inputs: readonly AxisMap[],
  outputs: readonly AxisMap[],
  build: LayoutRule["build"],
  options: Partial<Pick<LayoutRule, "broadcasts" | "accepts">> = {},
): LayoutRule {
  const domain = Math.max(...inputs.map((m) => m.length), ...outputs.map((m) => m.length));
  const along = (x: Value, map: AxisMap, d: number): number => sizeOf((map[d] ?? []).map((axis) => x.shape[axis]!));
  const sizes = Array.from({ length: domain }, (_, d) =>
    Math.max(
      ...node.inputs.map((x, i) => along(x, inputs[i]!, d)),
      ...node.outputs.map((y, i) => along(y, outputs[i]!, d)),
    ),
  );
  return { sizes, inputs, outputs, build, broadcasts: false, accepts: () => true, ...options };
}

/** The same node with other attributes. */
const again =
  <P extends Primitive>(node: Node, op: P, attributes: (given: Attributes[P], order: Order) => Attributes[P]) =>
  (inputs: readonly Value[], order: Order): Value[] =>
    b.emit(op, inputs, attributes(node.attributes as Attributes[P], order));

type RuleOf = (node: Node) => LayoutRule | null;

const elementwise: RuleOf = (node) => {
  const rank = node.outputs[0]!.shape.length;
  const build = (inputs: readonly Value[]): Value[] => b.emit(node.op, inputs, node.attributes);
  return rule(node, node.inputs.map(aligned(rank)), [allAxes(node.outputs[0]!)], build, { broadcasts: true });
};

/** A node whose operands and results all have its axes; `attributes` puts them in order. */
const sameAxes =
  <P extends Primitive>(
    op: P,
    attributes: (given: Attributes[P], order: Order) => Attributes[P],
    accepts: (given: Attributes[P], order: Order) => boolean = () => true,
  ): RuleOf =>
  (node) =>
    rule(node, node.inputs.map(allAxes), node.outputs.map(allAxes), again(node, op, attributes), {
      accepts: (order) => accepts(node.attributes as Attributes[P], order),
    });

const permuted = <T>(xs: readonly T[], order: Order): T[] => order.map((axis) => xs[axis]!);

/** Kernels that work on lines are fast on the last axis and move data otherwise. */
const staysLast = ({ axis }: { readonly axis: number }, order: Order): boolean =>
  axis !== order.length - 1 || order.at(-1) === axis;

const alongAxis = (op: "softmax" | "log_softmax" | "cumsum" | "cumprod"): RuleOf =>
  sameAxes(op, (given, order) => ({ ...given, axis: order.indexOf(given.axis) }), staysLast);

const joined = (op: "concat" | "gather_along" | "scatter_along_add"): RuleOf =>
  sameAxes(op, ({ axis }, order) => ({ axis: order.indexOf(axis) }));

const reduce =
  (op: "reduce_sum" | "reduce_mean" | "reduce_max" | "reduce_min" | "reduce_prod"): RuleOf =>
  (node) => {
    const x = node.inputs[0]!;
    const { axes, keepDims, ...more } = node.attributes as Attributes["reduce_max"];
    let next = 0;
    const result: AxisMap = x.shape.map((_, axis) => (axes.includes(axis) && !keepDims ? [] : [next++]));
    const build = again(node, op, (_, order) => {
      const moved = axes.map((axis) => order.indexOf(axis)).sort((p, q) => p - q);
      return { axes: moved, keepDims, ...more };
    });
    return rule(node, [allAxes(x)], [result], build);
  };

const argReduce =
  (op: "argmax" | "argmin"): RuleOf =>
  (node) => {
    const x = node.inputs[0]!;
    const { axis: reduced } = node.attributes as Attributes["argmax"];
    const result: AxisMap = x.shape.map((_, axis) => (axis === reduced ? [] : [axis < reduced ? axis : axis - 1]));
    const build = again(node, op, ({ axis }, order) => ({ axis: order.indexOf(axis) }));
    return rule(node, [allAxes(x)], [result], build, { accepts: (order) => staysLast({ axis: reduced }, order) });
  };

const broadcastTo: RuleOf = (node) => {
  const result = node.outputs[0]!;
  const build = again(node, "broadcast_to", ({ shape }, order) => ({ shape: permuted(shape, order) }));
  const operand = aligned(result.shape.length)(node.inputs[0]!);
  return rule(node, [operand], [allAxes(result)], build, { broadcasts: true });
};

const iota: RuleOf = (node) => {
  const build = again(node, "iota", ({ shape, axis, dtype }, order) => ({
    shape: permuted(shape, order),
    axis: order.indexOf(axis),
    dtype,
  }));
  return rule(node, [], [allAxes(node.outputs[0]!)], build);
};

/**
 * The shortest runs of axes of two shapes that hold as many elements: what a reshape joins or splits. Runs can change
 * places as wholes. `null` for empty shapes, where nothing can be said.
 */
export function reshapeGroups(
  from: readonly number[],
  to: readonly number[],
): { from: number[]; to: number[] }[] | null {
  if (from.includes(0) || to.includes(0)) return null;
  const groups: { from: number[]; to: number[] }[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const group: { from: number[]; to: number[] } = { from: [], to: [] };
    // Axes of size 1 belong to the run that follows them; behind the last run, to that.
    while (from[i] === 1) group.from.push(i++);
    while (to[j] === 1) group.to.push(j++);
    if (i === from.length && j === to.length && groups.length > 0) {
      groups.at(-1)!.from.push(...group.from);
      groups.at(-1)!.to.push(...group.to);
      break;
    }
    let [m, n] = [from[i] ?? 1, to[j] ?? 1];
    if (i < from.length) group.from.push(i++);
    if (j < to.length) group.to.push(j++);
    while (m !== n) {
      if (m < n) {
        m *= from[i]!;
        group.from.push(i++);
      } else {
        n *= to[j]!;
        group.to.push(j++);
      }
    }
    groups.push(group);
  }
  return groups;
}

const reshape: RuleOf = (node) => {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const groups = reshapeGroups(x.shape, y.shape);
  if (!groups) return null;
  const build = again(node, "reshape", (_, order) => ({
    shape: order.flatMap((d) => groups[d]!.to.map((axis) => y.shape[axis]!)),
  }));
  return rule(node, [groups.map((g) => g.from)], [groups.map((g) => g.to)], build);
};

/**
 * Rows of a table read or added to by an array of indices: the rows may come in the order of any transpose of it. The table
 * and the axes of a row stay as they are, along one domain axis behind those of the indices.
 */
const byRows = (node: Node): LayoutRule => {
  const [x, indices, ...updates] = node.inputs as [Value, Value];
  const rank = indices.shape.length;
  const inOrder = ({ shape }: Value, from: number): number[] => [...shape.keys()].slice(from);
  const table = (t: Value): AxisMap => [...indices.shape.map(() => []), inOrder(t, 0)];
  const rows = (r: Value): AxisMap => [...indices.shape.map((_, axis) => [axis]), inOrder(r, rank)];
  const inputs = [table(x), [...allAxes(indices), []], ...updates.map(rows)];
  const outputs = node.outputs.map(updates.length > 0 ? table : rows);
  const build = (operands: readonly Value[]): Value[] => b.emit(node.op, operands, node.attributes);
  return rule(node, inputs, outputs, build, { accepts: (order) => order.at(-1) === rank });
};

/** Rows read or added to along one axis: by a vector of indices that stays as it is, or `byRows`. */
const byIndex =
  (op: "gather" | "scatter_add"): RuleOf =>
  (node) => {
    const [x, indices, ...updates] = node.inputs as [Value, Value];
    const { axis: indexed } = node.attributes as Attributes["gather"];
    if (indices.shape.length > 1 && indexed === 0) return byRows(node);
    if (indices.shape.length !== 1) return null;
    const along: AxisMap = x.shape.map((_, axis) => (axis === indexed ? [0] : []));
    const build = again(node, op, ({ axis }, order) => ({ axis: order.indexOf(axis) }));
    // Rows are copied whole; single elements are not.
    const accepts = (order: Order): boolean => order.at(-1) !== indexed || indexed === order.length - 1;
    const inputs = [allAxes(x), along, ...updates.map(allAxes)];
    return rule(node, inputs, node.outputs.map(allAxes), build, { accepts });
  };

const ELEMENTWISE: readonly Primitive[] = [
  ...(["neg", "abs", "sign", "floor", "ceil", "round", "exp", "expm1", "log", "log1p", "sqrt", "reciprocal"] as const),
  ...(["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"] as const),
  ...(["erf", "sigmoid", "softplus", "relu", "stop_gradient", "logical_not", "bitwise_not", "is_nan"] as const),
  ...([
    "is_inf",
    "add",
    "sub",
    "mul",
    "div",
    "mod",
    "pow",
    "max",
    "min",
    "atan2",
    "bitwise_and",
    "bitwise_or",
  ] as const),
  ...(["bitwise_xor", "shift_left", "shift_right", "equal", "less", "less_equal", "greater"] as const),
  ...(["greater_equal", "logical_and", "logical_or", "logical_xor", "where", "cast"] as const),
];

const RULES: Partial<Record<Primitive, RuleOf>> = {
  ...Object.fromEntries(ELEMENTWISE.map((op) => [op, elementwise])),
  softmax: alongAxis("softmax"),
  log_softmax: alongAxis("log_softmax"),
  cumsum: alongAxis("cumsum"),
  cumprod: alongAxis("cumprod"),
  concat: joined("concat"),
  gather: byIndex("gather"),
  scatter_add: byIndex("scatter_add"),
  gather_along: joined("gather_along"),
  scatter_along_add: joined("scatter_along_add"),
  reduce_sum: reduce("reduce_sum"),
  reduce_mean: reduce("reduce_mean"),
  reduce_max: reduce("reduce_max"),
  reduce_min: reduce("reduce_min"),
  reduce_prod: reduce("reduce_prod"),
  argmax: argReduce("argmax"),
  argmin: argReduce("argmin"),
  broadcast_to: broadcastTo,
  iota,
  reshape,
  slice: sameAxes("slice", ({ starts, limits, strides }, order) => ({
    starts: permuted(starts, order),
    limits: permuted(limits, order),
    strides: permuted(strides, order),
  })),
  pad: sameAxes("pad", ({ low, high, interior, value }, order) => ({
    low: permuted(low, order),
    high: permuted(high, order),
    interior: permuted(interior, order),
    value,
  })),
  reverse: sameAxes("reverse", ({ axes }, order) => ({
    axes: axes.map((axis) => order.indexOf(axis)).sort((p, q) => p - q),
  })),
};

/** How a node's axes may be reordered, or `null` where they may not. */
export const layoutRule = (node: Node): LayoutRule | null => RULES[node.op]?.(node) ?? null;
