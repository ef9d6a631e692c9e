/** Cases of convolutions and pooling, and the geometries on which their gradients are checked too. */
import { poolingRules } from "../../src/backend/reference/pooling.ts";
import type { DType } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { type PrimitiveAttributes as Attributes, TYPE_RULES } from "../../src/ir/primitives.ts";
import type { Convolution, Pooling, WindowPrimitives } from "../../src/ir/windows.ts";
import type { OpFamily } from "../../src/testing/allClose.ts";
import type { Case, CaseTable, Operand } from "./cases.ts";
import { FLOATS } from "./dtypes.ts";

const X = [1, -2, 3, 0.5, -0.25, 7, 0, -6, 5, 2.5, -1, 4, 9];
const W = [0.5, -1, 2, 0.25, 3, -0.75, 1.5];
const DY = [2, -0.5, 1, 3, -1.25];

const of = (shape: readonly number[], numbers: readonly number[]): Operand => ({ shape, numbers });

/** A convolution: the shapes of x and w, and what is not the default. */
export interface ConvGeometry {
  readonly name: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly how: Convolution;
}

function geometry(
  name: string,
  x: readonly number[],
  w: readonly number[],
  options: Partial<Convolution> = {},
): ConvGeometry {
  const all = (value: number) => x.slice(2).map(() => value);
  return { name, x, w, how: { strides: all(1), low: all(0), high: all(0), dilation: all(1), groups: 1, ...options } };
}

/** Small enough to be differentiated by central differences twice. */
export const CONV_GEOMETRIES: readonly ConvGeometry[] = [
  geometry("one axis", [2, 2, 5], [3, 2, 2]),
  geometry("one axis, stride that leaves a rest", [1, 1, 6], [2, 1, 2], { strides: [3], low: [1] }),
  geometry("two axes, padding", [1, 2, 3, 4], [2, 2, 3, 2], { low: [1, 0], high: [1, 1] }),
  geometry("stride, uneven padding", [1, 1, 4, 5], [1, 1, 3, 3], { strides: [2, 2], low: [0, 1], high: [1, 1] }),
  geometry("kernel of one element", [2, 3, 2, 2], [2, 3, 1, 1]),
  geometry("kernel of one element, stride", [1, 2, 3, 4], [2, 2, 1, 1], { strides: [2, 3] }),
  geometry("dilation", [1, 1, 5, 4], [2, 1, 2, 2], { dilation: [3, 2], low: [1, 0] }),
  geometry("dilation with stride", [1, 1, 7], [1, 1, 3], { dilation: [2], strides: [2], low: [1], high: [1] }),
  geometry("groups", [1, 4, 3, 3], [4, 2, 2, 2], { groups: 2 }),
  geometry("depthwise", [2, 2, 4], [4, 1, 3], { groups: 2, low: [1], high: [1] }),
  geometry("depthwise, stride", [1, 2, 4, 3], [2, 1, 2, 2], { groups: 2, strides: [2, 1], high: [0, 1] }),
  geometry("padding wider than the kernel", [1, 1, 3], [1, 1, 2], { low: [3], high: [2] }),
  geometry("three axes", [1, 1, 2, 3, 2], [2, 1, 2, 2, 1], { strides: [1, 2, 1], high: [0, 1, 0] }),
];

/** Shapes at which the lowering takes its other ways. */
const LARGER: readonly ConvGeometry[] = [
  geometry("as an image network's", [4, 8, 12, 10], [16, 8, 3, 3], { low: [1, 1], high: [1, 1] }),
  geometry("as an image network's, stride", [4, 8, 12, 10], [16, 8, 3, 3], { strides: [2, 2], high: [1, 1] }),
  geometry("many channels, few places", [3, 40, 4, 4], [24, 40, 3, 3], { low: [1, 1], high: [1, 1] }),
  geometry("many channels, kernel of one element", [2, 64, 5, 5], [32, 64, 1, 1]),
  geometry("few channels, large kernel", [2, 1, 20, 20], [6, 1, 5, 5]),
  geometry("many depthwise channels", [2, 32, 9, 9], [32, 1, 3, 3], { groups: 32, low: [1, 1], high: [1, 1] }),
  geometry("depthwise with several results", [2, 6, 9, 8], [18, 1, 3, 3], { groups: 6, strides: [2, 2] }),
  geometry("a long line", [2, 3, 200], [5, 3, 7], { low: [6], dilation: [1] }),
  geometry("empty batch", [0, 2, 5], [3, 2, 2]),
];

const outputOf = ({ x, w, how }: ConvGeometry): readonly number[] =>
  TYPE_RULES.conv(
    [
      { shape: x, dtype: "float32" },
      { shape: w, dtype: "float32" },
    ],
    how,
  )[0]!.shape;

export const convOperands = (g: ConvGeometry): Operand[] => [of(g.x, X), of(g.w, W)];
export const inputGradCase = (g: ConvGeometry): [Operand[], Attributes["conv_input_grad"]] => [
  [of(outputOf(g), DY), of(g.w, W)],
  { ...g.how, inputSizes: g.x.slice(2) },
];
export const weightGradCase = (g: ConvGeometry): [Operand[], Attributes["conv_weight_grad"]] => [
  [of(g.x, X), of(outputOf(g), DY)],
  { ...g.how, kernelSizes: g.w.slice(2) },
];

/** The engine has no float64 convolution. */
const dtypesOf = (g: ConvGeometry, i: number): readonly DType[] =>
  i === 0 && CONV_GEOMETRIES.includes(g) ? FLOATS : ["float32"];
const familyOf = (dtype: DType): OpFamily => (dtype === "float64" ? "single" : "contraction");

