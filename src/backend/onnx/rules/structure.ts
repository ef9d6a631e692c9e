/** Lowering of primitives that move, reduce and combine elements. */
import type { DType } from "../../../core/dtype.ts";
import { allocate, isFloat, isInteger, toElement } from "../../../core/dtype.ts";
import { sizeOf } from "../../../core/shape.ts";
import type { Primitive, PrimitiveAttributes } from "../../../ir/primitives.ts";
import type { ValueType } from "../../../ir/value.ts";
import { engineDType, type OnnxModel, type OnnxValue } from "../model.ts";
import type { elementwiseRules } from "./elementwise.ts";
import { emitCast, kernelDType, type OnnxRule } from "./rule.ts";

type Structural = Exclude<Primitive, keyof typeof elementwiseRules>;

const reduce =
  (op: string): OnnxRule<PrimitiveAttributes["reduce_sum"]> =>
  (model, [x], { axes, keepDims }, [out]) => {
    const dtype = kernelDType(op, x!.dtype);
    const attributes = { keepdims: keepDims ? 1 : 0 };
    const result = model.emit(op, [model.cast(x!, dtype), model.ints(axes)], dtype, out!.shape, attributes);
    return [model.cast(result, out!.dtype)];
  };

/** The mean of nothing is NaN, where the engine says 0. */
const mean: OnnxRule<PrimitiveAttributes["reduce_mean"]> = (model, [x], attributes, [out]) => {
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
 * The engine's ReduceMax and ReduceMin compare the low 32 bits of int64 (1.30, lines of four and more), so what is wider
 * than int32 goes by position: ArgMax is right.
 */
const extreme =
  (op: string, argOp: string): OnnxRule<PrimitiveAttributes["reduce_max"]> =>
  (model, [x], attributes, [out]) => {
    const { axes } = attributes;
    const wide = ["int64", "uint32", "uint64"].includes(x!.dtype);
    if (!wide || isEmptyOver(x!, axes)) return reduce(op)(model, [x!], attributes, [out!]);
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

function reshape(model: OnnxModel, x: OnnxValue, shape: readonly number[]): OnnxValue {
  // A size of 0 in Reshape means "as before" unless allowed.
  return model.emit("Reshape", [x, model.ints(shape)], x.dtype, shape, { allowzero: 1 });
}

function transpose(model: OnnxModel, x: OnnxValue, permutation: readonly number[]): OnnxValue {
  return model.emit(
    "Transpose",
    [x],
    x.dtype,
    permutation.map((axis) => x.shape[axis]!),
    { perm: permutation },
  );
}

function sliceAxes(
  model: OnnxModel,
  x: OnnxValue,
  axes: readonly number[],
  starts: readonly number[],
  limits: readonly number[],
  strides: readonly number[],
  shape: readonly number[],
): OnnxValue {
  return model.emit(
    "Slice",
    [x, model.ints(starts), model.ints(limits), model.ints(axes), model.ints(strides)],
    x.dtype,
    shape,
  );
}

const slice: OnnxRule<PrimitiveAttributes["slice"]> = (model, [x], { starts, limits, strides }, [out]) => {
  const touched = x!.shape.flatMap((d, i) => (starts[i] === 0 && limits[i] === d && strides[i] === 1 ? [] : [i]));
  if (touched.length === 0) return [x!];
  const at = (list: readonly number[]): number[] => touched.map((i) => list[i]!);
  return [sliceAxes(model, x!, touched, at(starts), at(limits), at(strides), out!.shape)];
};

const reverse: OnnxRule<PrimitiveAttributes["reverse"]> = (model, [x], { axes }, [out]) => {
  const end = -(2 ** 31);
  return [
    sliceAxes(
      model,
      x!,
      axes,
      axes.map(() => -1),
      axes.map(() => end),
      axes.map(() => -1),
      out!.shape,
    ),
  ];
};

/** Interior padding: each axis is split into (n, 1), padded to (n, 1 + interior), joined, and its tail cut off. */
const pad: OnnxRule<PrimitiveAttributes["pad"]> = (model, [x], { low, high, interior, value }, [out]) => {
  const dtype = kernelDType("Pad", x!.dtype);
  const fill = model.scalar(value, dtype);
  let current = model.cast(x!, dtype);
  for (const [axis, gap] of interior.entries()) {
    const n = current.shape[axis]!;
    if (gap === 0 || n < 2) continue;
    const { shape } = current;
    const split = [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)];
    const widened = split.map((d, i) => (i === axis + 1 ? 1 + gap : d));
    const zeros = split.map(() => 0);
    const tails = split.map((_, i) => (i === axis + 1 ? gap : 0));
    const padded = model.emit(
      "Pad",
      [reshape(model, current, split), model.ints([...zeros, ...tails]), fill],
      dtype,
      widened,
    );
    const joined = shape.map((d, i) => (i === axis ? d * (1 + gap) : d));
    const kept = shape.map((d, i) => (i === axis ? d * (1 + gap) - gap : d));
    current = sliceAxes(model, reshape(model, padded, joined), [axis], [0], [kept[axis]!], [1], kept);
  }
  if ([...low, ...high].some((n) => n !== 0)) {
    current = model.emit("Pad", [current, model.ints([...low, ...high]), fill], dtype, out!.shape);
  }
  return [model.cast(current, out!.dtype)];
};

const gather: OnnxRule<PrimitiveAttributes["gather"]> = (model, [x, indices], { axis }, [out]) => [
  model.emit("Gather", [x!, indices!], x!.dtype, out!.shape, { axis }),
];

/** Adds rows: ScatterND on the axis moved to the front. */
const scatterAdd: OnnxRule<PrimitiveAttributes["scatter_add"]> = (model, [x, indices, updates], { axis }, [out]) => {
  const dtype = kernelDType("ScatterND", x!.dtype);
  const rank = x!.shape.length;
  const front = [axis, ...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis)];
  const wide = model.cast(x!, dtype);
  const base = axis === 0 ? wide : transpose(model, wide, front);
  const indexRank = indices!.shape.length;
  const updateRank = updates!.shape.length;
  const indexAxes = Array.from({ length: indexRank }, (_, i) => axis + i);
  const rest = Array.from({ length: updateRank }, (_, i) => i).filter((i) => !indexAxes.includes(i));
  const added = model.cast(updates!, dtype);
  const moved = axis === 0 ? added : transpose(model, added, [...indexAxes, ...rest]);
  const positions = reshape(model, model.cast(indices!, "int64"), [...indices!.shape, 1]);
  const result = model.emit("ScatterND", [base, positions, moved], dtype, base.shape, { reduction: "add" });
  const back = Array.from({ length: rank }, (_, i) => front.indexOf(i));
  return [model.cast(axis === 0 ? result : transpose(model, result, back), out!.dtype)];
};

