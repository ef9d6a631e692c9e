/** Definitions of pooling. */
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { ValueType } from "../../ir/value.ts";
import type { Pooling } from "../../ir/windows.ts";
import { type Element, indicesOf, offsetOf, type ReferenceRule, type ReferenceTensor } from "./rule.ts";

type Shaped = Pick<ValueType, "shape">;

/** For every window, in the order of the result: the positions in x that it covers, row-major, without padding. */
function windows(x: Shaped, y: Shaped, { window, strides, low }: Pooling): number[][] {
  const sizes = x.shape.slice(2);
  return [...indicesOf(y.shape)].map(([n, c, ...place]) => {
    const covered: number[] = [];
    for (const k of indicesOf(window)) {
      const at = place.map((p, i) => p * strides[i]! + k[i]! - low[i]!);
      if (at.every((a, i) => a >= 0 && a < sizes[i]!)) covered.push(offsetOf(x.shape, [n!, c!, ...at]));
    }
    return covered;
  });
}

/** The position of the first maximum of every window. */
const firstMaxima = (x: ReferenceTensor, y: Shaped, how: Pooling): number[] =>
  windows(x, y, how).map((places) => places.reduce((best, i) => (x.data[i]! > x.data[best]! ? i : best)));

const zeros = ({ shape }: Shaped): number[] => new Array<number>(shape.reduce((n, d) => n * d, 1)).fill(0);

const maxPool: ReferenceRule<Attributes["max_pool"]> = ([x], how, [y]) => [
  firstMaxima(x!, y!, how).map((i) => x!.data[i]!),
];

const maxPoolGrad: ReferenceRule<Attributes["max_pool_grad"]> = ([x, y, dy], how) => {
  const out = zeros(x!);
  for (const [window, i] of firstMaxima(x!, y!, how).entries()) out[i]! += dy!.data[window] as number;
  return [out];
};

const maxPoolGather: ReferenceRule<Attributes["max_pool_gather"]> = ([x, y, v], how) => [
  firstMaxima(x!, y!, how).map((i) => v!.data[i]!),
];

const sumPool: ReferenceRule<Attributes["sum_pool"]> = ([x], how, [y]) => [
  windows(x!, y!, how).map((places): Element => places.reduce((sum, i) => sum + (x!.data[i] as number), 0)),
];

const sumPoolGrad: ReferenceRule<Attributes["sum_pool_grad"]> = ([dy], how, [dx]) => {
  const out = zeros(dx!);
  for (const [window, places] of windows(dx!, dy!, how).entries()) {
    for (const i of places) out[i]! += dy!.data[window] as number;
  }
  return [out];
};

export const poolingRules = {
  max_pool: maxPool,
  max_pool_grad: maxPoolGrad,
  max_pool_gather: maxPoolGather,
  sum_pool: sumPool,
  sum_pool_grad: sumPoolGrad,
};