function spread<A>(
  name: string,
  dtypes: readonly DType[],
  operands: readonly Operand[],
  attributes: A,
  family: (dtype: DType) => OpFamily = familyOf,
): Case<A>[] {
  return dtypes.map((dtype) => ({ name, dtypes: [dtype], operands, attributes, family: family(dtype) }));
}

const convCases = <A>(make: (g: ConvGeometry) => [Operand[], A]): Case<A>[] =>
  [...CONV_GEOMETRIES, ...LARGER].flatMap((g, i) => spread(g.name, dtypesOf(g, i), ...make(g)));

/** A pooling: the shape of x and its windows. */
export interface PoolGeometry {
  readonly name: string;
  readonly x: readonly number[];
  readonly how: Pooling;
}

function pooling(
  name: string,
  x: readonly number[],
  window: readonly number[],
  strides: readonly number[],
  low: readonly number[] = window.map(() => 0),
  high: readonly number[] = low,
): PoolGeometry {
  return { name, x, how: { window, strides, low, high } };
}

export const POOL_GEOMETRIES: readonly PoolGeometry[] = [
  pooling("halves", [1, 2, 4, 4], [2, 2], [2, 2]),
  pooling("halves, a rest", [1, 1, 5, 3], [2, 2], [2, 2]),
  pooling("one axis, thirds", [2, 1, 6], [3], [3]),
  pooling("gaps", [1, 1, 8], [2], [3]),
  pooling("overlap", [1, 2, 5], [3], [1]),
  pooling("overlap, padding", [1, 1, 4, 5], [3, 3], [2, 2], [1, 1]),
  pooling("uneven padding", [1, 1, 3, 4], [2, 3], [1, 2], [0, 1], [1, 1]),
  pooling("no overlap, padding", [1, 1, 5], [2], [2], [0], [1]),
  pooling("no overlap, padding on both sides", [1, 1, 4, 4], [3, 3], [3, 3], [1, 1], [1, 1]),
  pooling("single elements", [1, 2, 3], [1], [2]),
  pooling("no more than the padding", [2, 1, 1], [2], [2], [1], [1]),
  pooling("three axes", [1, 1, 2, 4, 3], [2, 2, 1], [2, 2, 1]),
];

const LARGER_POOLS: readonly PoolGeometry[] = [
  pooling("as an image network's", [3, 8, 12, 10], [2, 2], [2, 2]),
  pooling("as an image network's, overlap", [2, 8, 13, 13], [3, 3], [2, 2], [1, 1]),
  pooling("whole", [2, 3, 7, 6], [7, 6], [1, 1]),
  pooling("empty batch", [0, 2, 4], [2], [2]),
];

/** Distinct numbers of both signs, away from each other; repeated from the front where more are needed. */
export const DISTINCT = [0.7, -1.3, 0.4, 1.9, -0.6, 2.3, -2.1, 1.1, -0.25, 0.9, -1.7, 1.45, 0.15, -2.6, 2.9, -0.95];
/** Many equal maxima, as after a relu. */
const TIES = [0, 0, 1, 0, 2, 2, 0, -1, 0, 0, 0, 3, -1, 3, 3];

const numbersOf = ({ shape, numbers }: Operand): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => numbers[i % numbers.length]!);

/** The maxima of windows, as an operand. */
export function maximaOf(x: Operand, how: Pooling): Operand {
  const [type] = TYPE_RULES.max_pool([{ shape: x.shape, dtype: "float64" }], how);
  const [data] = poolingRules.max_pool([{ ...x, dtype: "float64", data: numbersOf(x) }], how, [type!], () => []);
  return of(type!.shape, data!.length > 0 ? (data as number[]) : [0]);
}

type Numbered = readonly [suffix: string, numbers: readonly number[]];
const BOTH: readonly Numbered[] = [
  ["", X],
  [", ties", TIES],
];

function poolCases<A>(
  numbered: readonly Numbered[],
  family: OpFamily,
  make: (x: Operand, g: PoolGeometry) => [Operand[], A],
): Case<A>[] {
  return [...POOL_GEOMETRIES, ...LARGER_POOLS].flatMap((g, i) =>
    numbered.flatMap(([suffix, numbers]) => {
      const dtypes: readonly DType[] = i === 0 ? FLOATS : ["float32"];
      const [operands, attributes] = make(of(g.x, numbers), g);
      // Sums of the engine's float64 pooling go through float32.
      return spread(`${g.name}${suffix}`, dtypes, operands, attributes, (d) =>
        d === "float64" && family !== "exact" ? "single" : family,
      );
    }),
  );
}

const pooledShape = (g: PoolGeometry): readonly number[] =>
  TYPE_RULES.max_pool([{ shape: g.x, dtype: "float32" }], g.how)[0]!.shape;

export const windowCases: Pick<CaseTable, keyof WindowPrimitives> = {
  conv: convCases((g) => [convOperands(g), g.how]),
  conv_input_grad: convCases(inputGradCase),
  conv_weight_grad: convCases(weightGradCase),
  max_pool: poolCases(BOTH, "exact", (x, g) => [[x], g.how]),
  max_pool_grad: poolCases(BOTH, "reduction", (x, g) => [[x, maximaOf(x, g.how), of(pooledShape(g), DY)], g.how]),
  max_pool_gather: poolCases(BOTH, "exact", (x, g) => [[x, maximaOf(x, g.how), of(g.x, DY)], g.how]),
  sum_pool: poolCases([["", X]], "reduction", (x, g) => [[x], g.how]),
  sum_pool_grad: poolCases([["", X]], "reduction", (_, g) => [
    [of(pooledShape(g), DY)],
    { ...g.how, inputSizes: g.x.slice(2) },
  ]),
};
