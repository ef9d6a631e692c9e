/** Convolutions of sequences, images and volumes. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import type * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { checkPositiveInteger } from "../checks.ts";
import { LORA_KEYS, Lora, type LoraOptions } from "../core/lora.ts";
import { placeOf } from "../errorTrail.ts";
import { layerClass } from "../layerClass.ts";
import { filtersAndKernel } from "./baseConv.ts";
import { FilterConv, type FilterConvConfig, type FilterConvOptions } from "./filterConv.ts";
import type { Padding, PerAxis, Rank } from "./window.ts";

/** Options of {@link Conv2D} and {@link Conv3D}. */
export interface ConvOptions<R extends Rank, P extends string = Padding> extends FilterConvOptions<R, P>, LoraOptions {
  /** Parts that the channels are split into, each convolved with its own share of the filters. @defaultValue `1` */
  groups?: number;
}

/** Options of {@link Conv1D}: `"causal"` pads in front only, so that no step sees a later one. */
export type Conv1DOptions = ConvOptions<1, Padding | "causal">;
export type Conv2DOptions = ConvOptions<2>;
export type Conv3DOptions = ConvOptions<3>;

type All<O, R extends Rank> = O & { filters: number; kernelSize: PerAxis<R> };

/** A convolution over `rank` axes. */
abstract class Conv extends FilterConv {
  static override readonly configKeys: Readonly<Record<string, string>> = { groups: "groups", ...LORA_KEYS };

  readonly groups: number;
  /** The low-rank adaptation of the kernel, which itself stays without what that adds. */
  readonly lora: Lora;

  constructor(rank: Rank, options: FilterConvConfig & LoraOptions & { groups?: number }, paddings?: readonly string[]) {
    const { groups = 1, loraRank = null, loraAlpha = null, ...base } = options;
    super(rank, base, paddings);
    this.groups = checkPositiveInteger(this, "groups", groups);
    this.lora = new Lora(this, { loraRank, loraAlpha });
    if (this.filters % groups !== 0) {
      throw new RangeError(
        `${placeOf(this)}: \`filters\` must be divisible by \`groups\`. Received: filters=${this.filters}, groups=${groups}`,
      );
    }
  }

  override build(inputShape: Shape): void {
    const channels = this.fixChannels(inputShape);
    if (channels % this.groups !== 0) {
      throw new ShapeError(
        `the number of channels must be divisible by \`groups\`. Received: groups=${this.groups}, input of shape ` +
          `${formatShape(inputShape)} with ${channels} channels (dataFormat "${this.dataFormat}")`,
      );
    }
    this.checkKernelFits(inputShape);
    const shape = [...this.kernelSize, channels / this.groups, this.filters];
    this.kernel = this.addKernel("kernel", shape, this.kernelSettings());
    this.addBias(this.filters);
    this.lora.addIfStated(this.kernel);
  }

  /**
   * Turns LoRA on: freezes the kernel and trains two thin matrices beside it: from now on the layer computes with
   * kernel + (loraAlpha / rank) · a·b. Compile the model again afterwards.
   *
   * Weights: `lora.a` (…kernelSize, channels / groups, rank), `lora.b` (rank, filters).
   *
   * @param loraAlpha - @defaultValue `rank`
   * @throws Error when the layer is not built, has LoRA already, or has a `kernelConstraint`.
   */
  enableLora(
    rank: number,
    loraAlpha: number | null = null,
    aInitializer: initializers.InitializerLike = "he_uniform",
    bInitializer: initializers.InitializerLike = "zeros",
  ): void {
    this.lora.enable(this.kernel, rank, loraAlpha, aInitializer, bInitializer);
  }

  override call(inputs: Tensor): Tensor {
    this.checkKernelFits(declaredShape(inputs.shape));
    const window = this.window();
    const kernel = this.lora.adapted(this.kernel!);
    if (this.padding !== "causal") return this.finish(ops.conv(inputs, kernel, window));
    const before = this.dilationRate[0]! * (this.kernelSize[0]! - 1);
    const steps = [before, 0];
    const padded = ops.pad(
      inputs,
      this.dataFormat === "channels_first" ? [[0, 0], [0, 0], steps] : [[0, 0], steps, [0, 0]],
    );
    return this.finish(ops.conv(padded, kernel, { ...window, padding: "valid" }));
  }

