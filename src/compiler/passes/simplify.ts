/** Algebra that is exactly right for floats too, NaN and infinities included, and leaves fewer nodes to run. */

import { isFloat } from "../../core/dtype.ts";
import { shapesEqual } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { rewriteProgram } from "../rewrite.ts";

type Rule = (node: Node, inputs: readonly Value[]) => Value | null;

/** `x` when it already has the node's shape; broadcasting must not be lost. */
const keep = (node: Node, x: Value): Value | null => (shapesEqual(x.shape, node.outputs[0]!.shape) ? x : null);

/** Broadcasting of a value whose consumer broadcasts by itself. */
function unbroadcast(x: Value): Value {
  if (x.node?.op !== "broadcast_to") return x;
  return x.node.inputs[0]!;
}

/** Elementwise nodes broadcast their operands themselves, unless that is what gives the result its shape. */
function withoutBroadcasts(node: Node, inputs: readonly Value[]): Value | null {
  const bare = inputs.map(unbroadcast);
  if (bare.every((v, i) => v === inputs[i])) return null;
  const target = node.outputs[0]!.shape;
  // Strip one operand at a time while the others still give the shape.
  const kept = [...inputs];
  let changed = false;
  for (const [i, v] of bare.entries()) {
    if (v === inputs[i]) continue;
    const trial = kept.map((k, j) => (j === i ? v : k));
    const rank = Math.max(...trial.map((t) => t.shape.length));
    const shape = Array.from({ length: rank }, (_, axis) =>
      Math.max(...trial.map((t) => t.shape[axis - rank + t.shape.length] ?? 1)),
    );
    if (!shapesEqual(shape, target)) continue;
    kept[i] = v;
    changed = true;
  }
  return changed ? b.emitOne(node.op, kept, node.attributes) : null;
}

const ELEMENTWISE = new Set([
  "add",
  "sub",
  "mul",
  "div",
  "max",
  "min",
  "pow",
  "where",
  "equal",
  "less",
  "less_equal",
  "greater",
  "greater_equal",
  "logical_and",
  "logical_or",
  "logical_xor",
]);

/** A row added to the regrouped rows of a product is added before regrouping: the engine computes both as one. */
function addRowFirst(x: Value, row: Value): Value | null {
  const product = x.node?.op === "reshape" ? x.node.inputs[0]! : null;
  if (product?.node?.op !== "matmul" || row.shape.length !== 1) return null;
  const [width] = row.shape;
  if (product.shape.length !== 2 || product.shape[1] !== width || x.shape.at(-1) !== width) return null;
  return b.reshape(b.binary("add", product, row), x.shape);
}

const add: Rule = (node, [x, y]) => {
  const byRows = addRowFirst(x!, y!) ?? addRowFirst(y!, x!);
  if (byRows) return byRows;
  if (x === y && isFloat(x!.dtype)) return b.binary("mul", x!, b.scalar(2, x!.dtype));
  if (y!.node?.op === "neg") return b.binary("sub", x!, y!.node.inputs[0]!);
  if (x!.node?.op === "neg") return b.binary("sub", y!, x!.node.inputs[0]!);
  // x + 0 is x except that −0 becomes 0, which nothing here can tell apart but a division by it.
  if (b.constantNumber(y!) === 0) return keep(node, x!);
  return b.constantNumber(x!) === 0 ? keep(node, y!) : null;
};

const mul: Rule = (node, [x, y]) => {
  if (b.constantNumber(y!) === 1) return keep(node, x!);
  if (b.constantNumber(x!) === 1) return keep(node, y!);
  if (b.constantNumber(y!) === -1) return keep(node, x!) && b.unary("neg", x!);
  if (b.constantNumber(x!) === -1) return keep(node, y!) && b.unary("neg", y!);
  return null;
};

const sub: Rule = (node, [x, y]) => {
  if (b.constantNumber(y!) === 0) return keep(node, x!);
  if (y!.node?.op === "neg") return b.binary("add", x!, y!.node.inputs[0]!);
  return null;
};

const div: Rule = (node, [x, y]) => {
  if (b.constantNumber(y!) === 1) return keep(node, x!);
  const divisor = b.constantNumber(y!);
  if (divisor === null || divisor === 0) return null;
  // Powers of two have exact reciprocals (normal numbers in both dtypes), and a product is cheaper than a quotient.
  const exponent = Math.log2(Math.abs(divisor));
  const float = node.outputs[0]!.dtype === "float32" || node.outputs[0]!.dtype === "float64";
  if (!float || !Number.isInteger(exponent) || Math.abs(exponent) > 126) return null;
  return b.binary("mul", x!, b.full(1 / divisor, y!.shape, x!.dtype));
};

const pow: Rule = (node, [x, y]) => {
  const exponent = b.constantNumber(y!);
  if (exponent === 1) return keep(node, x!);
  if (exponent === 2) return keep(node, x!) && b.binary("mul", x!, x!);
  return null;
};

