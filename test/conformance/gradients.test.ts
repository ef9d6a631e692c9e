/** Every gradient rule against central differences, and the gradient of the gradient. */
import { describe, expect, it } from "vitest";
import { GRADIENT_RULES } from "../../src/autodiff/gradientRules.ts";
import { gradients } from "../../src/autodiff/gradients.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import type { StaticShape } from "../../src/core/shape.ts";
import * as b from "../../src/ir/build.ts";
import { PRIMITIVES, type Primitive, type PrimitiveAttributes } from "../../src/ir/primitives.ts";
import { makeProgram } from "../../src/ir/program.ts";
import { inputValue, type Value } from "../../src/ir/value.ts";
import { expectAllClose } from "../../src/testing/allClose.ts";
import { gradientFailure } from "../../src/testing/gradCheck.ts";
import { materialize, type Operand } from "./cases.ts";
import { CONDS, SCANS, WHILES } from "./loopCases.ts";
import {
  CONV_GEOMETRIES,
  convOperands,
  DISTINCT,
  inputGradCase,
  maximaOf,
  POOL_GEOMETRIES,
  type PoolGeometry,
  weightGradCase,
} from "./windowCases.ts";

interface GradientCase<Attributes = PrimitiveAttributes[Primitive]> {
  readonly name: string;
  /** Points at which the function is smooth. */
  readonly operands: readonly Operand[];
  readonly attributes: Attributes;
}

/** Both signs, away from 0 and from each other: no kink and no tie within a step. */
const NUMBERS = [0.7, -1.3, 0.4, 1.9, -0.6, 2.3, -2.1, 1.1, -0.25, 0.9, -1.7, 1.45, 0.15];
const OTHERS = [-0.9, 0.6, 1.2, -0.35, 2.6, -1.5, 0.8, -2.4, 1.75, -0.5, 0.3];
const POSITIVE = [0.7, 1.3, 0.4, 1.9, 0.6, 2.3, 2.1];
const INSIDE_ONE = [0.7, -0.3, 0.4, -0.9, 0.1, -0.65];
const ABOVE_ONE = [1.7, 1.3, 2.4, 1.1];
const WITH_ZEROS = [0.7, 0, -1.3, 0.4, 0, 1.9, -0.6];

const of = (shape: StaticShape, numbers: readonly number[] = NUMBERS): Operand => ({ shape, numbers });
const indices = (shape: StaticShape, numbers: readonly number[]): Operand => ({ shape, numbers, dtype: "int32" });
const condition = (shape: StaticShape): Operand => ({ shape, numbers: [1, 0, 0, 1, 1], dtype: "bool" });

const make = <A>(name: string, operands: readonly Operand[], attributes: A): GradientCase<A> => ({
  name,
  operands,
  attributes,
});

type Plain = PrimitiveAttributes["neg"];
const unary = (numbers: readonly number[] = NUMBERS): GradientCase<Plain>[] => [
  make("elements", [of([numbers.length], numbers)], {}),
];
const binary = (a: readonly number[] = NUMBERS, c: readonly number[] = OTHERS): GradientCase<Plain>[] => [
  make("equal shapes", [of([2, 3], a), of([2, 3], c)], {}),
  make("broadcast", [of([2, 1, 3], a), of([4, 1], c)], {}),
  make("scalar", [of([], a), of([3], c)], {}),
];

type Reduce = PrimitiveAttributes["reduce_sum"];
const reduce = (numbers: readonly number[] = NUMBERS): GradientCase<Reduce>[] => [
  make("last axis", [of([2, 5], numbers)], { axes: [1], keepDims: false }),
  make("outer axes, kept", [of([2, 3, 2], numbers)], { axes: [0, 2], keepDims: true }),
  make("all", [of([7], numbers)], { axes: [0], keepDims: false }),
];

const matmul = [
  ["plain", [2, 3], [3, 4]],
  ["batches", [2, 2, 3], [2, 3, 2]],
  ["a batch by one matrix", [2, 2, 3], [3, 2]],
  ["one matrix by a batch", [2, 3], [2, 3, 2]],
  ["batches broadcast", [2, 1, 2, 3], [2, 3, 2]],
] as const satisfies [string, number[], number[]][];

const swapped = (shape: readonly number[], swap: boolean): number[] =>
  swap ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : [...shape];

const matmulCases = matmul.flatMap(([name, a, c]) =>
  [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) =>
      make(
        `${name}${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`,
        [of(swapped(a, transposeA)), of(swapped(c, transposeB), OTHERS)],
        { transposeA, transposeB },
      ),
    ),
  ),
);

/** The maxima are given, not computed: their own gradient is none. */
const pooled = (g: PoolGeometry): Operand => maximaOf(of(g.x, DISTINCT), g.how);

