/** What all convolutions share: a window that moves over the spatial axes, a bias per filter, an activation. */
import * as activations from "../../activations/index.ts";
import * as constraints from "../../constraints/index.ts";
import type { DataFormat } from "../../core/config.ts";
import { ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { positionalOption } from "../callArguments.ts";
import { checkBoolean } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { checkPerAxis } from "../reshaping/sides.ts";
import {
  channelAxis,
  checkDataFormat,
  checkFits,
  checkPadding,
  type Padding,
  type PerAxis,
  type Rank,
} from "./window.ts";

/** Options that convolutions share. */
export interface BaseConvOptions<R extends Rank, P extends string = Padding> extends LayerOptions {
  /** Steps of the window, per axis. Larger than 1 only without dilation. @defaultValue `1` */
  strides?: PerAxis<R>;
  /** @defaultValue `"valid"` */
  padding?: P;
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
  /** Distance between the inputs that one window sees, per axis. @defaultValue `1` */
  dilationRate?: PerAxis<R>;
  /** Applied to the result. @defaultValue `null` (linear) */
  activation?: activations.ActivationLike | null;
  /** Adds a trained offset per channel of the output. @defaultValue `true` */
  useBias?: boolean;
  /** @defaultValue `"zeros"` */
  biasInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  biasRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  biasConstraint?: constraints.ConstraintLike | null;
}

/** What the base takes: the window's size has become an option, and dimensions are checked at run time. */
export type BaseConvConfig = BaseConvOptions<Rank, string> & { kernelSize: unknown };

/** Options of one weight, as objects. */
export interface WeightSettings {
  readonly initializer: initializers.InitializerFunction;
  readonly regularizer: regularizers.RegularizerFunction | null;
  readonly constraint: constraints.ConstraintFunction | null;
}

/** `Conv2D(filters, kernelSize, options)` in any of its forms: later arguments may come as options. */
export function filtersAndKernel<O extends { filters: number; kernelSize: unknown }>(
  where: string,
  filters: unknown,
  kernelSize: unknown,
  options: object,
): O {
  return positionalOption<O>(where, "filters", filters, positionalOption<O>(where, "kernelSize", kernelSize, options));
}

/** A convolution over one, two or three axes. */
export abstract class BaseConv extends LayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    kernelSize: "kernel_size",
    strides: "strides",
    padding: "padding",
    dataFormat: "data_format",
    dilationRate: "dilation_rate",
    activation: "activation",
    useBias: "use_bias",
    biasInitializer: "bias_initializer",
    biasRegularizer: "bias_regularizer",
    biasConstraint: "bias_constraint",
  };

  /** Number of spatial axes. */
  readonly rank: Rank;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: string;
  readonly dataFormat: DataFormat;
  readonly dilationRate: readonly number[];
  readonly activation: activations.ActivationFunction;
  readonly useBias: boolean;
  readonly biasInitializer: initializers.InitializerFunction;
  readonly biasRegularizer: regularizers.RegularizerFunction | null;
  readonly biasConstraint: constraints.ConstraintFunction | null;
  /** One element per channel of the output; `null` before the layer is built, or without bias. */
  bias: Variable | null = null;

  constructor(rank: Rank, options: BaseConvConfig, paddings: readonly string[] = ["valid", "same"]) {
    const {
      kernelSize,
      strides = 1,
      padding = "valid",
      dataFormat = null,
      dilationRate = 1,
      activation = null,
      useBias = true,
      biasInitializer = "zeros",
      biasRegularizer = null,
      biasConstraint = null,
      ...base
    } = options;
    super(base);
    this.rank = rank;
    this.kernelSize = checkPerAxis(this, "kernelSize", kernelSize, rank, 1);
    this.strides = checkPerAxis(this, "strides", strides, rank, 1);
    this.padding = checkPadding(this, padding, paddings);
    this.dataFormat = checkDataFormat(this, dataFormat);
    this.dilationRate = checkPerAxis(this, "dilationRate", dilationRate, rank, 1);
    this.activation = activations.get(activation);
    this.useBias = checkBoolean(this, "useBias", useBias);
    this.biasInitializer = initializers.get(biasInitializer);
    this.biasRegularizer = regularizers.get(biasRegularizer);
    this.biasConstraint = constraints.get(biasConstraint);
    this.inputSpec = new InputSpec({ ndim: rank + 2 });
  }

  /** For constructors of layers that cannot do both at once. */
  protected checkStridesOrDilation(): void {
    if (Math.max(...this.strides) === 1 || Math.max(...this.dilationRate) === 1) return;
    throw new RangeError(
      `${placeOf(this)}: \`strides\` and \`dilationRate\` cannot both be larger than 1. Received: ` +
        `strides=${formatShape(this.strides)}, dilationRate=${formatShape(this.dilationRate)}; leave one of them out`,
    );
  }

  /** Remembers and returns the number of channels, which must be known. */
  protected fixChannels(inputShape: Shape): number {
    const axis = channelAxis(this.dataFormat);
    const channels = inputShape.at(axis) ?? null;
    if (channels === null) {
      throw new ShapeError(
        `the number of channels, axis ${axis} for dataFormat "${this.dataFormat}", must be known. Received: input of shape ` +
          `${formatShape(inputShape)}; state it in \`Input({ shape })\``,
      );
    }
    this.inputSpec = new InputSpec({ ndim: this.rank + 2, axes: { [axis]: channels } });
    return channels;
  }

  /** @throws ShapeError when the kernel has no place in an input of this shape. */
  protected checkKernelFits(inputShape: Shape): void {
    if (this.padding !== "valid") return;
    checkFits("kernel", this.kernelSize, this.dilationRate, this.dataFormat, inputShape);
  }

  protected addKernel(name: string, shape: readonly number[], settings: WeightSettings): Variable {
    return this.addWeight({ name, shape, ...settings });
  }

  protected addBias(channels: number): void {
    if (this.useBias) this.bias = this.addKernel("bias", [channels], this.#biasSettings());
  }

  /** Options of the convolution itself, for ops. */
  protected window() {
    const { strides, dataFormat, dilationRate } = this;
    return { strides, dataFormat, dilationRate, padding: this.padding as Padding };
  }

  /** Bias and activation. */
  protected finish(outputs: Tensor): Tensor {
    if (!this.bias) return this.activation(outputs);
    const { dataFormat, rank, bias } = this;
    const ones = new Array<number>(rank).fill(1);
    const aligned = dataFormat === "channels_first" ? ops.reshape(bias.value, [1, bias.size, ...ones]) : bias;
    return this.activation(ops.add(outputs, aligned));
  }

  #biasSettings(): WeightSettings {
    return { initializer: this.biasInitializer, regularizer: this.biasRegularizer, constraint: this.biasConstraint };
  }

  /** The part of the config that comes before `output_padding`, where there is one. */
  protected windowConfig(): Config {
    return { kernel_size: this.kernelSize, strides: this.strides, padding: this.padding };
  }

  /** The part of the config that comes before `groups`, where there are some. */
  protected gridConfig(): Config {
    return { data_format: this.dataFormat, dilation_rate: this.dilationRate };
  }

  /** The rest of the config. @param kernels - Settings by name of the option, without bias. */
  protected weightConfig(kernels: Readonly<Record<string, WeightSettings>>): Config {
    const weights = Object.entries({ ...kernels, bias: this.#biasSettings() });
    const each = (what: string, value: (settings: WeightSettings) => unknown): Config =>
      Object.fromEntries(weights.map(([name, settings]) => [`${name}_${what}`, value(settings)]));
    return {
      activation: activations.serialize(this.activation),
      use_bias: this.useBias,
      ...each("initializer", ({ initializer }) => initializers.serialize(initializer)),
      ...each("regularizer", ({ regularizer }) => regularizer && regularizers.serialize(regularizer)),
      activity_regularizer: this.activityRegularizer && regularizers.serialize(this.activityRegularizer),
      ...each("constraint", ({ constraint }) => constraint && constraints.serialize(constraint)),
    };
  }
}
