/** Lowering of primitives that move elements. */
import { allocate, type DType, toElement } from "../../../core/dtype.ts";
import { sizeOf } from "../../../core/shape.ts";
import type { PrimitiveAttributes } from "../../../ir/primitives.ts";
import { engineDType, type OnnxModel, type OnnxValue } from "../model.ts";
import { NATIVE_DOMAIN } from "../nativeKernels.ts";
import { addRows, gatherRows } from "./nativeRows.ts";
import { kernelDType, type OnnxRule } from "./rule.ts";
import { reshape, sliceAxes, transpose } from "./shaping.ts";

const broadcastTo: OnnxRule<PrimitiveAttributes["broadcast_to"]> = (model, [x], { shape }) => {
  const result = model.emit("Expand", [x!, model.ints(shape)], x!.dtype, shape);
  if (model.isZero(x!)) model.zeros.add(result.name);
  return [result];
};

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
  gatherRows(model, x!, indices!, axis, out!) ?? model.emit("Gather", [x!, indices!], x!.dtype, out!.shape, { axis }),
];

/** Adds rows: ScatterND on the axis moved to the front. */
const scatterAdd: OnnxRule<PrimitiveAttributes["scatter_add"]> = (model, [x, indices, updates], { axis }, [out]) => {
  const ours = addRows(model, x!, indices!, updates!, axis, out!);
  if (ours) return [ours];
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

/** Each index leaves its position in the row that it means; a later one of the same row writes over it. */
function lastEqual(model: OnnxModel, indices: OnnxValue, { size }: PrimitiveAttributes["last_equal"]): OnnxValue {
  const { shape, dtype } = indices;
  if (model.kernels && dtype === "int32") {
    return model.emit("LastEqual", [indices], "int32", shape, { size }, NATIVE_DOMAIN);
  }
  const positions = iota(model, { shape, axis: 0, dtype: "int32" });
  const nobody = model.emit("Expand", [model.scalar(0, "int32"), model.ints([size])], "int32", [size]);
  const owners = model.emit("ScatterElements", [nobody, indices, positions], "int32", [size], { axis: 0 });
  return model.emit("Gather", [owners, indices], "int32", shape, { axis: 0 });
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

export const movementRules: {
  readonly [P in
    | "reshape"
    | "transpose"
    | "broadcast_to"
    | "slice"
    | "pad"
    | "reverse"
    | "concat"
    | "gather"
    | "scatter_add"
    | "gather_along"
    | "last_equal"
    | "scatter_along_add"
    | "iota"]: OnnxRule<PrimitiveAttributes[P]>;
} = {
  reshape: (model, [x], { shape }) => [reshape(model, x!, shape)],
  transpose: (model, [x], { permutation }) => [transpose(model, x!, permutation)],
  broadcast_to: broadcastTo,
  slice,
  pad,
  reverse,
  concat: (model, inputs, { axis }, [out]) => [model.emit("Concat", inputs, inputs[0]!.dtype, out!.shape, { axis })],
  gather,
  scatter_add: scatterAdd,
  gather_along: gatherAlong,
  last_equal: (model, [indices], attributes) => [lastEqual(model, indices!, attributes)],
  scatter_along_add: scatterAlongAdd,
  iota: (model, _, attributes) => [iota(model, attributes)],
};
