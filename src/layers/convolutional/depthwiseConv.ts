/** Convolutions that keep channels apart. */
import * as constraints from "../../constraints/index.ts";
import type { Shape } from "../../core/shape.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { positionalOption } from "../callArguments.ts";
import { checkPositiveInteger } from "../checks.ts";
import { layerClass } from "../layerClass.ts";
import { BaseConv, type BaseConvConfig, type BaseConvOptions, type WeightSettings } from "./baseConv.ts";
import type { PerAxis, Rank } from "./window.ts";

/** Options that depthwise and separable convolutions share. */
export interface DepthwiseOptions<R extends Rank> extends BaseConvOptions<R> {
  /** Filters for each channel. @defaultValue `1` */
  depthMultiplier?: number;
  /** @defaultValue `"glorot_uniform"` */
  depthwiseInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  depthwiseRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  depthwiseConstraint?: constraints.ConstraintLike | null;
}

export type DepthwiseConv1DOptions = DepthwiseOptions<1>;
export type DepthwiseConv2DOptions = DepthwiseOptions<2>;

type All<R extends Rank> = DepthwiseOptions<R> & { kernelSize: PerAxis<R> };

/** A convolution that starts with filters for each channel alone. */
export abstract class Depthwise extends BaseConv {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    depthMultiplier: "depth_multiplier",
    depthwiseInitializer: "depthwise_initializer",
    depthwiseRegularizer: "depthwise_regularizer",
    depthwiseConstraint: "depthwise_constraint",
  };

  readonly depthMultiplier: number;
  readonly depthwiseInitializer: initializers.InitializerFunction;
  readonly depthwiseRegularizer: regularizers.RegularizerFunction | null;
  readonly depthwiseConstraint: constraints.ConstraintFunction | null;

  constructor(rank: Rank, options: BaseConvConfig & DepthwiseOptions<Rank>) {
    const {
      depthMultiplier = 1,
      depthwiseInitializer = "glorot_uniform",
      depthwiseRegularizer = null,
      depthwiseConstraint = null,
      ...base
    } = options;
    super(rank, base);
    this.depthMultiplier = checkPositiveInteger(this, "depthMultiplier", depthMultiplier);
    this.depthwiseInitializer = initializers.get(depthwiseInitializer);
    this.depthwiseRegularizer = regularizers.get(depthwiseRegularizer);
    this.depthwiseConstraint = constraints.get(depthwiseConstraint);
  }

  protected depthwiseSettings(): WeightSettings {
    const { depthwiseInitializer, depthwiseRegularizer, depthwiseConstraint } = this;
    return { initializer: depthwiseInitializer, regularizer: depthwiseRegularizer, constraint: depthwiseConstraint };
  }
}

/** A depthwise convolution over `rank` axes. */
abstract class DepthwiseConv extends Depthwise {
  /** `null` before the layer is built. */
  kernel: Variable | null = null;

  override build(inputShape: Shape): void {
    const channels = this.fixChannels(inputShape);
    this.checkKernelFits(inputShape);
    const shape = [...this.kernelSize, channels, this.depthMultiplier];
    this.kernel = this.addKernel("kernel", shape, this.depthwiseSettings());
    this.addBias(channels * this.depthMultiplier);
  }

  override call(inputs: Tensor): Tensor {
    this.checkKernelFits(declaredShape(inputs.shape));
    return this.finish(ops.depthwiseConv(inputs, this.kernel!, this.window()));
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      depth_multiplier: this.depthMultiplier,
      ...this.windowConfig(),
      ...this.gridConfig(),
      ...this.weightConfig({ depthwise: this.depthwiseSettings() }),
    };
  }
}

/**
 * Convolution of each channel of a sequence by itself, with `depthMultiplier` filters each.
 *
 * Shapes: (batch, steps, channels) → (batch, newSteps, channels · depthMultiplier); channels first likewise.
 * Weights: `kernel` (kernelSize, channels, depthMultiplier), `bias` (channels · depthMultiplier).
 *
 * @param kernelSize - Steps that a window sees.
 * @throws ShapeError when the kernel is larger than the input.
 * @see keras/src/layers/convolutional/depthwise_conv1d.py (Keras 3.x)
 */
export class DepthwiseConv1DBase extends DepthwiseConv {
  static readonly className: string = "DepthwiseConv1D";
  static readonly modulePath: string = "keras.layers";

  constructor(kernelSize: PerAxis<1> | All<1>, options: DepthwiseConv1DOptions = {}) {
    super(1, positionalOption<All<1>>("DepthwiseConv1D", "kernelSize", kernelSize, options));
  }
}

/**
 * Convolution of each channel of images by itself, with `depthMultiplier` filters each. A `Conv2D(filters, 1)` after it
 * mixes the channels; {@link SeparableConv2D} is both.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, newRows, newColumns, channels · depthMultiplier).
 * Weights: `kernel` (kernelSize[0], kernelSize[1], channels, depthMultiplier), `bias` (channels · depthMultiplier).
 *
 * @param kernelSize - Rows and columns that a window sees: one integer for both, or one for each.
 * @throws ShapeError when the kernel is larger than the input.
 * @example
 * layers.DepthwiseConv2D(3, { depthMultiplier: 2 })(ops.ones([1, 8, 8, 4])).shape; // [1, 6, 6, 8]
 * @see keras/src/layers/convolutional/depthwise_conv2d.py (Keras 3.x)
 */
export class DepthwiseConv2DBase extends DepthwiseConv {
  static readonly className: string = "DepthwiseConv2D";
  static readonly modulePath: string = "keras.layers";

  constructor(kernelSize: PerAxis<2> | All<2>, options: DepthwiseConv2DOptions = {}) {
    super(2, positionalOption<All<2>>("DepthwiseConv2D", "kernelSize", kernelSize, options));
  }
}

export const DepthwiseConv1D = layerClass(DepthwiseConv1DBase);
export type DepthwiseConv1D = InstanceType<typeof DepthwiseConv1D>;
export const DepthwiseConv2D = layerClass(DepthwiseConv2DBase);
export type DepthwiseConv2D = InstanceType<typeof DepthwiseConv2D>;
