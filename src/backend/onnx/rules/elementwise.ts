/** Lowering of elementwise primitives. */
import { type DType, isFloat, isInteger, isUnsigned } from "../../../core/dtype.ts";
import type {
  BinaryPrimitives,
  BitwisePrimitives,
  ComparePrimitives,
  LogicalPrimitives,
  PrimitiveAttributes,
  UnaryPrimitives,
} from "../../../ir/primitives.ts";
import { KEY_MULTIPLIER, MIX_MULTIPLIER_1, MIX_MULTIPLIER_2 } from "../../../ir/randomBits.ts";
import type { ValueType } from "../../../ir/value.ts";
import type { OnnxInitializer } from "../encode.ts";
import { engineDType, type OnnxModel, type OnnxValue } from "../model.ts";
import { emitCast, kernelDType, type OnnxRule } from "./rule.ts";

type Elementwise =
  | keyof UnaryPrimitives
  | keyof BinaryPrimitives
  | keyof BitwisePrimitives
  | keyof ComparePrimitives
  | keyof LogicalPrimitives
  | "logical_not"
  | "bitwise_not"
  | "is_nan"
  | "is_inf"
  | "where"
  | "cast"
  | "random_bits";

const direct =
  (op: string): OnnxRule<PrimitiveAttributes["neg"]> =>
  (model, inputs, _, [out]) => [emitCast(model, op, inputs, out!)];

/** Rounding changes nothing on integers. */
const rounding =
  (op: string): OnnxRule<PrimitiveAttributes["floor"]> =>
  (model, [x], _, [out]) => [isFloat(out!.dtype) ? emitCast(model, op, [x!], out!) : x!];

const compare =
  (op: string): OnnxRule<PrimitiveAttributes["less"]> =>
  (model, inputs, _, [out]) => {
    const dtype = kernelDType(op, inputs[0]!.dtype);
    return [
      model.emit(
        op,
        inputs.map((x) => model.cast(x, dtype)),
        "bool",
        out!.shape,
      ),
    ];
  };

const logical =
  (op: string): OnnxRule<PrimitiveAttributes["logical_and"]> =>
  (model, inputs, _, [out]) => [model.emit(op, inputs, "bool", out!.shape)];

const predicate =
  (op: string): OnnxRule<PrimitiveAttributes["is_nan"]> =>
  (model, inputs, _, [out]) => [model.emit(op, inputs, "bool", out!.shape)];

/** Applies operators one after another on values of one dtype. */
function chain(model: OnnxModel, dtype: OnnxValue["dtype"], shape: readonly number[]) {
  return (op: string, ...inputs: OnnxValue[]): OnnxValue => model.emit(op, inputs, dtype, shape);
}

/** Runs a composition in float32 at least, and casts back. */
function inFloat(
  model: OnnxModel,
  x: OnnxValue,
  out: ValueType,
  compose: (
    x: OnnxValue,
    emit: (op: string, ...inputs: OnnxValue[]) => OnnxValue,
    scalar: (n: number) => OnnxValue,
  ) => OnnxValue,
): OnnxValue[] {
  const dtype = x.dtype === "float64" ? "float64" : "float32";
  const wide = model.cast(x, dtype);
  const result = compose(wide, chain(model, dtype, out.shape), (n) => model.scalar(n, dtype));
  return [model.cast(result, out.dtype)];
}

/** log(1 + x) without loss near 0: with u = fl(1 + x), log(u) · x / (u − 1), and x itself where u = 1. Kahan's formula. */
const log1p: OnnxRule<PrimitiveAttributes["log1p"]> = (model, [x], _, [out]) =>
  inFloat(model, x!, out!, (v, emit, scalar) => {
    const u = emit("Add", v, scalar(1));
    const isOne = model.emit("Equal", [u, scalar(1)], "bool", out!.shape);
    const infinite = model.emit("IsInf", [u], "bool", out!.shape);
    const exact = emit("Div", emit("Mul", emit("Log", u), v), emit("Sub", u, scalar(1)));
    const finite = model.emit("Where", [infinite, emit("Log", u), exact], v.dtype, out!.shape);
    return model.emit("Where", [isOne, v, finite], v.dtype, out!.shape);
  });