const gatherAlong: OnnxRule<PrimitiveAttributes["gather_along"]> = (model, [x, indices], { axis }, [out]) => [
  model.emit("GatherElements", [x!, indices!], x!.dtype, out!.shape, { axis }),
];

const scatterAlongAdd: OnnxRule<PrimitiveAttributes["scatter_along_add"]> = (
  model,
  [x, indices, updates],
  { axis },
  [out],
) => {
  const dtype = kernelDType("ScatterElements", x!.dtype);
  const inputs = [model.cast(x!, dtype), indices!, model.cast(updates!, dtype)];
  return [model.cast(model.emit("ScatterElements", inputs, dtype, out!.shape, { axis, reduction: "add" }), out!.dtype)];
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
  return [found, model.cast(i!, "int32")];
};

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

function matmul(
  model: OnnxModel,
  [a, b]: readonly OnnxValue[],
  attributes: PrimitiveAttributes["matmul"],
  out: ValueType,
): OnnxValue {
  const { transposeA, transposeB } = attributes;
  const flags = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
  const float = isFloat(out.dtype);
  if (!transposeA && !transposeB) return emitCast(model, "MatMul", [a!, b!], out);
  if (float && a!.shape.length === 2 && b!.shape.length === 2) return emitCast(model, "Gemm", [a!, b!], out, flags);
  if (float)
    return emitCast(
      model,
      "FusedMatMul",
      [a!, b!],
      out,
      { transA: flags.transA, transB: flags.transB },
      "com.microsoft",
    );
  const flip = (x: OnnxValue): OnnxValue => {
    const axes = Array.from({ length: x.shape.length }, (_, i) => i);
    return transpose(model, x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
  };
  return emitCast(model, "MatMul", [transposeA ? flip(a!) : a!, transposeB ? flip(b!) : b!], out);
}

/** Up to this many elements the numbers are stored; beyond, they are computed. */
const STORED_IOTA = 65_536;

function iota(model: OnnxModel, { shape, axis, dtype }: PrimitiveAttributes["iota"]): OnnxValue {
  const n = shape[axis] ?? 1;
  const target: DType = engineDType(dtype);
  const column = shape.map((_, i) => (i === axis ? n : 1));
  let line: OnnxValue;
  if (n <= STORED_IOTA) {
    const data = allocate(target, n);
    for (let i = 0; i < n; i++) (data as Float32Array)[i] = toElement(target, i) as number;
    line = model.constant(data, column, target);
  } else {
    const bounds = [0, n, 1].map((x) => model.constant(BigInt64Array.of(BigInt(x)), [], "int64"));
    line = reshape(model, model.cast(model.emit("Range", bounds, "int64", [n]), target), column);
  }
  return sizeOf(column) === sizeOf(shape)
    ? reshape(model, line, shape)
    : model.emit("Expand", [line, model.ints(shape)], target, shape);
}

export const structuralRules: { readonly [P in Structural]: OnnxRule<PrimitiveAttributes[P]> } = {
  reduce_sum: reduce("ReduceSum"),
  reduce_mean: mean,
  reduce_max: extreme("ReduceMax", "ArgMax"),
  reduce_min: extreme("ReduceMin", "ArgMin"),
  reduce_prod: product,
  reshape: (model, [x], { shape }) => [reshape(model, x!, shape)],
  transpose: (model, [x], { permutation }) => [transpose(model, x!, permutation)],
  broadcast_to: (model, [x], { shape }) => [model.emit("Expand", [x!, model.ints(shape)], x!.dtype, shape)],
  slice,
  pad,
  reverse,
  concat: (model, inputs, { axis }, [out]) => [model.emit("Concat", inputs, inputs[0]!.dtype, out!.shape, { axis })],
  gather,
  scatter_add: scatterAdd,
  gather_along: gatherAlong,
  scatter_along_add: scatterAlongAdd,
  argmax: argReduce("ArgMax"),
  argmin: argReduce("ArgMin"),
  cumsum,
  cumprod,
  top_k: topK,
  softmax: (model, [x], { axis }, [out]) => [emitCast(model, "Softmax", [x!], out!, { axis })],
  log_softmax: logSoftmax,
  matmul: (model, inputs, attributes, [out]) => [matmul(model, inputs, attributes, out!)],
  iota: (model, _, attributes) => [iota(model, attributes)],
};
