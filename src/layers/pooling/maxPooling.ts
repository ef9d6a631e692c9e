/** The largest element of each window. */
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import type { PerAxis } from "../convolutional/window.ts";
import { layerClass } from "../layerClass.ts";
import { BasePooling, type PoolingOptions, type PoolingWindow } from "./basePooling.ts";

/** Options of {@link MaxPooling1D}. */
export interface MaxPooling1DOptions extends PoolingOptions<1> {
  /** Steps that a window sees. @defaultValue `2` */
  poolSize?: PerAxis<1>;
}

/** Options of {@link MaxPooling2D}. */
export interface MaxPooling2DOptions extends PoolingOptions<2> {
  /** Rows and columns that a window sees: one integer for both, or one for each. @defaultValue `2` */
  poolSize?: PerAxis<2>;
}

/** Options of {@link MaxPooling3D}. */
export interface MaxPooling3DOptions extends PoolingOptions<3> {
  /** Size of the window: one integer for all axes, or one for each. @defaultValue `2` */
  poolSize?: PerAxis<3>;
}

abstract class MaxPooling extends BasePooling {
  protected override pool(inputs: Tensor, window: PoolingWindow): Tensor {
    return ops.maxPool(inputs, this.poolSize, window);
  }
}

/**
 * The largest element of each window over the steps of sequences, channel by channel.
 *
 * Shapes: (batch, steps, channels) → (batch, newSteps, channels); channels first likewise.
 *
 * @param poolSize - Steps that a window sees. @defaultValue `2`
 * @throws ShapeError when the window is larger than the input.
 * @see keras/src/layers/pooling/max_pooling1d.py (Keras 3.x)
 */
export class MaxPooling1DBase extends MaxPooling {
  static readonly className: string = "MaxPooling1D";
  static readonly modulePath: string = "keras.layers";

  constructor(poolSize: PerAxis<1> | MaxPooling1DOptions = {}, options: MaxPooling1DOptions = {}) {
    super(1, { poolSize: 2, ...positionalOption<MaxPooling1DOptions>("MaxPooling1D", "poolSize", poolSize, options) });
  }
}

/**
 * The largest element of each window over the pixels of images, channel by channel.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, newRows, newColumns, channels); channels first likewise.
 *
 * @param poolSize - Rows and columns that a window sees: one integer for both, or one for each. @defaultValue `2`
 * @throws ShapeError when the window is larger than the input.
 * @example
 * layers.MaxPooling2D(2)(ops.ones([1, 28, 28, 3])).shape; // [1, 14, 14, 3]
 * @see keras/src/layers/pooling/max_pooling2d.py (Keras 3.x)
 */
export class MaxPooling2DBase extends MaxPooling {
  static readonly className: string = "MaxPooling2D";
  static readonly modulePath: string = "keras.layers";

  constructor(poolSize: PerAxis<2> | MaxPooling2DOptions = {}, options: MaxPooling2DOptions = {}) {
    super(2, { poolSize: 2, ...positionalOption<MaxPooling2DOptions>("MaxPooling2D", "poolSize", poolSize, options) });
  }
}

/**
 * The largest element of each window over the cells of volumes, channel by channel.
 *
 * Shapes: (batch, depth, rows, columns, channels) → (batch, newDepth, newRows, newColumns, channels); channels first
 * likewise.
 *
 * @param poolSize - Size of the window: one integer for all axes, or one for each. @defaultValue `2`
 * @throws ShapeError when the window is larger than the input.
 * @see keras/src/layers/pooling/max_pooling3d.py (Keras 3.x)
 */
export class MaxPooling3DBase extends MaxPooling {
  static readonly className: string = "MaxPooling3D";
  static readonly modulePath: string = "keras.layers";

  constructor(poolSize: PerAxis<3> | MaxPooling3DOptions = {}, options: MaxPooling3DOptions = {}) {
    super(3, { poolSize: 2, ...positionalOption<MaxPooling3DOptions>("MaxPooling3D", "poolSize", poolSize, options) });
  }
}

export const MaxPooling1D = layerClass(MaxPooling1DBase);
export type MaxPooling1D = InstanceType<typeof MaxPooling1D>;
export const MaxPooling2D = layerClass(MaxPooling2DBase);
export type MaxPooling2D = InstanceType<typeof MaxPooling2D>;
export const MaxPooling3D = layerClass(MaxPooling3DBase);
export type MaxPooling3D = InstanceType<typeof MaxPooling3D>;