/** e^x − 1 without loss near 0: tanh(x/2) · (e^x + 1), for moderate x; e^x − 1 elsewhere. */
const expm1: OnnxRule<PrimitiveAttributes["expm1"]> = (model, [x], _, [out]) =>
  inFloat(model, x!, out!, (v, emit, scalar) => {
    const e = emit("Exp", v);
    const near = emit("Mul", emit("Tanh", emit("Mul", v, scalar(0.5))), emit("Add", e, scalar(1)));
    const small = model.emit("Less", [emit("Abs", v), scalar(0.5)], "bool", out!.shape);
    return model.emit("Where", [small, near, emit("Sub", e, scalar(1))], v.dtype, out!.shape);
  });

/** max(x, 0) + log1p(e^−|x|): never overflows. */
const softplus: OnnxRule<PrimitiveAttributes["softplus"]> = (model, [x], _, [out]) =>
  inFloat(model, x!, out!, (v, emit, scalar) => {
    const small = emit("Exp", emit("Neg", emit("Abs", v)));
    const [log] = log1p(model, [small], {}, [{ shape: out!.shape, dtype: v.dtype }]);
    return emit("Add", emit("Relu", v), log ?? scalar(0));
  });

/** Whether a value is a constant without `forbidden` elements, so that no guard against them is needed. */
function surelyNot(x: OnnxValue, forbidden: readonly number[]): boolean {
  if (!("data" in x)) return false;
  return Array.from((x as OnnxInitializer).data as ArrayLike<number | bigint>).every(
    (e) => !forbidden.includes(Number(e)),
  );
}

/**
 * A divisor that the engine survives: 0 is refused by its integer kernels, and −1 traps on the smallest integer.
 * Both become 1; `isZero` and `isMinusOne` say where.
 */
function safeDivisor(model: OnnxModel, b: OnnxValue) {
  const test = (n: number): OnnxValue => model.emit("Equal", [b, model.scalar(n, b.dtype)], "bool", b.shape);
  const isZero = test(0);
  const isMinusOne = isUnsigned(b.dtype) ? null : test(-1);
  const replaced = isMinusOne ? model.emit("Or", [isZero, isMinusOne], "bool", b.shape) : isZero;
  return { divisor: pick(model, replaced, model.scalar(1, b.dtype), b, b.shape), isZero, isMinusOne };
}

/** `Where` in a dtype that its kernel has. */
function pick(model: OnnxModel, c: OnnxValue, a: OnnxValue, b: OnnxValue, shape: readonly number[]): OnnxValue {
  const dtype = kernelDType("Where", a.dtype);
  return model.cast(model.emit("Where", [c, model.cast(a, dtype), model.cast(b, dtype)], dtype, shape), a.dtype);
}

/** Remainder with the sign of the divisor: of integers the kernel's own; by 0 and −1 it is 0. */
const mod: OnnxRule<PrimitiveAttributes["mod"]> = (model, [a, b], _, [out]) => {
  if (isInteger(out!.dtype)) {
    const divisor = surelyNot(b!, [0, -1]) ? b! : safeDivisor(model, b!).divisor;
    return [emitCast(model, "Mod", [a!, divisor], out!)];
  }
  const dtype = engineDType(out!.dtype);
  const rest = model.emit("Mod", [a!, b!], dtype, out!.shape, { fmod: 1 });
  const zero = model.scalar(0, dtype);
  const differs = model.emit("Less", [model.emit("Mul", [rest, b!], dtype, out!.shape), zero], "bool", out!.shape);
  return [model.emit("Where", [differs, model.emit("Add", [rest, b!], dtype, out!.shape), rest], dtype, out!.shape)];
};

/** Integers: the kernel truncates; a quotient by 0 is 0. */
const div: OnnxRule<PrimitiveAttributes["div"]> = (model, [a, b], _, [out]) => {
  if (!isInteger(out!.dtype) || surelyNot(b!, [0, -1])) return [emitCast(model, "Div", [a!, b!], out!)];
  const { divisor, isZero, isMinusOne } = safeDivisor(model, b!);
  let result = emitCast(model, "Div", [a!, divisor], out!);
  if (isMinusOne)
    result = pick(
      model,
      isMinusOne,
      emitCast(model, "Neg", [a!], { dtype: out!.dtype, shape: a!.shape }),
      result,
      out!.shape,
    );
  return [pick(model, isZero, model.scalar(0, out!.dtype), result, out!.shape)];
};

const pow: OnnxRule<PrimitiveAttributes["pow"]> = (model, inputs, _, [out]) => [emitCast(model, "Pow", inputs, out!)];