const neg: Rule = (_, [x]) => (x!.node?.op === "neg" ? x!.node.inputs[0]! : null);
const stopGradient: Rule = (_, [x]) => x!;

const where: Rule = (node, [condition, a, c]) => {
  const known = b.constantNumber(condition!);
  return known === null ? null : keep(node, known ? a! : c!);
};

/** A transpose of the last two axes is read through the flag. */
const matmul: Rule = (node, inputs) => {
  const attributes = node.attributes as { transposeA: boolean; transposeB: boolean };
  const flags = [attributes.transposeA, attributes.transposeB];
  const operands = inputs.map((x, i) => {
    if (x.node?.op !== "transpose") return x;
    const { permutation } = x.node.attributes as { permutation: readonly number[] };
    const rank = permutation.length;
    const swapsLast = permutation.every(
      (axis, k) => axis === (k < rank - 2 ? k : k === rank - 2 ? rank - 1 : rank - 2),
    );
    if (!swapsLast) return x;
    flags[i] = !flags[i];
    return x.node.inputs[0]!;
  });
  const changed = operands.some((x, i) => x !== inputs[i]);
  return changed ? b.matmul(operands[0]!, operands[1]!, flags[0], flags[1]) : null;
};

const reduceOne: Rule = (node, [x]) => {
  const { axes } = node.attributes as { axes: readonly number[] };
  return axes.every((axis) => x!.shape[axis] === 1) ? b.reshape(x!, node.outputs[0]!.shape) : null;
};

type SliceAttributes = PrimitiveAttributes["slice"];

/** The attributes of a slice of unit strides, else `null`. */
function plainSlice(x: Value): { source: Value; attributes: SliceAttributes } | null {
  if (x.node?.op !== "slice") return null;
  const attributes = x.node.attributes as SliceAttributes;
  return attributes.strides.every((s) => s === 1) ? { source: x.node.inputs[0]!, attributes } : null;
}

/** A slice of a slice is one slice. */
const slice: Rule = (node, [x]) => {
  const inner = plainSlice(x!);
  if (!inner) return null;
  const { starts, limits, strides } = node.attributes as SliceAttributes;
  const offset = inner.attributes.starts;
  return b.slice(
    inner.source,
    starts.map((s, i) => s + offset[i]!),
    limits.map((s, i) => s + offset[i]!),
    strides,
  );
};

/** Slices that lie one behind another, joined again, are one slice. */
const concat: Rule = (node, inputs) => {
  const { axis } = node.attributes as { axis: number };
  const joined: Value[] = [];
  for (const x of inputs) {
    const last = joined.length > 0 ? plainSlice(joined.at(-1)!) : null;
    const next = plainSlice(x);
    const adjacent =
      last !== null &&
      next !== null &&
      last.source === next.source &&
      next.attributes.starts.every((s, i) =>
        i === axis ? s === last.attributes.limits[i] : s === last.attributes.starts[i],
      ) &&
      next.attributes.limits.every((s, i) => i === axis || s === last.attributes.limits[i]);
    if (adjacent) joined[joined.length - 1] = b.slice(last.source, last.attributes.starts, next.attributes.limits);
    else joined.push(x);
  }
  return joined.length < inputs.length ? b.concat(joined, axis) : null;
};

/** Turned around twice is as it was. */
const reverse: Rule = (node, [x]) => {
  const { axes } = node.attributes as PrimitiveAttributes["reverse"];
  if (x!.node?.op !== "reverse") return null;
  const inner = (x!.node.attributes as PrimitiveAttributes["reverse"]).axes;
  return inner.length === axes.length && inner.every((axis) => axes.includes(axis)) ? x!.node.inputs[0]! : null;
};

const RULES: Partial<Record<Node["op"], Rule>> = {
  slice,
  concat,
  add,
  mul,
  sub,
  div,
  pow,
  neg,
  where,
  matmul,
  stop_gradient: stopGradient,
  reduce_sum: reduceOne,
  reduce_mean: reduceOne,
  reduce_max: reduceOne,
  reduce_min: reduceOne,
  reduce_prod: reduceOne,
  reshape: (node, [x]) => b.reshape(x!, node.outputs[0]!.shape),
  transpose: (node, [x]) => b.transpose(x!, (node.attributes as { permutation: readonly number[] }).permutation),
  reverse,
  cast: (node, [x]) => b.cast(x!, node.outputs[0]!.dtype),
};

export function simplify(program: Program): Program {
  return rewriteProgram(program, (node, inputs) => {
    // Gradients are taken by now, and what was kept for them need not be computed.
    if (node.op === "custom_gradient") {
      return inputs.slice(0, (node.attributes as PrimitiveAttributes["custom_gradient"]).results);
    }
    const stripped = ELEMENTWISE.has(node.op) ? withoutBroadcasts(node, inputs) : null;
    const current = stripped?.node ?? null;
    const rule = RULES[node.op];
    const result = rule?.(node, current?.inputs ?? inputs) ?? stripped;
    return result ? [result] : null;
  });
}
