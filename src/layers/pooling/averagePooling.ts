/** The mean of each window. */
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import type { PerAxis, Rank } from "../convolutional/window.ts";
import { layerClass } from "../layerClass.ts";
import { BasePooling, type PoolingOptions, type PoolingWindow } from "./basePooling.ts";

/** Options of {@link AveragePooling1D}. */
export type AveragePooling1DOptions = PoolingOptions<1>;

/** Options of {@link AveragePooling2D}. */
export type AveragePooling2DOptions = PoolingOptions<2>;

/** Options of {@link AveragePooling3D}. */
export type AveragePooling3DOptions = PoolingOptions<3>;

type All<R extends Rank> = PoolingOptions<R> & { poolSize: PerAxis<R> };

abstract class AveragePooling extends BasePooling {
  protected override pool(inputs: Tensor, window: PoolingWindow): Tensor {
    return ops.averagePool(inputs, this.poolSize, window);
  }
}

/**
 * The mean of each window over the steps of sequences, channel by channel.
 *
 * Shapes: (batch, steps, channels) → (batch, newSteps, channels); channels first likewise.
 *
 * @param poolSize - Steps that a window sees.
 * @throws ShapeError when the window is larger than the input.
 * @see keras/src/layers/pooling/average_pooling1d.py (Keras 3.x)
 */
export class AveragePooling1DBase extends AveragePooling {
  static readonly className: string = "AveragePooling1D";
  static readonly modulePath: string = "keras.layers";

  constructor(poolSize: PerAxis<1> | All<1>, options: AveragePooling1DOptions = {}) {
    super(1, positionalOption<All<1>>("AveragePooling1D", "poolSize", poolSize, options));
  }
}

/**
 * The mean of each window over the pixels of images, channel by channel. At the borders of `padding: "same"` only what
 * is inside counts.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, newRows, newColumns, channels); channels first likewise.
 *
 * @param poolSize - Rows and columns that a window sees: one integer for both, or one for each.
 * @throws ShapeError when the window is larger than the input.
 * @example
 * layers.AveragePooling2D(2)(ops.ones([1, 28, 28, 3])).shape; // [1, 14, 14, 3]
 * @see keras/src/layers/pooling/average_pooling2d.py (Keras 3.x)
 */
export class AveragePooling2DBase extends AveragePooling {
  static readonly className: string = "AveragePooling2D";
  static readonly modulePath: string = "keras.layers";

  constructor(poolSize: PerAxis<2> | All<2>, options: AveragePooling2DOptions = {}) {
    super(2, positionalOption<All<2>>("AveragePooling2D", "poolSize", poolSize, options));
  }
}

/**
 * The mean of each window over the cells of volumes, channel by channel.
 *
 * Shapes: (batch, depth, rows, columns, channels) → (batch, newDepth, newRows, newColumns, channels); channels first
 * likewise.
 *
 * @param poolSize - Size of the window: one integer for all axes, or one for each.
 * @throws ShapeError when the window is larger than the input.
 * @see keras/src/layers/pooling/average_pooling3d.py (Keras 3.x)
 */
export class AveragePooling3DBase extends AveragePooling {
  static readonly className: string = "AveragePooling3D";
  static readonly modulePath: string = "keras.layers";

  constructor(poolSize: PerAxis<3> | All<3>, options: AveragePooling3DOptions = {}) {
    super(3, positionalOption<All<3>>("AveragePooling3D", "poolSize", poolSize, options));
  }
}

export const AveragePooling1D = layerClass(AveragePooling1DBase);
export type AveragePooling1D = InstanceType<typeof AveragePooling1D>;
export const AveragePooling2D = layerClass(AveragePooling2DBase);
export type AveragePooling2D = InstanceType<typeof AveragePooling2D>;
export const AveragePooling3D = layerClass(AveragePooling3DBase);
export type AveragePooling3D = InstanceType<typeof AveragePooling3D>;
