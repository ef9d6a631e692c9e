/** Lowering of reductions, running reductions, and of what ranks the elements of an axis. */
import { isFloat, isInteger } from "../../../core/dtype.ts";
import { sizeOf } from "../../../core/shape.ts";
import type { PrimitiveAttributes } from "../../../ir/primitives.ts";
import type { ValueType } from "../../../ir/value.ts";
import type { OnnxModel, OnnxValue } from "../model.ts";
import { NATIVE_DOMAIN } from "../nativeKernels.ts";
import { emitCast, kernelDType, type OnnxRule } from "./rule.ts";
import { reshape, sliceAxes, transpose } from "./shaping.ts";

const reduce =
  (op: string): OnnxRule<PrimitiveAttributes["reduce_sum"]> =>
  (model, [x], { axes, keepDims }, [out]) => {
    if (axes.length === 0) return [x!]; // to the engine, no axes are all axes
    const dtype = kernelDType(op, x!.dtype);
    const attributes = { keepdims: keepDims ? 1 : 0 };
    const result = model.emit(op, [model.cast(x!, dtype), model.ints(axes)], dtype, out!.shape, attributes);
    return [model.cast(result, out!.dtype)];
  };

/** Elements from which on a sum of ours is worth it; below, the engine's takes no longer. */
const LEAST_SUM = 2048;

/**
 * Sums over leading axes, as gradients of biases are, times a factor: ours where the session has them. They read as fast as memory
 * allows, the engine's a fraction of that (docs/decisions/0011).
 */
function columnSum(
  model: OnnxModel,
  x: OnnxValue,
  { axes }: PrimitiveAttributes["reduce_sum"],
  out: ValueType,
  factor: number,
): OnnxValue[] | null {
  const end = Math.max(-1, ...axes) + 1;
  const isLeading = x.shape.slice(0, end).every((size, axis) => size === 1 || axes.includes(axis));
  const isOurs = model.kernels !== null && x.dtype === "float32" && out.dtype === "float32";
  if (!isOurs || !isLeading || sizeOf(x.shape) < LEAST_SUM) return null;
  const attributes = { shape: out.shape, factor: { float: factor } };
  return [model.emit("ColumnSum", [x], "float32", out.shape, attributes, NATIVE_DOMAIN)];
}

const sum: OnnxRule<PrimitiveAttributes["reduce_sum"]> = (model, [x], attributes, [out]) =>
  columnSum(model, x!, attributes, out!, 1) ?? reduce("ReduceSum")(model, [x!], attributes, [out!]);

/** The mean of nothing is NaN, where the engine says 0. */
const mean: OnnxRule<PrimitiveAttributes["reduce_mean"]> = (model, [x], attributes, [out]) => {
  const ours = columnSum(model, x!, attributes, out!, sizeOf(out!.shape) / sizeOf(x!.shape));
  if (ours) return ours;
  if (!isEmptyOver(x!, attributes.axes) || !isFloat(out!.dtype))
    return reduce("ReduceMean")(model, [x!], attributes, [out!]);
  const nan = model.scalar(Number.NaN, out!.dtype);
  return [model.emit("Expand", [nan, model.ints(out!.shape)], nan.dtype, out!.shape)];
};

/** `x` with the reduced axes moved to the end and joined into one. */
function linesOf(model: OnnxModel, x: OnnxValue, axes: readonly number[]): OnnxValue {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const line = axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  return reshape(model, transpose(model, x, [...kept, ...axes]), [...kept.map((axis) => x.shape[axis]!), line]);
}

const isEmptyOver = (x: OnnxValue, axes: readonly number[]): boolean => axes.some((axis) => x.shape[axis] === 0);

/**
 * The results of `otherwise`, or those of `withNaN` when `x` holds NaN somewhere. The engine's comparing kernels pass over NaN,
 * and none that sees it is as fast: a sum tells, which is NaN too. (So it is for infinities of both signs: `withNaN` must be
 * right for every `x`.)
 */
function unlessNaN(
  model: OnnxModel,
  x: OnnxValue,
  axes: readonly number[],
  otherwise: readonly OnnxValue[],
  withNaN: (branch: OnnxModel) => readonly OnnxValue[],
): OnnxValue[] {
  const dtype = kernelDType("ReduceSum", x.dtype);
  const sums = x.shape.filter((_, axis) => !axes.includes(axis));
  const sum = model.emit("ReduceSum", [model.cast(x, dtype), model.ints(axes)], dtype, sums, { keepdims: 0 });
  const anywhere = model.emit("ReduceMax", [model.emit("IsNaN", [sum], "bool", sums)], "bool", [], { keepdims: 0 });
  return model.emitAll("If", [anywhere], otherwise, {
    then_branch: { graph: model.branch(withNaN) },
    else_branch: { graph: model.branch(() => otherwise) },
  });
}