const CASES: { readonly [P in Primitive]?: readonly GradientCase<PrimitiveAttributes[P]>[] } = {
  neg: unary(),
  abs: unary(),
  exp: unary(),
  expm1: unary(),
  log: unary(POSITIVE),
  log1p: unary(POSITIVE),
  sqrt: unary(POSITIVE),
  reciprocal: unary(),
  sin: unary(),
  cos: unary(),
  tan: unary(INSIDE_ONE),
  asin: unary(INSIDE_ONE),
  acos: unary(INSIDE_ONE),
  atan: unary(),
  sinh: unary(),
  cosh: unary(),
  tanh: unary(),
  asinh: unary(),
  acosh: unary(ABOVE_ONE),
  atanh: unary(INSIDE_ONE),
  erf: unary(),
  sigmoid: unary(),
  softplus: unary(),
  relu: unary(),
  add: binary(),
  sub: binary(),
  mul: binary(),
  div: binary(),
  mod: binary([7.3, -5.2, 4.6], [2.5, -1.9, 3.1]),
  pow: binary(POSITIVE, OTHERS),
  max: binary(),
  min: binary(),
  atan2: binary(),
  where: [
    make("equal shapes", [condition([5]), of([5]), of([5], OTHERS)], {}),
    make("broadcast", [condition([2, 1]), of([3]), of([2, 1], OTHERS)], {}),
  ],
  cast: [make("to float64", [of([3])], { dtype: "float64" })],
  reshape: [make("a table", [of([6])], { shape: [2, 3] })],
  transpose: [make("three axes", [of([2, 3, 2])], { permutation: [2, 0, 1] })],
  broadcast_to: [make("new and widened axes", [of([1, 3])], { shape: [2, 4, 3] })],
  slice: [
    make("with strides", [of([5, 4])], { starts: [1, 0], limits: [5, 4], strides: [2, 3] }),
    make("tail cut", [of([5])], { starts: [0], limits: [3], strides: [1] }),
    make("nothing", [of([5])], { starts: [2], limits: [2], strides: [1] }),
  ],
  pad: [
    make("around and between", [of([2, 3])], { low: [1, 0], high: [0, 2], interior: [0, 2], value: 1 }),
    make("between one element", [of([1])], { low: [1], high: [2], interior: [3], value: 1 }),
  ],
  reverse: [make("two axes", [of([2, 3, 2])], { axes: [0, 2] })],
  concat: [make("three", [of([2, 1]), of([2, 3], OTHERS), of([2, 2])], { axis: 1 })],
  gather: [
    make("repeats", [of([4, 2]), indices([3], [3, 0, 3])], { axis: 0 }),
    make("a table, middle axis", [of([2, 3, 2]), indices([2, 2], [2, 0, 1, 1])], { axis: 1 }),
  ],
  scatter_add: [
    make("repeats", [of([4, 2]), indices([3], [3, 0, 3]), of([3, 2], OTHERS)], { axis: 0 }),
    make("last axis", [of([2, 4]), indices([3], [3, 0, 3]), of([2, 3], OTHERS)], { axis: 1 }),
  ],
  gather_along: [make("repeats", [of([2, 3]), indices([2, 2], [2, 2, 0, 1])], { axis: 1 })],
  scatter_along_add: [make("repeats", [of([2, 3]), indices([2, 2], [2, 2, 0, 1]), of([2, 2], OTHERS)], { axis: 1 })],
  top_k: [
    make("largest", [of([2, 5])], { k: 3, largest: true }),
    make("smallest", [of([5])], { k: 2, largest: false }),
  ],
  reduce_sum: reduce(),
  reduce_mean: reduce(),
  reduce_max: reduce(),
  reduce_min: reduce(),
  reduce_prod: [...reduce(), ...reduce(WITH_ZEROS)],
  cumsum: [false, true].flatMap((exclusive) =>
    [false, true].map((reverse) =>
      make(`exclusive ${exclusive}, reverse ${reverse}`, [of([2, 4])], { axis: 1, exclusive, reverse }),
    ),
  ),
  cumprod: [
    make("last axis", [of([2, 4])], { axis: 1 }),
    make("first axis, zeros", [of([4, 2], WITH_ZEROS)], { axis: 0 }),
  ],
  softmax: [make("last axis", [of([2, 4])], { axis: 1 }), make("first axis", [of([3, 2])], { axis: 0 })],
  log_softmax: [make("last axis", [of([2, 4])], { axis: 1 }), make("first axis", [of([3, 2])], { axis: 0 })],
  matmul: matmulCases,
  scan: SCANS.flatMap(({ name, dtype, operands, attributes }) =>
    dtype === "float64" ? [make(name, operands, attributes)] : [],
  ),
  while: WHILES.flatMap(({ name, dtype, operands, attributes }) =>
    dtype === "float64" && attributes.maximumIterations !== null ? [make(name, operands, attributes)] : [],
  ),
  cond: CONDS.flatMap(({ name, dtype, operands, attributes }) =>
    dtype === "float64" ? [make(name, operands, attributes)] : [],
  ),
  conv: CONV_GEOMETRIES.map((g) => make(g.name, convOperands(g), g.how)),
  conv_input_grad: CONV_GEOMETRIES.map((g) => make(g.name, ...inputGradCase(g))),
  conv_weight_grad: CONV_GEOMETRIES.map((g) => make(g.name, ...weightGradCase(g))),
  max_pool: POOL_GEOMETRIES.map((g) => make(g.name, [of(g.x, DISTINCT)], g.how)),
  max_pool_grad: POOL_GEOMETRIES.map((g) =>
    make(g.name, [of(g.x, DISTINCT), pooled(g), of(pooled(g).shape, OTHERS)], g.how),
  ),
  max_pool_gather: POOL_GEOMETRIES.map((g) => make(g.name, [of(g.x, DISTINCT), pooled(g), of(g.x, OTHERS)], g.how)),
  sum_pool: POOL_GEOMETRIES.map((g) => make(g.name, [of(g.x)], g.how)),
  sum_pool_grad: POOL_GEOMETRIES.map((g) =>
    make(g.name, [of(pooled(g).shape, OTHERS)], { ...g.how, inputSizes: g.x.slice(2) }),
  ),
};

