/**
 * Builds IR values, one function per primitive, with the rewrites that are always right and always smaller: a cast to the
 * same dtype, a reshape to the same shape, chains of reshapes or transposes. Types are checked by the primitive's rule.
 */
import { allocate, type DType, type TypedArray, toElement } from "../core/dtype.ts";
import { type StaticShape, shapesEqual, sizeOf } from "../core/shape.ts";
import { type Primitive, type PrimitiveAttributes, TYPE_RULES, type TypeRule } from "./primitives.ts";
import { constantValue, type Node, Value } from "./value.ts";

/** Applies a primitive. */
export function emit<P extends Primitive>(
  op: P,
  inputs: readonly Value[],
  attributes: PrimitiveAttributes[P],
): Value[] {
  const types = (TYPE_RULES[op] as TypeRule<PrimitiveAttributes[P]>)(inputs, attributes);
  const outputs: Value[] = [];
  const node: Node<P> = { op, inputs, attributes, outputs };
  types.forEach((type, index) => {
    outputs.push(new Value(type, { kind: "node", node: node as unknown as Node, index }));
  });
  return outputs;
}

const one = <P extends Primitive>(op: P, inputs: readonly Value[], attributes: PrimitiveAttributes[P]): Value =>
  emit(op, inputs, attributes)[0]!;

/** Applies a primitive of one result. */
export const emitOne = one;

type UnaryName = keyof import("./primitives.ts").UnaryPrimitives | "logical_not" | "bitwise_not" | "is_nan" | "is_inf";
type BinaryName =
  | keyof import("./primitives.ts").BinaryPrimitives
  | keyof import("./primitives.ts").BitwisePrimitives
  | keyof import("./primitives.ts").ComparePrimitives
  | keyof import("./primitives.ts").LogicalPrimitives;

/** Applies a primitive of one operand. */
export const unary = (op: UnaryName, x: Value): Value => one(op, [x], {});
/** Applies a primitive of two operands of equal dtype; shapes broadcast. */
export const binary = (op: BinaryName, a: Value, b: Value): Value => one(op, [a, b], {});

/** A scalar constant. */
export function scalar(x: number, dtype: DType): Value {
  return full(x, [], dtype);
}

/** A constant with one value everywhere, stored once and broadcast. */
export function full(x: number, shape: StaticShape, dtype: DType): Value {
  const data = allocate(dtype, 1);
  (data as Float32Array)[0] = toElement(dtype, x) as number;
  return broadcastTo(constantValue(data, { shape: [], dtype }), shape);
}

/** A constant from host storage of `dtype`. */
export const constant = (data: TypedArray, shape: StaticShape, dtype: DType): Value =>
  constantValue(data, { shape, dtype });

/** The number that a value surely is everywhere, or `null`. Sees through broadcasts and reshapes. */
export function constantNumber(x: Value): number | null {
  const { source } = x;
  if (source.kind === "constant") {
    if (x.dtype === "float16" || x.dtype === "bfloat16" || source.data.length === 0) return null;
    const first = source.data[0]!;
    if (source.data.length === 1) return Number(first);
    if (source.data.length > 4096) return null;
    return (source.data as Float32Array).every((e) => e === first) ? Number(first) : null;
  }
  if (source.kind === "node" && (source.node.op === "broadcast_to" || source.node.op === "reshape")) {
    return constantNumber(source.node.inputs[0]!);
  }
  return null;
}

const nodeOf = <P extends Primitive>(x: Value, op: P): Node<P> | null =>
  x.node?.op === op ? (x.node as unknown as Node<P>) : null;

export function cast(x: Value, dtype: DType): Value {
  return x.dtype === dtype ? x : one("cast", [x], { dtype });
}

export function reshape(x: Value, shape: StaticShape): Value {
  if (shapesEqual(x.shape, shape)) return x;
  const inner = nodeOf(x, "reshape");
  return inner ? reshape(inner.inputs[0]!, shape) : one("reshape", [x], { shape });
}

export function transpose(x: Value, permutation: readonly number[]): Value {
  if (permutation.length === x.shape.length && permutation.every((axis, i) => axis === i)) return x;
  const inner = nodeOf(x, "transpose");
  if (inner)
    return transpose(
      inner.inputs[0]!,
      permutation.map((axis) => inner.attributes.permutation[axis]!),
    );
  return one("transpose", [x], { permutation });
}

export function broadcastTo(x: Value, shape: StaticShape): Value {
  if (shapesEqual(x.shape, shape)) return x;
  const inner = nodeOf(x, "broadcast_to");
  return one("broadcast_to", [inner ? inner.inputs[0]! : x], { shape });
}

export function slice(
  x: Value,
  starts: readonly number[],
  limits: readonly number[],
  strides: readonly number[] = starts.map(() => 1),
): Value {
  const whole = x.shape.every((d, i) => starts[i] === 0 && limits[i] === d && strides[i] === 1);
  return whole ? x : one("slice", [x], { starts, limits, strides });
}