/** The largest or smallest element, NaN if one is. */
const extremeOrNaN =
  (op: string): OnnxRule<PrimitiveAttributes["reduce_max"]> =>
  (model, [x], attributes, [out]) => {
    const [found] = reduce(op)(model, [x!], attributes, [out!]);
    const { axes, keepDims, nanUnspecified } = attributes;
    if (nanUnspecified || !isFloat(x!.dtype) || axes.length === 0 || isEmptyOver(x!, axes)) return [found!];
    return unlessNaN(model, x!, axes, [found!], (branch) => {
      const nans = branch.emit("IsNaN", [x!], "bool", x!.shape);
      const spoiled = branch.emit("ReduceMax", [nans, branch.ints(axes)], "bool", out!.shape, {
        keepdims: keepDims ? 1 : 0,
      });
      const nan = branch.scalar(Number.NaN, found!.dtype);
      return [branch.emit("Where", [spoiled, nan, found!], found!.dtype, out!.shape)];
    });
  };

/**
 * The engine's ReduceMax and ReduceMin compare the low 32 bits of int64 (1.30, lines of four and more), so what is wider
 * than int32 goes by position: ArgMax is right.
 */
const extreme =
  (op: string, argOp: string): OnnxRule<PrimitiveAttributes["reduce_max"]> =>
  (model, [x], attributes, [out]) => {
    const { axes } = attributes;
    const wide = ["int64", "uint32", "uint64"].includes(x!.dtype);
    if (!wide || isEmptyOver(x!, axes)) return extremeOrNaN(op)(model, [x!], attributes, [out!]);
    const lines = linesOf(model, x!, axes);
    const axis = lines.shape.length - 1;
    const single = [...lines.shape.slice(0, -1), 1];
    const ordered = model.cast(sortable(model, argOp, lines), "int64");
    const position = model.emit(argOp, [ordered], "int64", single, { axis, keepdims: 1 });
    const found = model.emit("GatherElements", [lines, position], x!.dtype, single, { axis });
    return [reshape(model, found, out!.shape)];
  };

/** The engine's ReduceProd computes integers in float64 (1.30): here they are halved, front times back, until one is left. */
const product: OnnxRule<PrimitiveAttributes["reduce_prod"]> = (model, [x], attributes, [out]) => {
  if (!isInteger(x!.dtype) || isEmptyOver(x!, attributes.axes)) {
    return reduce("ReduceProd")(model, [x!], attributes, [out!]);
  }
  let current = linesOf(model, x!, attributes.axes);
  const axis = current.shape.length - 1;
  const part = (from: number, to: number): OnnxValue =>
    sliceAxes(model, current, [axis], [from], [to], [1], [...current.shape.slice(0, -1), to - from]);
  while (current.shape[axis]! > 1) {
    const half = Math.floor(current.shape[axis]! / 2);
    const front = part(0, half);
    const halved = emitCast(model, "Mul", [front, part(half, 2 * half)], { dtype: x!.dtype, shape: front.shape });
    const odd = current.shape[axis]! % 2 === 1;
    const joined = [...front.shape.slice(0, -1), half + 1];
    current = odd ? model.emit("Concat", [halved, part(2 * half, 2 * half + 1)], x!.dtype, joined, { axis }) : halved;
  }
  return [reshape(model, current, out!.shape)];
};

/** Integers that sort as those of `x`, in a dtype that `op` knows: uint64 as int64 with its highest bit flipped. */
function sortable(model: OnnxModel, op: string, x: OnnxValue): OnnxValue {
  if (x.dtype !== "uint64") return model.cast(x, kernelDType(op, x.dtype));
  const flip = model.constant(BigUint64Array.of(2n ** 63n), [], "uint64");
  return model.cast(model.emit("BitwiseXor", [x, flip], "uint64", x.shape), "int64");
}

const argReduce =
  (op: string): OnnxRule<PrimitiveAttributes["argmax"]> =>
  (model, [x], { axis }, [out]) => {
    const index = model.emit(op, [sortable(model, op, x!)], "int64", out!.shape, { axis, keepdims: 0 });
    return [model.cast(index, "int32")];
  };

const cumsum: OnnxRule<PrimitiveAttributes["cumsum"]> = (
  model,
  [x],
  { axis, exclusive, reverse: backwards },
  [out],
) => {
  const dtype = kernelDType("CumSum", x!.dtype);
  const position = model.constant(Int32Array.of(axis), [], "int32");
  const attributes = { exclusive: exclusive ? 1 : 0, reverse: backwards ? 1 : 0 };
  return [
    model.cast(model.emit("CumSum", [model.cast(x!, dtype), position], dtype, out!.shape, attributes), out!.dtype),
  ];
};

