/** Transposed convolutions: shapes go the other way than in a convolution with the same options. */
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { placeOf } from "../errorTrail.ts";
import { layerClass } from "../layerClass.ts";
import { checkPerAxis } from "../reshaping/sides.ts";
import { filtersAndKernel } from "./baseConv.ts";
import { FilterConv, type FilterConvConfig, type FilterConvOptions } from "./filterConv.ts";
import type { PerAxis, Rank } from "./window.ts";

/** Options of transposed convolutions. */
export interface ConvTransposeOptions<R extends Rank> extends FilterConvOptions<R> {
  /** Elements added at the end of each axis, fewer than its stride. @defaultValue `null`: what `padding` makes natural */
  outputPadding?: PerAxis<R> | null;
}

export type Conv1DTransposeOptions = ConvTransposeOptions<1>;
export type Conv2DTransposeOptions = ConvTransposeOptions<2>;
export type Conv3DTransposeOptions = ConvTransposeOptions<3>;

type All<O, R extends Rank> = O & { filters: number; kernelSize: PerAxis<R> };

/** A transposed convolution over `rank` axes. */
abstract class ConvTranspose extends FilterConv {
  static override readonly configKeys: Readonly<Record<string, string>> = { outputPadding: "output_padding" };

  readonly outputPadding: readonly number[] | null;

  constructor(rank: Rank, options: FilterConvConfig & { outputPadding?: unknown }) {
    const { outputPadding = null, ...base } = options;
    super(rank, base);
    this.outputPadding = outputPadding === null ? null : checkPerAxis(this, "outputPadding", outputPadding, rank, 0);
    if (this.outputPadding?.some((n, i) => n >= this.strides[i]!)) {
      throw new RangeError(
        `${placeOf(this)}: \`outputPadding\` must be smaller than \`strides\` on every axis. Received: ` +
          `outputPadding=${formatShape(this.outputPadding)}, strides=${formatShape(this.strides)}`,
      );
    }
  }

  override build(inputShape: Shape): void {
    const channels = this.fixChannels(inputShape);
    this.kernel = this.addKernel("kernel", [...this.kernelSize, this.filters, channels], this.kernelSettings());
    this.addBias(this.filters);
  }

  override call(inputs: Tensor): Tensor {
    const { outputPadding } = this;
    return this.finish(ops.convTranspose(inputs, this.kernel!, { ...this.window(), outputPadding }));
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      filters: this.filters,
      ...this.windowConfig(),
      output_padding: this.outputPadding,
      ...this.gridConfig(),
      ...this.weightConfig({ kernel: this.kernelSettings() }),
    };
  }
}

/**
 * Transposed convolution over the steps of a sequence: the gradient of {@link Conv1D} as a layer, to make sequences
 * longer.
 *
 * Shapes: (batch, steps, channels) → (batch, newSteps, filters), where `padding: "same"` makes newSteps = steps ·
 * strides.
 * Weights: `kernel` (kernelSize, filters, channels), `bias` (filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Steps of the output that one step of the input reaches.
 * @throws RangeError when `outputPadding` is not smaller than `strides`, or strides and dilation are both larger than 1.
 * @see keras/src/layers/convolutional/conv1d_transpose.py (Keras 3.x)
 */
export class Conv1DTransposeBase extends ConvTranspose {
  static readonly className: string = "Conv1DTranspose";
  static readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<Conv1DTransposeOptions, 1>,
    kernelSize?: PerAxis<1> | (Conv1DTransposeOptions & { kernelSize: PerAxis<1> }),
    options: Conv1DTransposeOptions = {},
  ) {
    super(1, filtersAndKernel<All<Conv1DTransposeOptions, 1>>("Conv1DTranspose", filters, kernelSize, options));
  }
}

/**
 * Transposed convolution over images: the gradient of {@link Conv2D} as a layer, to make images larger.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, newRows, newColumns, filters); channels first likewise.
 * Weights: `kernel` (kernelSize[0], kernelSize[1], filters, channels), `bias` (filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Rows and columns of the output that one pixel reaches: one integer for both, or one for each.
 * @throws RangeError when `outputPadding` is not smaller than `strides`, or strides and dilation are both larger than 1.
 * @example
 * layers.Conv2DTranspose(8, 3, { strides: 2, padding: "same" })(ops.ones([1, 7, 7, 16])).shape; // [1, 14, 14, 8]
 * @see keras/src/layers/convolutional/conv2d_transpose.py (Keras 3.x)
 */
export class Conv2DTransposeBase extends ConvTranspose {
  static readonly className: string = "Conv2DTranspose";
  static readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<Conv2DTransposeOptions, 2>,
    kernelSize?: PerAxis<2> | (Conv2DTransposeOptions & { kernelSize: PerAxis<2> }),
    options: Conv2DTransposeOptions = {},
  ) {
    super(2, filtersAndKernel<All<Conv2DTransposeOptions, 2>>("Conv2DTranspose", filters, kernelSize, options));
  }
}

/**
 * Transposed convolution over volumes, as {@link Conv2DTranspose} over three axes.
 *
 * Weights: `kernel` (…kernelSize, filters, channels), `bias` (filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Size of the window: one integer for all axes, or one for each.
 * @throws RangeError as {@link Conv2DTranspose}.
 * @see keras/src/layers/convolutional/conv3d_transpose.py (Keras 3.x)
 */
export class Conv3DTransposeBase extends ConvTranspose {
  static readonly className: string = "Conv3DTranspose";
  static readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<Conv3DTransposeOptions, 3>,
    kernelSize?: PerAxis<3> | (Conv3DTransposeOptions & { kernelSize: PerAxis<3> }),
    options: Conv3DTransposeOptions = {},
  ) {
    super(3, filtersAndKernel<All<Conv3DTransposeOptions, 3>>("Conv3DTranspose", filters, kernelSize, options));
  }
}

export const Conv1DTranspose = layerClass(Conv1DTransposeBase);
export type Conv1DTranspose = InstanceType<typeof Conv1DTranspose>;
export const Conv2DTranspose = layerClass(Conv2DTransposeBase);
export type Conv2DTranspose = InstanceType<typeof Conv2DTranspose>;
export const Conv3DTranspose = layerClass(Conv3DTransposeBase);
export type Conv3DTranspose = InstanceType<typeof Conv3DTranspose>;
