/** Layers that combine tensors element by element, and the functions of the same names. */
import * as ops from "../../ops/index.ts";
import type { Result } from "../../ops/kerasTensor.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { InputShape, LayerOptions } from "../layer.ts";
import { type Leaf, layerClass } from "../layerClass.ts";
import { MergeBase, type MergeCall, maskLike, shapesOfList, withElementMask } from "./merge.ts";

/** A sum of its inputs. Shapes broadcast. @see keras/src/layers/merging/add.py (Keras 3.x) */
export class AddBase extends MergeBase {
  static readonly className: string = "Add";
  static readonly modulePath: string = "keras.layers";

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => ops.add(a, b));
  }
}

/** The first of two inputs minus the second. @see keras/src/layers/merging/subtract.py (Keras 3.x) */
export class SubtractBase extends MergeBase {
  static readonly className: string = "Subtract";
  static readonly modulePath: string = "keras.layers";

  override build(inputShape: InputShape): void {
    super.build(shapesOfList(inputShape, 2, 2));
  }

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return ops.subtract(inputs[0]!, inputs[1]!);
  }
}

/**
 * The product of its inputs. A masked position counts as 1; what is masked in all inputs is 0.
 *
 * @see keras/src/layers/merging/multiply.py (Keras 3.x)
 */
export class MultiplyBase extends MergeBase {
  static readonly className: string = "Multiply";
  static readonly modulePath: string = "keras.layers";

  protected override merge(inputs: readonly Tensor[]): Tensor {
    const masks = inputs.map(maskLike);
    const factors = inputs.map((x, i) => (masks[i] ? ops.where(masks[i], x, ops.onesLike(x)) : x));
    const product = factors.reduce((a, b) => ops.multiply(a, b));
    if (masks.some((mask) => mask === null)) return product;
    const kept = (masks as Tensor[]).reduce((a, b) => ops.logicalOr(a, b));
    return withElementMask(ops.where(kept, product, ops.zerosLike(product)), kept);
  }
}

/** The mean of its inputs. @see keras/src/layers/merging/average.py (Keras 3.x) */
export class AverageBase extends MergeBase {
  static readonly className: string = "Average";
  static readonly modulePath: string = "keras.layers";

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return ops.divide(
      inputs.reduce((a, b) => ops.add(a, b)),
      inputs.length,
    );
  }
}

/** Where one side is masked, the other side's value is taken as if alone. */
function choose(pick: (a: Tensor, b: Tensor) => Tensor, inputs: readonly Tensor[]): Tensor {
  let output = inputs[0]!;
  let outputMask = maskLike(output);
  for (const x of inputs.slice(1)) {
    const mask = maskLike(x);
    const right = mask ? ops.where(mask, x, output) : x;
    const left = outputMask ? ops.where(outputMask, output, right) : output;
    outputMask = mask && outputMask ? ops.logicalOr(outputMask, mask) : null;
    output = pick(left, right);
  }
  return withElementMask(output, outputMask);
}

/** The largest of its inputs at each position. @see keras/src/layers/merging/maximum.py (Keras 3.x) */
export class MaximumBase extends MergeBase {
  static readonly className: string = "Maximum";
  static readonly modulePath: string = "keras.layers";

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return choose((a, b) => ops.maximum(a, b), inputs);
  }
}

/** The smallest of its inputs at each position. @see keras/src/layers/merging/minimum.py (Keras 3.x) */
export class MinimumBase extends MergeBase {
  static readonly className: string = "Minimum";
  static readonly modulePath: string = "keras.layers";

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return choose((a, b) => ops.minimum(a, b), inputs);
  }
}

export const Add = layerClass<typeof AddBase, MergeCall>(AddBase);
export type Add = InstanceType<typeof Add>;
export const Subtract = layerClass<typeof SubtractBase, MergeCall>(SubtractBase);
export type Subtract = InstanceType<typeof Subtract>;
export const Multiply = layerClass<typeof MultiplyBase, MergeCall>(MultiplyBase);
export type Multiply = InstanceType<typeof Multiply>;
export const Average = layerClass<typeof AverageBase, MergeCall>(AverageBase);
export type Average = InstanceType<typeof Average>;
export const Maximum = layerClass<typeof MaximumBase, MergeCall>(MaximumBase);
export type Maximum = InstanceType<typeof Maximum>;
export const Minimum = layerClass<typeof MinimumBase, MergeCall>(MinimumBase);
export type Minimum = InstanceType<typeof Minimum>;

/** The sum of the inputs, by an {@link Add} layer. */
export const add = <A>(inputs: readonly A[], options?: LayerOptions): Result<Leaf<A>> => Add(options)(inputs);
/** The first input minus the second, by a {@link Subtract} layer. */
export const subtract = <A>(inputs: readonly A[], options?: LayerOptions): Result<Leaf<A>> => Subtract(options)(inputs);
/** The product of the inputs, by a {@link Multiply} layer. */
export const multiply = <A>(inputs: readonly A[], options?: LayerOptions): Result<Leaf<A>> => Multiply(options)(inputs);
/** The mean of the inputs, by an {@link Average} layer. */
export const average = <A>(inputs: readonly A[], options?: LayerOptions): Result<Leaf<A>> => Average(options)(inputs);
/** The largest of the inputs, by a {@link Maximum} layer. */
export const maximum = <A>(inputs: readonly A[], options?: LayerOptions): Result<Leaf<A>> => Maximum(options)(inputs);
/** The smallest of the inputs, by a {@link Minimum} layer. */
export const minimum = <A>(inputs: readonly A[], options?: LayerOptions): Result<Leaf<A>> => Minimum(options)(inputs);