/** The engine has no Atan2: the angle in the first quadrant, mirrored by the signs of x and y (those of zeros too). */
const atan2: OnnxRule<PrimitiveAttributes["atan2"]> = (model, [y, x], _, [out]) => {
  const dtype = "float32";
  const { shape } = out!;
  const emit = chain(model, dtype, shape);
  const zero = model.scalar(0, dtype);
  const ask = (op: string, ...inputs: OnnxValue[]): OnnxValue => model.emit(op, inputs, "bool", shape);
  const choose = (c: OnnxValue, a: OnnxValue, b: OnnxValue): OnnxValue => model.emit("Where", [c, a, b], dtype, shape);
  const [v, u] = [model.cast(y!, dtype), model.cast(x!, dtype)];
  const isZero = (n: OnnxValue): OnnxValue => model.emit("Equal", [n, zero], "bool", n.shape);
  const isInfinite = (n: OnnxValue): OnnxValue => model.emit("IsInf", [n], "bool", n.shape);
  // 1/−0 is −∞, which is less than 0.
  const isNegative = (n: OnnxValue): OnnxValue => {
    const signed = model.emit("Where", [isZero(n), model.emit("Reciprocal", [n], dtype, n.shape), n], dtype, n.shape);
    return model.emit("Less", [signed, zero], "bool", n.shape);
  };
  const quotient = emit("Div", model.emit("Abs", [v], dtype, v.shape), model.emit("Abs", [u], dtype, u.shape));
  const defined = choose(ask("And", isInfinite(v), isInfinite(u)), model.scalar(1, dtype), quotient);
  const angle = emit("Atan", choose(ask("And", isZero(v), isZero(u)), zero, defined));
  const facing = choose(isNegative(u), emit("Sub", model.scalar(Math.PI, dtype), angle), angle);
  return [model.cast(choose(isNegative(v), emit("Neg", facing), facing), out!.dtype)];
};

const where: OnnxRule<PrimitiveAttributes["where"]> = (model, [c, a, b], _, [out]) => [
  pick(model, c!, a!, b!, out!.shape),
];

/** The integers to which floats saturate; wider ones have bounds that float32 lacks, and saturate as the engine does. */
const NARROW: Partial<Record<DType, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  uint8: [0, 255],
  uint16: [0, 65535],
};

/** To bool is "not zero"; to a narrow integer saturates; everything else is the engine's Cast. */
const cast: OnnxRule<PrimitiveAttributes["cast"]> = (model, [x], { dtype }, [out]) => {
  if (dtype === "bool" && x!.dtype !== "bool") {
    const zero = model.scalar(0, x!.dtype);
    const isZero = model.emit("Equal", [x!, zero], "bool", out!.shape);
    return [model.emit("Not", [isZero], "bool", out!.shape)];
  }
  const bounds = NARROW[dtype];
  if (!bounds || !isFloat(x!.dtype)) return [model.cast(x!, dtype)];
  const wide = model.cast(x!, x!.dtype === "float64" ? "float64" : "float32");
  const [low, high] = bounds.map((n) => model.scalar(n, wide.dtype));
  return [model.cast(model.emit("Clip", [wide, low!, high!], wide.dtype, out!.shape), dtype)];
};

const shift =
  (direction: "LEFT" | "RIGHT"): OnnxRule<PrimitiveAttributes["shift_left"]> =>
  (model, [a, b], _, [out]) => {
    const dtype = kernelDType("BitShift", a!.dtype);
    const result = model.emit("BitShift", [model.cast(a!, dtype), model.cast(b!, dtype)], dtype, out!.shape, {
      direction,
    });
    return [model.cast(result, out!.dtype)];
  };