/** No engine operator: doubling. After step k each element is the product of up to 2^k elements that end with it. */
const cumprod: OnnxRule<PrimitiveAttributes["cumprod"]> = (model, [x], { axis }, [out]) => {
  const dtype = kernelDType("Pad", x!.dtype);
  const n = x!.shape[axis]!;
  const rank = x!.shape.length;
  let current = model.cast(x!, dtype);
  for (let step = 1; step < n; step *= 2) {
    const shortened = x!.shape.map((d, i) => (i === axis ? n - step : d));
    const head = sliceAxes(model, current, [axis], [0], [n - step], [1], shortened);
    const low = Array.from({ length: rank }, (_, i) => (i === axis ? step : 0));
    const shifted = model.emit(
      "Pad",
      [head, model.ints([...low, ...low.map(() => 0)]), model.scalar(1, dtype)],
      dtype,
      x!.shape,
    );
    current = emitCast(model, "Mul", [current, shifted], { dtype, shape: x!.shape });
  }
  return [model.cast(current, out!.dtype)];
};

const topK: OnnxRule<PrimitiveAttributes["top_k"]> = (model, [x], { k, largest }, [values, indices]) => {
  const sorted = sortable(model, "TopK", x!);
  const { dtype } = sorted;
  const [v, i] = model.emitAll(
    "TopK",
    [sorted, model.ints([k])],
    [
      { dtype, shape: values!.shape },
      { dtype: "int64", shape: indices!.shape },
    ],
    { axis: -1, largest: largest ? 1 : 0, sorted: 1 },
  );
  const found =
    x!.dtype === "uint64"
      ? model.emit("GatherElements", [x!, i!], "uint64", values!.shape, { axis: -1 })
      : model.cast(v!, values!.dtype);
  const results = [found, model.cast(i!, "int32")];
  if (!isFloat(x!.dtype)) return results;
  return unlessNaN(model, x!, [x!.shape.length - 1], results, (branch) => topWithNaN(branch, x!, k, largest, results));
};

/** NaN counts as larger than all numbers: ranked as ∞, then stably by whether it is NaN. */
function topWithNaN(
  model: OnnxModel,
  x: OnnxValue,
  k: number,
  largest: boolean,
  [values, indices]: readonly OnnxValue[],
): OnnxValue[] {
  const n = x.shape.at(-1)!;
  const rank = (keys: OnnxValue, count: number): OnnxValue => {
    const shape = [...keys.shape.slice(0, -1), count];
    const outputs = [
      { dtype: keys.dtype, shape },
      { dtype: "int64" as const, shape },
    ];
    const attributes = { axis: -1, largest: largest ? 1 : 0, sorted: 1 };
    return model.emitAll("TopK", [keys, model.ints([count])], outputs, attributes)[1]!;
  };
  const along = (data: OnnxValue, at: OnnxValue): OnnxValue =>
    model.emit("GatherElements", [data, at], data.dtype, at.shape, { axis: -1 });
  const nans = model.emit("IsNaN", [x], "bool", x.shape);
  const infinity = model.scalar(Number.POSITIVE_INFINITY, x.dtype);
  const order = rank(sortable(model, "TopK", model.emit("Where", [nans, infinity, x], x.dtype, x.shape)), n);
  const places = along(order, rank(along(model.cast(nans, "int32"), order), k));
  return [model.cast(along(x, places), values!.dtype), model.cast(places, indices!.dtype)];
}

/** In float64 the engine's operator loses NaN (1.30): written out there, x − max x − log Σ e^(x − max x). */
const logSoftmax: OnnxRule<PrimitiveAttributes["log_softmax"]> = (model, [x], { axis }, [out]) => {
  if (x!.dtype !== "float64") return [emitCast(model, "LogSoftmax", [x!], out!, { axis })];
  const { shape } = x!;
  const column = shape.map((d, i) => (i === axis ? 1 : d));
  const emit = (op: string, ...inputs: OnnxValue[]): OnnxValue => model.emit(op, inputs, "float64", shape);
  const reduced = (op: string, v: OnnxValue): OnnxValue =>
    model.emit(op, [v, model.ints([axis])], "float64", column, { keepdims: 1 });
  const shifted = emit("Sub", x!, reduced("ReduceMax", x!));
  const total = reduced("ReduceSum", emit("Exp", shifted));
  return [emit("Sub", shifted, model.emit("Log", [total], "float64", column))];
};

export const reductionRules: {
  readonly [P in
    | "reduce_sum"
    | "reduce_mean"
    | "reduce_max"
    | "reduce_min"
    | "reduce_prod"
    | "argmax"
    | "argmin"
    | "cumsum"
    | "cumprod"
    | "top_k"
    | "softmax"
    | "log_softmax"]: OnnxRule<PrimitiveAttributes[P]>;
} = {
  reduce_sum: sum,
  reduce_mean: mean,
  reduce_max: extreme("ReduceMax", "ArgMax"),
  reduce_min: extreme("ReduceMin", "ArgMin"),
  reduce_prod: product,
  argmax: argReduce("ArgMax"),
  argmin: argReduce("ArgMin"),
  cumsum,
  cumprod,
  top_k: topK,
  softmax: (model, [x], { axis }, [out]) => [emitCast(model, "Softmax", [x!], out!, { axis })],
  log_softmax: logSoftmax,
};
