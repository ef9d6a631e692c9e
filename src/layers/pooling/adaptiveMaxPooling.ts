/** The largest element of each cell of a grid of a stated size. */
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import type { PerAxis } from "../convolutional/window.ts";
import { layerClass } from "../layerClass.ts";
import { type AdaptivePoolingConfig, type AdaptivePoolingOptions, BaseAdaptivePooling } from "./baseAdaptivePooling.ts";

abstract class AdaptiveMaxPooling extends BaseAdaptivePooling {
  override call(inputs: Tensor): Tensor {
    return ops.adaptiveMaxPool(inputs, this.outputSize, { dataFormat: this.dataFormat });
  }
}

/**
 * Brings sequences of any size to one size by the largest element of each cell, channel by channel.
 *
 * Shapes: (batch, steps, channels) → (batch, outputSize, channels); channels first likewise.
 *
 * @param outputSize - Steps of the result.
 * @see keras/src/layers/pooling/adaptive_max_pooling1d.py (Keras 3.x)
 */
export class AdaptiveMaxPooling1DBase extends AdaptiveMaxPooling {
  static readonly className: string = "AdaptiveMaxPooling1D";
  static readonly modulePath: string = "keras.layers";

  constructor(outputSize: PerAxis<1> | AdaptivePoolingConfig<1>, options: AdaptivePoolingOptions = {}) {
    super(1, positionalOption<AdaptivePoolingConfig<1>>("AdaptiveMaxPooling1D", "outputSize", outputSize, options));
  }
}

/**
 * Brings images of any size to one size by the largest element of each cell, channel by channel.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, outputSize[0], outputSize[1], channels); channels first likewise.
 *
 * @param outputSize - Rows and columns of the result: one integer for both, or one for each.
 * @see keras/src/layers/pooling/adaptive_max_pooling2d.py (Keras 3.x)
 */
export class AdaptiveMaxPooling2DBase extends AdaptiveMaxPooling {
  static readonly className: string = "AdaptiveMaxPooling2D";
  static readonly modulePath: string = "keras.layers";

  constructor(outputSize: PerAxis<2> | AdaptivePoolingConfig<2>, options: AdaptivePoolingOptions = {}) {
    super(2, positionalOption<AdaptivePoolingConfig<2>>("AdaptiveMaxPooling2D", "outputSize", outputSize, options));
  }
}

/**
 * Brings volumes of any size to one size by the largest element of each cell, channel by channel.
 *
 * Shapes: (batch, depth, rows, columns, channels) → (batch, …outputSize, channels); channels first likewise.
 *
 * @param outputSize - Size of the result: one integer for all axes, or one for each.
 * @see keras/src/layers/pooling/adaptive_max_pooling3d.py (Keras 3.x)
 */
export class AdaptiveMaxPooling3DBase extends AdaptiveMaxPooling {
  static readonly className: string = "AdaptiveMaxPooling3D";
  static readonly modulePath: string = "keras.layers";

  constructor(outputSize: PerAxis<3> | AdaptivePoolingConfig<3>, options: AdaptivePoolingOptions = {}) {
    super(3, positionalOption<AdaptivePoolingConfig<3>>("AdaptiveMaxPooling3D", "outputSize", outputSize, options));
  }
}

export const AdaptiveMaxPooling1D = layerClass(AdaptiveMaxPooling1DBase);
export type AdaptiveMaxPooling1D = InstanceType<typeof AdaptiveMaxPooling1D>;
export const AdaptiveMaxPooling2D = layerClass(AdaptiveMaxPooling2DBase);
export type AdaptiveMaxPooling2D = InstanceType<typeof AdaptiveMaxPooling2D>;
export const AdaptiveMaxPooling3D = layerClass(AdaptiveMaxPooling3DBase);
export type AdaptiveMaxPooling3D = InstanceType<typeof AdaptiveMaxPooling3D>;