/** The hash of ir/randomBits.ts, operation by operation on uint32. */
const randomBits: OnnxRule<PrimitiveAttributes["random_bits"]> = (model, [key], { shape }) => {
  const size = shape.reduce((n, d) => n * d, 1);
  const dtype = "uint32" as const;
  const flat = [size];
  const word = (x: number): OnnxValue => model.constant(Uint32Array.of(x >>> 0), [1], dtype);
  const emit = (op: string, a: OnnxValue, b: OnnxValue): OnnxValue => model.emit(op, [a, b], dtype, flat);
  const right = (a: OnnxValue, n: number): OnnxValue =>
    model.emit("BitShift", [a, word(n)], dtype, flat, { direction: "RIGHT" });
  const keyWord = (i: number): OnnxValue =>
    model.emit("Slice", [key!, model.ints([i]), model.ints([i + 1]), model.ints([0]), model.ints([1])], dtype, [1]);
  const mix = (x: OnnxValue): OnnxValue => {
    let h = emit("Mul", emit("BitwiseXor", x, right(x, 16)), word(MIX_MULTIPLIER_1));
    h = emit("Mul", emit("BitwiseXor", h, right(h, 15)), word(MIX_MULTIPLIER_2));
    return emit("BitwiseXor", h, right(h, 16));
  };
  const range = model.emit(
    "Range",
    [0, size, 1].map((n) => model.constant(BigInt64Array.of(BigInt(n)), [], "int64")),
    "int64",
    flat,
  );
  const position =
    size <= 1024
      ? model.constant(
          Uint32Array.from({ length: size }, (_, i) => i),
          flat,
          dtype,
        )
      : model.cast(range, dtype);
  const first = mix(emit("BitwiseXor", position, keyWord(0)));
  const second = model.emit("Mul", [keyWord(1), word(KEY_MULTIPLIER)], dtype, [1]);
  const bits = mix(emit("Add", first, second));
  return [model.emit("Reshape", [bits, model.ints(shape)], dtype, shape)];
};

export const elementwiseRules: { readonly [P in Elementwise]: OnnxRule<PrimitiveAttributes[P]> } = {
  neg: (model, [x], _, [out]) =>
    isUnsigned(out!.dtype)
      ? [model.emit("Sub", [model.scalar(0, out!.dtype), x!], out!.dtype, out!.shape)]
      : [emitCast(model, "Neg", [x!], out!)],
  abs: direct("Abs"),
  sign: direct("Sign"),
  floor: rounding("Floor"),
  ceil: rounding("Ceil"),
  round: rounding("Round"),
  exp: direct("Exp"),
  expm1,
  log: direct("Log"),
  log1p,
  sqrt: direct("Sqrt"),
  reciprocal: direct("Reciprocal"),
  sin: direct("Sin"),
  cos: direct("Cos"),
  tan: direct("Tan"),
  asin: direct("Asin"),
  acos: direct("Acos"),
  atan: direct("Atan"),
  sinh: direct("Sinh"),
  cosh: direct("Cosh"),
  tanh: direct("Tanh"),
  asinh: direct("Asinh"),
  acosh: direct("Acosh"),
  atanh: direct("Atanh"),
  erf: direct("Erf"),
  sigmoid: direct("Sigmoid"),
  softplus,
  relu: (model, [x], _, [out]) => (isUnsigned(out!.dtype) ? [x!] : [emitCast(model, "Relu", [x!], out!)]),
  stop_gradient: (_, [x]) => [x!],
  add: direct("Add"),
  sub: direct("Sub"),
  mul: direct("Mul"),
  div,
  mod,
  pow,
  max: direct("Max"),
  min: direct("Min"),
  atan2,
  bitwise_and: (model, inputs, _, [out]) => [bitwise(model, "BitwiseAnd", "And", inputs, out!)],
  bitwise_or: (model, inputs, _, [out]) => [bitwise(model, "BitwiseOr", "Or", inputs, out!)],
  bitwise_xor: (model, inputs, _, [out]) => [bitwise(model, "BitwiseXor", "Xor", inputs, out!)],
  shift_left: shift("LEFT"),
  shift_right: shift("RIGHT"),
  equal: compare("Equal"),
  less: compare("Less"),
  less_equal: compare("LessOrEqual"),
  greater: compare("Greater"),
  greater_equal: compare("GreaterOrEqual"),
  logical_and: logical("And"),
  logical_or: logical("Or"),
  logical_xor: logical("Xor"),
  logical_not: logical("Not"),
  bitwise_not: (model, inputs, _, [out]) => [bitwise(model, "BitwiseNot", "Not", inputs, out!)],
  is_nan: predicate("IsNaN"),
  is_inf: predicate("IsInf"),
  where,
  cast,
  random_bits: randomBits,
};

function bitwise(
  model: OnnxModel,
  op: string,
  onBools: string,
  inputs: readonly OnnxValue[],
  out: ValueType,
): OnnxValue {
  return model.emit(out.dtype === "bool" ? onBools : op, inputs, out.dtype, out.shape);
}