export function pad(
  x: Value,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[] = low.map(() => 0),
  value = 0,
): Value {
  const nothing = [...low, ...high, ...interior].every((n) => n === 0);
  return nothing ? x : one("pad", [x], { low, high, interior, value });
}

export const reverse = (x: Value, axes: readonly number[]): Value =>
  axes.length === 0 ? x : one("reverse", [x], { axes });
export const concat = (xs: readonly Value[], axis: number): Value =>
  xs.length === 1 ? xs[0]! : one("concat", xs, { axis });
export const where = (condition: Value, a: Value, b: Value): Value => one("where", [condition, a, b], {});
export const gather = (x: Value, indices: Value, axis: number): Value => one("gather", [x, indices], { axis });
export const scatterAdd = (x: Value, indices: Value, updates: Value, axis: number): Value =>
  one("scatter_add", [x, indices, updates], { axis });
export const gatherAlong = (x: Value, indices: Value, axis: number): Value =>
  one("gather_along", [x, indices], { axis });
export const scatterAlongAdd = (x: Value, indices: Value, updates: Value, axis: number): Value =>
  one("scatter_along_add", [x, indices, updates], { axis });
export const argmax = (x: Value, axis: number): Value => one("argmax", [x], { axis });
/** For each index the position of the last one that means the same row of `size`. */
export const lastEqual = (indices: Value, size: number): Value => one("last_equal", [indices], { size });
export const argmin = (x: Value, axis: number): Value => one("argmin", [x], { axis });
export const cumsum = (x: Value, axis: number, exclusive = false, reversed = false): Value =>
  one("cumsum", [x], { axis, exclusive, reverse: reversed });
export const cumprod = (x: Value, axis: number): Value => one("cumprod", [x], { axis });
export const topK = (x: Value, k: number, largest = true): [Value, Value] => {
  const [values, indices] = emit("top_k", [x], { k, largest });
  return [values!, indices!];
};
export const softmax = (x: Value, axis: number): Value => one("softmax", [x], { axis });
export const logSoftmax = (x: Value, axis: number): Value => one("log_softmax", [x], { axis });
export const matmul = (a: Value, b: Value, transposeA = false, transposeB = false): Value =>
  one("matmul", [a, b], { transposeA, transposeB });
export const conv = (x: Value, w: Value, attributes: PrimitiveAttributes["conv"]): Value =>
  one("conv", [x, w], attributes);
export const convInputGrad = (dy: Value, w: Value, attributes: PrimitiveAttributes["conv_input_grad"]): Value =>
  one("conv_input_grad", [dy, w], attributes);
export const convWeightGrad = (x: Value, dy: Value, attributes: PrimitiveAttributes["conv_weight_grad"]): Value =>
  one("conv_weight_grad", [x, dy], attributes);
export const maxPool = (x: Value, attributes: PrimitiveAttributes["max_pool"]): Value =>
  one("max_pool", [x], attributes);
export const maxPoolGrad = (x: Value, y: Value, dy: Value, attributes: PrimitiveAttributes["max_pool_grad"]): Value =>
  one("max_pool_grad", [x, y, dy], attributes);
export const maxPoolGather = (
  x: Value,
  y: Value,
  v: Value,
  attributes: PrimitiveAttributes["max_pool_gather"],
): Value => one("max_pool_gather", [x, y, v], attributes);
export const sumPool = (x: Value, attributes: PrimitiveAttributes["sum_pool"]): Value =>
  one("sum_pool", [x], attributes);
export const sumPoolGrad = (dy: Value, attributes: PrimitiveAttributes["sum_pool_grad"]): Value =>
  one("sum_pool_grad", [dy], attributes);
export const iota = (shape: StaticShape, axis: number, dtype: DType): Value => one("iota", [], { shape, axis, dtype });
export const randomBits = (key: Value, shape: StaticShape): Value => one("random_bits", [key], { shape });

export const scan = (inputs: readonly Value[], attributes: PrimitiveAttributes["scan"]): Value[] =>
  emit("scan", inputs, attributes);

type ReduceName = keyof import("./primitives.ts").ReducePrimitives;

/** Applies a reduction; over no axes it is the identity. */
export function reduce(op: ReduceName, x: Value, axes: readonly number[], keepDims = false): Value {
  return axes.length === 0 ? x : one(op, [x], { axes, keepDims });
}

/** The largest element over axes, for callers whose result NaN spoils anyway: it may be passed over here. */
export function reduceMaxOfNumbers(x: Value, axes: readonly number[], keepDims = false): Value {
  return axes.length === 0 ? x : one("reduce_max", [x], { axes, keepDims, nanUnspecified: true });
}

/** Sums a gradient over the axes along which its operand was broadcast: the transpose of broadcasting. */
export function sumToShape(x: Value, shape: StaticShape): Value {
  if (shapesEqual(x.shape, shape)) return x;
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((d, i) => (i < extra || (shape[i - extra] === 1 && d !== 1) ? [i] : []));
  return reshape(reduce("reduce_sum", x, axes), shape);
}

export const elementCount = (x: Value): number => sizeOf(x.shape);
