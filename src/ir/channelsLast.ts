/**
 * Convolutions and pools of channels-last arrays (batch, one or two spatial axes, then channels) by kernels in Keras's order.
 * A pass makes them of the primitives in `windows.ts` for backends whose kernels work so, when gradients are taken already.
 * Each is one of those between transposes: attributes and meaning are theirs.
 */
import { ShapeError } from "../core/errors.ts";
import { formatShape, type StaticShape } from "../core/shape.ts";
import type { TypeRule } from "./primitives.ts";
import type { ValueType } from "./value.ts";
import { type Convolution, type Pooling, WINDOW_TYPE_RULES } from "./windows.ts";

export interface ChannelsLastPrimitives {
  /** (x [N, …s, C], w […k, C / groups, O]) → [N, …o, O]. */
  conv_last: Convolution;
  /** (dy [N, …o, O], w) → [N, …inputSizes, C]. */
  conv_last_input_grad: Convolution & { readonly inputSizes: readonly number[] };
  /** (x, dy) → […kernelSizes, C / groups, O]. */
  conv_last_weight_grad: Convolution & { readonly kernelSizes: readonly number[] };
  max_pool_last: Pooling;
  /** (x, dy): without the maxima, which are found again. */
  max_pool_last_grad: Pooling;
  sum_pool_last: Pooling;
  sum_pool_last_grad: Pooling & { readonly inputSizes: readonly number[] };
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Orders of axes of arrays and of kernels of a rank: permutations from the one to the other. */
export const toFirst = (rank: number): number[] => [0, rank - 1, ...count(rank - 2).map((i) => i + 1)];
export const toLast = (rank: number): number[] => [0, ...count(rank - 2).map((i) => i + 2), 1];
export const kernelToFirst = (rank: number): number[] => [rank - 1, rank - 2, ...count(rank - 2)];
export const kernelToLast = (rank: number): number[] => [...count(rank - 2).map((i) => i + 2), 1, 0];

type Order = (rank: number) => number[];

/** What one of these is: a primitive on operands in another order. */
export interface ChannelsLastForm<P extends keyof ChannelsLastPrimitives = keyof ChannelsLastPrimitives> {
  readonly last: P;
  readonly first: keyof typeof WINDOW_TYPE_RULES;
  /** Orders that bring operands to what `first` takes, and its result back. */
  readonly operands: readonly Order[];
  readonly result: Order;
}

export const CHANNELS_LAST_FORMS: { readonly [P in keyof ChannelsLastPrimitives]: ChannelsLastForm<P> } = {
  conv_last: { last: "conv_last", first: "conv", operands: [toFirst, kernelToFirst], result: toLast },
  conv_last_input_grad: {
    last: "conv_last_input_grad",
    first: "conv_input_grad",
    operands: [toFirst, kernelToFirst],
    result: toLast,
  },
  conv_last_weight_grad: {
    last: "conv_last_weight_grad",
    first: "conv_weight_grad",
    operands: [toFirst, toFirst],
    result: kernelToLast,
  },
  max_pool_last: { last: "max_pool_last", first: "max_pool", operands: [toFirst], result: toLast },
  max_pool_last_grad: {
    last: "max_pool_last_grad",
    first: "max_pool_grad",
    operands: [toFirst, toFirst],
    result: toLast,
  },
  sum_pool_last: { last: "sum_pool_last", first: "sum_pool", operands: [toFirst], result: toLast },
  sum_pool_last_grad: { last: "sum_pool_last_grad", first: "sum_pool_grad", operands: [toFirst], result: toLast },
};

const permuted = (shape: StaticShape, order: readonly number[]): number[] => order.map((axis) => shape[axis]!);

/** Operands, given in a form's order, as the primitive behind it takes them. */
export const firstTypes = ({ operands, last }: ChannelsLastForm, inputs: readonly ValueType[]): ValueType[] => {
  const types = operands.map((order, i): ValueType => {
    const { shape, dtype } = inputs[i]!;
    return { shape: permuted(shape, order(shape.length)), dtype };
  });
  // The maxima have the type of their gradient.
  return last === "max_pool_last_grad" ? [types[0]!, types[1]!, types[1]!] : types;
};

function typeRule<P extends keyof ChannelsLastPrimitives>(
  form: ChannelsLastForm<P>,
): TypeRule<ChannelsLastPrimitives[P]> {
  return (inputs, attributes) => {
    const unfit = inputs.find(({ shape }) => shape.length < 3 || shape.length > 4);
    if (unfit) {
      throw new ShapeError(
        `${form.last}: expected one or two spatial axes besides batch and channels. Received: shape ${formatShape(unfit.shape)}`,
      );
    }
    const rule = WINDOW_TYPE_RULES[form.first] as TypeRule<unknown>;
    return rule(firstTypes(form, inputs), attributes).map(({ shape, dtype }) => ({
      shape: permuted(shape, form.result(shape.length)),
      dtype,
    }));
  };
}

export const CHANNELS_LAST_TYPE_RULES: {
  readonly [P in keyof ChannelsLastPrimitives]: TypeRule<ChannelsLastPrimitives[P]>;
} = {
  conv_last: typeRule(CHANNELS_LAST_FORMS.conv_last),
  conv_last_input_grad: typeRule(CHANNELS_LAST_FORMS.conv_last_input_grad),
  conv_last_weight_grad: typeRule(CHANNELS_LAST_FORMS.conv_last_weight_grad),
  max_pool_last: typeRule(CHANNELS_LAST_FORMS.max_pool_last),
  max_pool_last_grad: typeRule(CHANNELS_LAST_FORMS.max_pool_last_grad),
  sum_pool_last: typeRule(CHANNELS_LAST_FORMS.sum_pool_last),
  sum_pool_last_grad: typeRule(CHANNELS_LAST_FORMS.sum_pool_last_grad),
};
