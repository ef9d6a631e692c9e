/** Convolutions in two steps: each channel by itself, then all channels of each place. */
import * as constraints from "../../constraints/index.ts";
import type { Shape } from "../../core/shape.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { checkPositiveInteger } from "../checks.ts";
import { layerClass } from "../layerClass.ts";
import { type BaseConvConfig, filtersAndKernel, type WeightSettings } from "./baseConv.ts";
import { Depthwise, type DepthwiseOptions } from "./depthwiseConv.ts";
import type { PerAxis, Rank } from "./window.ts";

/** Options of separable convolutions. */
export interface SeparableConvOptions<R extends Rank> extends DepthwiseOptions<R> {
  /** @defaultValue `"glorot_uniform"` */
  pointwiseInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  pointwiseRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  pointwiseConstraint?: constraints.ConstraintLike | null;
}

export type SeparableConv1DOptions = SeparableConvOptions<1>;
export type SeparableConv2DOptions = SeparableConvOptions<2>;

type All<R extends Rank> = SeparableConvOptions<R> & { filters: number; kernelSize: PerAxis<R> };

/** A separable convolution over `rank` axes. */
abstract class SeparableConv extends Depthwise {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    filters: "filters",
    pointwiseInitializer: "pointwise_initializer",
    pointwiseRegularizer: "pointwise_regularizer",
    pointwiseConstraint: "pointwise_constraint",
  };

  readonly filters: number;
  readonly pointwiseInitializer: initializers.InitializerFunction;
  readonly pointwiseRegularizer: regularizers.RegularizerFunction | null;
  readonly pointwiseConstraint: constraints.ConstraintFunction | null;
  /** (…kernelSize, channels, depthMultiplier); `null` before the layer is built. */
  depthwiseKernel: Variable | null = null;
  /** (1, …, channels · depthMultiplier, filters); `null` before the layer is built. */
  pointwiseKernel: Variable | null = null;

  constructor(rank: Rank, options: BaseConvConfig & SeparableConvOptions<Rank> & { filters: number }) {
    const {
      filters,
      pointwiseInitializer = "glorot_uniform",
      pointwiseRegularizer = null,
      pointwiseConstraint = null,
      ...base
    } = options;
    super(rank, base);
    this.filters = checkPositiveInteger(this, "filters", filters);
    this.pointwiseInitializer = initializers.get(pointwiseInitializer);
    this.pointwiseRegularizer = regularizers.get(pointwiseRegularizer);
    this.pointwiseConstraint = constraints.get(pointwiseConstraint);
  }

  #pointwiseSettings(): WeightSettings {
    const { pointwiseInitializer, pointwiseRegularizer, pointwiseConstraint } = this;
    return { initializer: pointwiseInitializer, regularizer: pointwiseRegularizer, constraint: pointwiseConstraint };
  }

  override build(inputShape: Shape): void {
    const channels = this.fixChannels(inputShape);
    this.checkKernelFits(inputShape);
    const { depthMultiplier, filters, kernelSize } = this;
    const point = kernelSize.map(() => 1);
    const depthwise = [...kernelSize, channels, depthMultiplier];
    const pointwise = [...point, channels * depthMultiplier, filters];
    this.depthwiseKernel = this.addKernel("depthwise_kernel", depthwise, this.depthwiseSettings());
    this.pointwiseKernel = this.addKernel("pointwise_kernel", pointwise, this.#pointwiseSettings());
    this.addBias(filters);
  }

  override call(inputs: Tensor): Tensor {
    this.checkKernelFits(declaredShape(inputs.shape));
    return this.finish(ops.separableConv(inputs, this.depthwiseKernel!, this.pointwiseKernel!, this.window()));
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      depth_multiplier: this.depthMultiplier,
      filters: this.filters,
      ...this.windowConfig(),
      ...this.gridConfig(),
      ...this.weightConfig({ depthwise: this.depthwiseSettings(), pointwise: this.#pointwiseSettings() }),
    };
  }
}

/**
 * Convolution of sequences with fewer weights than {@link Conv1D}: {@link DepthwiseConv1D}, then a kernel of size 1 that
 * mixes the channels.
 *
 * Shapes: (batch, steps, channels) → (batch, newSteps, filters); channels first likewise.
 * Weights: `depthwise_kernel` (kernelSize, channels, depthMultiplier), `pointwise_kernel` (1, channels · depthMultiplier,
 * filters), `bias` (filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Steps that a window sees.
 * @throws ShapeError when the kernel is larger than the input.
 * @see keras/src/layers/convolutional/separable_conv1d.py (Keras 3.x)
 */
export class SeparableConv1DBase extends SeparableConv {
  static readonly className: string = "SeparableConv1D";
  static readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<1>,
    kernelSize?: PerAxis<1> | (SeparableConv1DOptions & { kernelSize: PerAxis<1> }),
    options: SeparableConv1DOptions = {},
  ) {
    super(1, filtersAndKernel<All<1>>("SeparableConv1D", filters, kernelSize, options));
  }
}

/**
 * Convolution of images with fewer weights than {@link Conv2D}: {@link DepthwiseConv2D}, then a kernel of size 1 that
 * mixes
 * the channels.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, newRows, newColumns, filters); channels first likewise.
 * Weights: `depthwise_kernel` (…kernelSize, channels, depthMultiplier), `pointwise_kernel` (1, 1, channels ·
 * depthMultiplier, filters), `bias` (filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Rows and columns that a window sees: one integer for both, or one for each.
 * @throws ShapeError when the kernel is larger than the input.
 * @see keras/src/layers/convolutional/separable_conv2d.py (Keras 3.x)
 */
export class SeparableConv2DBase extends SeparableConv {
  static readonly className: string = "SeparableConv2D";
  static readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<2>,
    kernelSize?: PerAxis<2> | (SeparableConv2DOptions & { kernelSize: PerAxis<2> }),
    options: SeparableConv2DOptions = {},
  ) {
    super(2, filtersAndKernel<All<2>>("SeparableConv2D", filters, kernelSize, options));
  }
}

export const SeparableConv1D = layerClass(SeparableConv1DBase);
export type SeparableConv1D = InstanceType<typeof SeparableConv1D>;
export const SeparableConv2D = layerClass(SeparableConv2DBase);
export type SeparableConv2D = InstanceType<typeof SeparableConv2D>;