describe("gradients", () => {
  it.each(Object.keys(CASES) as Primitive[])("%s", async (op) => {
    for (const { name, operands, attributes } of CASES[op] as readonly GradientCase[]) {
      const failure = await gradientFailure(
        (inputs) => b.emit(op, inputs, attributes),
        operands.map((o) => {
          const dtype = o.dtype ?? "float64";
          return { data: materialize(o, dtype), type: { shape: o.shape, dtype } };
        }),
        { order: 2, label: `${op}, ${name}` },
      );
      expect(failure).toBeNull();
    }
  });

  it.each([-2, -1, 0, 1, 2, 3, 4])("of x to the constant power %s, also for negative x", async (n) => {
    const failure = await gradientFailure(
      ([x]) => [b.binary("pow", x!, b.scalar(n, "float64"))],
      [{ data: Float64Array.of(-1.5, -0.7, 2.2), type: { shape: [3], dtype: "float64" } }],
      { order: 2 },
    );
    expect(failure).toBeNull();
  });

  // Where central differences say nothing: what Keras on JAX gives, worked by hand.
  it.each([
    { name: "relu at 0", f: (x: Value) => b.unary("relu", x), at: [0, -0], slope: [0, 0] },
    { name: "abs at 0", f: (x: Value) => b.unary("abs", x), at: [0], slope: [0] },
    { name: "a tie of max", f: (x: Value) => b.binary("max", x, b.scalar(1, "float64")), at: [1, 2], slope: [0.5, 1] },
    { name: "a tie of min", f: (x: Value) => b.binary("min", x, b.scalar(1, "float64")), at: [1, 2], slope: [0.5, 0] },
    {
      name: "ties of reduce_max",
      f: (x: Value) => b.reduce("reduce_max", x, [0]),
      at: [3, 1, 3],
      slope: [0.5, 0, 0.5],
    },
    { name: "0 squared", f: (x: Value) => b.binary("pow", x, b.scalar(2, "float64")), at: [0], slope: [0] },
    { name: "0 to the power x", f: (x: Value) => b.binary("pow", b.scalar(0, "float64"), x), at: [2], slope: [0] },
    { name: "softplus far out", f: (x: Value) => b.unary("softplus", x), at: [-800, 800], slope: [0, 1] },
    { name: "sigmoid far out", f: (x: Value) => b.unary("sigmoid", x), at: [-800, 800], slope: [0, 0] },
  ])("at $name", async ({ f, at, slope }) => {
    const x = inputValue({ shape: [at.length], dtype: "float64" }, "x");
    const y = f(x);
    const [dx] = gradients([y], [b.full(1, y.shape, "float64")], [x]);
    const backend = await createReferenceBackend();
    const executable = await backend.compile(makeProgram([x], [dx!]));
    const [result] = await executable.run([backend.upload(Float64Array.from(at), x.shape, x.dtype)]);
    expectAllClose(await backend.download(result!), slope, { dtype: "float64" });
  });

  it("have a case for every rule, and a rule for every case", () => {
    for (const op of PRIMITIVES) {
      if (op === "custom_gradient") continue; // it need not be the slope; src/ops/customGradient.test.ts
      expect(CASES[op] !== undefined, `${op}: a gradient case`).toBe(GRADIENT_RULES[op] !== null);
    }
  });
});
