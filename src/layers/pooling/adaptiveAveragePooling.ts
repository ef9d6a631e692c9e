/** The mean of each cell of a grid of a stated size. */
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import type { PerAxis } from "../convolutional/window.ts";
import { layerClass } from "../layerClass.ts";
import { type AdaptivePoolingConfig, type AdaptivePoolingOptions, BaseAdaptivePooling } from "./baseAdaptivePooling.ts";

abstract class AdaptiveAveragePooling extends BaseAdaptivePooling {
  override call(inputs: Tensor): Tensor {
    return ops.adaptiveAveragePool(inputs, this.outputSize, { dataFormat: this.dataFormat });
  }
}

/**
 * Brings sequences of any size to one size by the mean of each cell, channel by channel.
 *
 * Shapes: (batch, steps, channels) → (batch, outputSize, channels); channels first likewise.
 *
 * @param outputSize - Steps of the result.
 * @see keras/src/layers/pooling/adaptive_average_pooling1d.py (Keras 3.x)
 */
export class AdaptiveAveragePooling1DBase extends AdaptiveAveragePooling {
  static readonly className: string = "AdaptiveAveragePooling1D";
  static readonly modulePath: string = "keras.layers";

  constructor(outputSize: PerAxis<1> | AdaptivePoolingConfig<1>, options: AdaptivePoolingOptions = {}) {
    super(1, positionalOption<AdaptivePoolingConfig<1>>("AdaptiveAveragePooling1D", "outputSize", outputSize, options));
  }
}

/**
 * Brings images of any size to one size by the mean of each cell, channel by channel.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, outputSize[0], outputSize[1], channels); channels first likewise.
 *
 * @param outputSize - Rows and columns of the result: one integer for both, or one for each.
 * @see keras/src/layers/pooling/adaptive_average_pooling2d.py (Keras 3.x)
 */
export class AdaptiveAveragePooling2DBase extends AdaptiveAveragePooling {
  static readonly className: string = "AdaptiveAveragePooling2D";
  static readonly modulePath: string = "keras.layers";

  constructor(outputSize: PerAxis<2> | AdaptivePoolingConfig<2>, options: AdaptivePoolingOptions = {}) {
    super(2, positionalOption<AdaptivePoolingConfig<2>>("AdaptiveAveragePooling2D", "outputSize", outputSize, options));
  }
}

/**
 * Brings volumes of any size to one size by the mean of each cell, channel by channel.
 *
 * Shapes: (batch, depth, rows, columns, channels) → (batch, …outputSize, channels); channels first likewise.
 *
 * @param outputSize - Size of the result: one integer for all axes, or one for each.
 * @see keras/src/layers/pooling/adaptive_average_pooling3d.py (Keras 3.x)
 */
export class AdaptiveAveragePooling3DBase extends AdaptiveAveragePooling {
  static readonly className: string = "AdaptiveAveragePooling3D";
  static readonly modulePath: string = "keras.layers";

  constructor(outputSize: PerAxis<3> | AdaptivePoolingConfig<3>, options: AdaptivePoolingOptions = {}) {
    super(3, positionalOption<AdaptivePoolingConfig<3>>("AdaptiveAveragePooling3D", "outputSize", outputSize, options));
  }
}

export const AdaptiveAveragePooling1D = layerClass(AdaptiveAveragePooling1DBase);
export type AdaptiveAveragePooling1D = InstanceType<typeof AdaptiveAveragePooling1D>;
export const AdaptiveAveragePooling2D = layerClass(AdaptiveAveragePooling2DBase);
export type AdaptiveAveragePooling2D = InstanceType<typeof AdaptiveAveragePooling2D>;
export const AdaptiveAveragePooling3D = layerClass(AdaptiveAveragePooling3DBase);
export type AdaptiveAveragePooling3D = InstanceType<typeof AdaptiveAveragePooling3D>;
