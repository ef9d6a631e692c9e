/** Proves the table of kernels: a model of one node for every operator and dtype, built and run on the native engine. */
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { allocate, type DType } from "../../../core/dtype.ts";
import { encodeModel } from "../encode.ts";
import { type AttributeValues, OnnxModel, type OnnxValue } from "../model.ts";
import { KERNELS } from "./rule.ts";
import { reshape } from "./shaping.ts";

const DTYPES: readonly DType[] = [
  "float32",
  "float64",
  "float16",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "bool",
];

/** Kernels that exist and are not in the table, because what they compute is wrong: see the notes there. */
const WRONG: Readonly<Record<string, readonly DType[]>> = { Sign: ["float16"] };

interface Setup {
  /** Extra operands after the first, whose shape is (2, 2). */
  readonly operands?: (model: OnnxModel, x: OnnxValue) => (OnnxValue | null)[];
  readonly attributes?: AttributeValues;
  readonly domain?: string;
  /** Dtype of the result, where it is not the operand's. */
  readonly result?: DType;
  readonly results?: number;
  /** Shape that x is given first. @defaultValue (2, 2) */
  readonly given?: readonly number[];
  /** Shape of the results. @defaultValue (2, 2) */
  readonly shape?: readonly number[];
}

const another = (_: OnnxModel, x: OnnxValue): OnnxValue[] => [x];
const SQUARE = [2, 2];
const BINARY: Setup = { operands: another };
const COMPARE: Setup = { operands: another, result: "bool" };
const COLUMN = [2, 1];
const REDUCE: Setup = { shape: COLUMN, operands: (model) => [model.ints([1])], attributes: { keepdims: 1 } };
const indices = (model: OnnxModel, shape: readonly number[]): OnnxValue =>
  model.constant(new BigInt64Array(shape.reduce((n, d) => n * d, 1)), shape, "int64");

/** Two rows as one image of two channels on one spatial axis. */
const IMAGE = [1, 2, 2];
const CONV: Setup = { given: IMAGE, shape: IMAGE, operands: (model, x) => [reshape(model, x, [2, 2, 1])] };
const POOL: Setup = { given: IMAGE, shape: [1, 2, 1], attributes: { kernel_shape: [2] } };

const SETUPS: Readonly<Record<string, Setup>> = {
  Add: BINARY,
  Sub: BINARY,
  Mul: BINARY,
  Div: BINARY,
  Pow: BINARY,
  Max: BINARY,
  Min: BINARY,
  BitwiseAnd: BINARY,
  BitwiseOr: BINARY,
  BitwiseXor: BINARY,
  Gemm: BINARY,
  MatMul: BINARY,
  FusedMatMul: { operands: another, domain: "com.microsoft" },
  BitShift: { operands: another, attributes: { direction: "LEFT" } },
  Less: COMPARE,
  LessOrEqual: COMPARE,
  Greater: COMPARE,
  GreaterOrEqual: COMPARE,
  Equal: COMPARE,
  IsNaN: { result: "bool" },
  IsInf: { result: "bool" },
  ReduceSum: REDUCE,
  ReduceMean: REDUCE,
  ReduceProd: REDUCE,
  ReduceMax: REDUCE,
  ReduceMin: REDUCE,
  ArgMax: { shape: COLUMN, attributes: { axis: 1 }, result: "int64" },
  ArgMin: { shape: COLUMN, attributes: { axis: 1 }, result: "int64" },
  Softmax: { attributes: { axis: 1 } },
  LogSoftmax: { attributes: { axis: 1 } },
  Pad: { shape: [2, 4], operands: (model, x) => [model.ints([0, 1, 0, 1]), model.scalar(1, x.dtype)] },
  Conv: CONV,
  ConvTranspose: CONV,
  MaxPool: POOL,
  AveragePool: POOL,
  MaxUnpool: {
    given: [1, 1, 4],
    shape: [1, 1, 8],
    operands: (model) => [indices(model, [1, 1, 4]), model.ints([1, 1, 8])],
    attributes: { kernel_shape: [2], strides: [2] },
  },
  Resize: {
    shape: [4, 2],
    operands: (model) => [null, model.constant(Float32Array.of(2, 1), [2], "float32")],
    attributes: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
  },
  CumSum: { operands: (model) => [model.constant(Int32Array.of(1), [], "int32")] },
  TopK: {
    shape: COLUMN,
    operands: (model) => [model.ints([1])],
    attributes: { axis: -1, largest: 1, sorted: 1 },
    results: 2,
  },
  ScatterND: { operands: (model, x) => [indices(model, [2, 1]), x], attributes: { reduction: "add" } },
  ScatterElements: { operands: (model, x) => [indices(model, SQUARE), x], attributes: { axis: 1, reduction: "add" } },
};

/** A tensor of ones, which every operator takes. */
function ones(dtype: DType): ort.Tensor {
  const data = allocate(dtype, 4);
  const wide = dtype === "int64" || dtype === "uint64";
  const one = wide ? 1n : dtype === "float16" ? 0x3c00 : 1;
  (data as Float32Array).fill(one as number);
  return new ort.Tensor(dtype as ort.Tensor.Type, data as ort.Tensor.DataType, SQUARE);
}

async function runs(op: string, dtype: DType): Promise<boolean> {
  const { operands, attributes, domain, result = dtype, results = 1, given, shape = SQUARE } = SETUPS[op] ?? {};
  const special: AttributeValues | undefined = op === "Mod" && dtype.startsWith("float") ? { fmod: 1 } : attributes;
  const model = new OnnxModel();
  const fed = { name: "x", dtype, shape: SQUARE };
  const x = given ? reshape(model, fed, given) : fed;
  const c = { name: "c", dtype: "bool" as const, shape: SQUARE };
  const inputs = op === "Where" ? [c, x, x] : op === "Mod" ? [x, x] : [x, ...(operands?.(model, x) ?? [])];
  const outputs = Array.from({ length: results }, (_, i) => ({ dtype: i === 0 ? result : ("int64" as const), shape }));
  const emitted = model.emitAll(op, inputs, outputs, special, domain);
  try {
    const graph = model.graph(op, op === "Where" ? [fed, c] : [fed], [emitted[0]!]);
    const bytes = encodeModel(graph);
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
    await session.run({ x: ones(dtype), ...(op === "Where" && { c: ones("bool") }) }, { logSeverityLevel: 4 });
    await session.release();
    return true;
  } catch {
    return false;
  }
}

describe("the table of kernels", () => {
  it.each(Object.keys(KERNELS))("%s", async (op) => {
    const found: DType[] = [];
    for (const dtype of DTYPES) {
      if (!WRONG[op]?.includes(dtype) && (await runs(op, dtype))) found.push(dtype);
    }
    expect([...KERNELS[op]!].sort()).toEqual(found.sort());
  });
});
