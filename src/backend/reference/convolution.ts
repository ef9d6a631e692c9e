/** Definitions of the convolution and of its two gradients: one walk over all products of x and w, told to whoever asks. */
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { ValueType } from "../../ir/value.ts";
import type { Convolution } from "../../ir/windows.ts";
import { indicesOf, offsetOf, type ReferenceRule } from "./rule.ts";

type Shaped = Pick<ValueType, "shape">;

/** Calls `visit` with the positions of x, w and y for every product x · w that is a term of an element of y. */
function eachProduct(
  x: Shaped,
  w: Shaped,
  y: Shaped,
  { strides, low, dilation, groups }: Convolution,
  visit: (x: number, w: number, y: number) => void,
): void {
  const [channels, filters] = [w.shape[1]!, w.shape[0]! / groups];
  const sizes = x.shape.slice(2);
  for (const [n, o, ...place] of indicesOf(y.shape)) {
    const output = offsetOf(y.shape, [n!, o!, ...place]);
    const firstChannel = Math.floor(o! / filters) * channels;
    for (const [c, ...k] of indicesOf(w.shape.slice(1))) {
      const at = place.map((p, i) => p * strides[i]! + k[i]! * dilation[i]! - low[i]!);
      if (at.some((a, i) => a < 0 || a >= sizes[i]!)) continue; // padding
      visit(offsetOf(x.shape, [n!, firstChannel + c!, ...at]), offsetOf(w.shape, [o!, c!, ...k]), output);
    }
  }
}

const zeros = ({ shape }: Shaped): number[] => new Array<number>(shape.reduce((n, d) => n * d, 1)).fill(0);

const conv: ReferenceRule<Attributes["conv"]> = ([x, w], attributes, [y]) => {
  const out = zeros(y!);
  eachProduct(x!, w!, y!, attributes, (i, j, k) => {
    out[k]! += (x!.data[i] as number) * (w!.data[j] as number);
  });
  return [out];
};

const inputGrad: ReferenceRule<Attributes["conv_input_grad"]> = ([dy, w], attributes, [dx]) => {
  const out = zeros(dx!);
  eachProduct(dx!, w!, dy!, attributes, (i, j, k) => {
    out[i]! += (dy!.data[k] as number) * (w!.data[j] as number);
  });
  return [out];
};

const weightGrad: ReferenceRule<Attributes["conv_weight_grad"]> = ([x, dy], attributes, [dw]) => {
  const out = zeros(dw!);
  eachProduct(x!, dw!, dy!, attributes, (i, j, k) => {
    out[j]! += (x!.data[i] as number) * (dy!.data[k] as number);
  });
  return [out];
};

export const convolutionRules = { conv, conv_input_grad: inputGrad, conv_weight_grad: weightGrad };