  override saveOwnVariables(store: VariableStore): void {
    if (this.lora.enabled) this.lora.save(store, this.ownVariables);
    else super.saveOwnVariables(store);
  }

  override loadOwnVariables(store: VariableStore): void {
    if (this.lora.enabled) this.lora.load(store, this.ownVariables);
    else super.loadOwnVariables(store);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      filters: this.filters,
      ...this.windowConfig(),
      ...this.gridConfig(),
      groups: this.groups,
      ...this.weightConfig({ kernel: this.kernelSettings() }),
      ...this.lora.getConfig(),
    };
  }
}

/**
 * Convolution over the steps of a sequence: each filter is a window that moves along, and sees all channels.
 *
 * Shapes: (batch, steps, channels) → (batch, newSteps, filters); channels first likewise.
 * Weights: `kernel` (kernelSize, channels / groups, filters), `bias` (filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Steps that a window sees.
 * @throws RangeError when `strides` and `dilationRate` are both larger than 1, or `groups` does not divide `filters`.
 * @throws ShapeError when the kernel is larger than the input, or `groups` does not divide the channels.
 * @example
 * layers.Conv1D(8, 3, { padding: "causal" })(ops.ones([2, 10, 4])).shape; // [2, 10, 8]
 * @see keras/src/layers/convolutional/conv1d.py (Keras 3.x)
 */
export class Conv1DBase extends Conv {
  static readonly className: string = "Conv1D";
  static readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<Conv1DOptions, 1>,
    kernelSize?: PerAxis<1> | (Conv1DOptions & { kernelSize: PerAxis<1> }),
    options: Conv1DOptions = {},
  ) {
    super(1, filtersAndKernel<All<Conv1DOptions, 1>>("Conv1D", filters, kernelSize, options), [
      "valid",
      "same",
      "causal",
    ]);
  }
}

/**
 * Convolution over images: each filter is a window that moves over rows and columns, and sees all channels.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, newRows, newColumns, filters); channels first likewise.
 * Weights: `kernel` (kernelSize[0], kernelSize[1], channels / groups, filters), `bias` (filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Rows and columns that a window sees: one integer for both, or one for each.
 * @throws RangeError when `strides` and `dilationRate` are both larger than 1, or `groups` does not divide `filters`.
 * @throws ShapeError when the kernel is larger than the input, or `groups` does not divide the channels.
 * @example
 * layers.Conv2D(32, 3, { activation: "relu" })(ops.ones([1, 28, 28, 1])).shape; // [1, 26, 26, 32]
 * @see keras/src/layers/convolutional/conv2d.py (Keras 3.x)
 */
export class Conv2DBase extends Conv {
  static readonly className: string = "Conv2D";
  static readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<Conv2DOptions, 2>,
    kernelSize?: PerAxis<2> | (Conv2DOptions & { kernelSize: PerAxis<2> }),
    options: Conv2DOptions = {},
  ) {
    super(2, filtersAndKernel<All<Conv2DOptions, 2>>("Conv2D", filters, kernelSize, options));
  }
}

/**
 * Convolution over volumes, as {@link Conv2D} over three axes.
 *
 * Weights: `kernel` (…kernelSize, channels / groups, filters), `bias` (filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Size of the window: one integer for all axes, or one for each.
 * @throws RangeError and ShapeError as {@link Conv2D}.
 * @see keras/src/layers/convolutional/conv3d.py (Keras 3.x)
 */
export class Conv3DBase extends Conv {
  static readonly className: string = "Conv3D";
  static readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<Conv3DOptions, 3>,
    kernelSize?: PerAxis<3> | (Conv3DOptions & { kernelSize: PerAxis<3> }),
    options: Conv3DOptions = {},
  ) {
    super(3, filtersAndKernel<All<Conv3DOptions, 3>>("Conv3D", filters, kernelSize, options));
  }
}

export const Conv1D = layerClass(Conv1DBase);
export type Conv1D = InstanceType<typeof Conv1D>;
export const Conv2D = layerClass(Conv2DBase);
export type Conv2D = InstanceType<typeof Conv2D>;
export const Conv3D = layerClass(Conv3DBase);
export type Conv3D = InstanceType<typeof Conv3D>;
