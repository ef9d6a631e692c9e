/** The cell of the convolutional LSTM layers. */
import * as activations from "../../activations/index.ts";
import type { DataFormat } from "../../core/config.ts";
import { ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { checkBoolean, checkPositiveInteger } from "../checks.ts";
import {
  channelAxis,
  checkDataFormat,
  checkFits,
  checkPadding,
  type Padding,
  type PerAxis,
  type Rank,
} from "../convolutional/window.ts";
import { placeOf } from "../errorTrail.ts";
import { checkPerAxis } from "../reshaping/sides.ts";
import { BaseCell, type GatedCellOptions, type Recurrence, weightConfig } from "./baseCell.ts";

/** Options of the cell, without filters and the size of the kernel. */
export interface ConvLSTMCellOptions<R extends Rank = Rank> extends GatedCellOptions {
  /** Steps of the window over the inputs, per axis. Larger than 1 only without dilation. @defaultValue `1` */
  strides?: PerAxis<R>;
  /** At the borders of the inputs; the state is always padded. @defaultValue `"valid"` */
  padding?: Padding;
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
  /** Distance between the inputs that one window sees, per axis. @defaultValue `1` */
  dilationRate?: PerAxis<R>;
  /** Whether the bias of the forget gate starts at 1, so that a fresh cell remembers. @defaultValue `true` */
  unitForgetBias?: boolean;
}

/** Option name → file key of what a convolution has besides. */
export const CONV_KEYS: Readonly<Record<string, string>> = {
  filters: "filters",
  kernelSize: "kernel_size",
  strides: "strides",
  padding: "padding",
  dataFormat: "data_format",
  dilationRate: "dilation_rate",
  recurrentActivation: "recurrent_activation",
  unitForgetBias: "unit_forget_bias",
};

/**
 * The step of {@link LSTMCell} with convolutions for products: of the inputs with `kernel`, of the state with
 * `recurrentKernel`.
 *
 * Shapes, channels last: `x` (batch, …, channels), states `[h, c]`, each (batch, …, filters).
 * Weights: `kernel` (…kernelSize, channels, 4 filters), `recurrent_kernel` (…kernelSize, filters, 4 filters), `bias` (4 filters).
 *
 * @see keras/src/layers/rnn/conv_lstm.py (Keras 3.x): a class of its own there too, and not public.
 */
export class ConvLSTMCell extends BaseCell {
  static readonly className: string = "ConvLSTMCell";
  static readonly modulePath: string = "keras.src.layers.rnn.conv_lstm";
  static override readonly configKeys: Readonly<Record<string, string>> = CONV_KEYS;

  readonly rank: Rank;
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: Padding;
  readonly dataFormat: DataFormat;
  readonly dilationRate: readonly number[];
  readonly recurrentActivation: activations.ActivationFunction;
  readonly unitForgetBias: boolean;
  /** Shape of one sample of one step; `null` before the cell is built. */
  #sampleShape: readonly number[] | null = null;

  constructor(rank: Rank, options: ConvLSTMCellOptions & { filters: number; kernelSize: unknown }) {
    const {
      filters,
      kernelSize,
      strides = 1,
      padding = "valid",
      dataFormat = null,
      dilationRate = 1,
      recurrentActivation = "sigmoid",
      unitForgetBias = true,
      ...rest
    } = options;
    super(rest);
    this.rank = rank;
    this.filters = checkPositiveInteger(this, "filters", filters);
    this.kernelSize = checkPerAxis(this, "kernelSize", kernelSize, rank, 1);
    this.strides = checkPerAxis(this, "strides", strides, rank, 1);
    this.padding = checkPadding(this, padding, ["valid", "same"]);
    this.dataFormat = checkDataFormat(this, dataFormat);
    this.dilationRate = checkPerAxis(this, "dilationRate", dilationRate, rank, 1);
    this.recurrentActivation = activations.get(recurrentActivation);
    this.unitForgetBias = checkBoolean(this, "unitForgetBias", unitForgetBias);
    if (Math.max(...this.strides) > 1 && Math.max(...this.dilationRate) > 1) {
      throw new RangeError(
        `${placeOf(this)}: \`strides\` and \`dilationRate\` cannot both be larger than 1. Received: ` +
          `strides=${formatShape(this.strides)}, dilationRate=${formatShape(this.dilationRate)}; leave one of them out`,
      );
    }
    const rate = (fraction: number): number => (fraction < 1 ? fraction : 0);
    this.startDropping(4, rate(this.dropout), rate(this.recurrentDropout));
  }

  /** Of two states, whose size is a shape that depends on the inputs. */
  override get stateSize(): readonly number[] {
    return [-1, -1];
  }

  override build(inputShape: Shape): void {
    const [, ...sample] = inputShape;
    const unknown = sample.indexOf(null);
    if (unknown >= 0) {
      throw new ShapeError(
        `all sizes of a step must be known, except the batch. Received: inputs of one step of shape ${formatShape(inputShape)}, ` +
          `unknown on axis ${unknown + 1}; state them in \`Input({ shape: [time, …] })\``,
      );
    }
    const { kernelSize, filters } = this;
    if (this.padding === "valid") checkFits("kernel", kernelSize, this.dilationRate, this.dataFormat, inputShape);
    const channels = inputShape.at(channelAxis(this.dataFormat)) as number;
    this.addKernel([...kernelSize, channels, 4 * filters]);
    this.addRecurrentKernel([...kernelSize, filters, 4 * filters]);
    this.addBias([4 * filters], this.unitForgetBias ? this.forgetBias(filters) : this.biasInitializer);
    this.#sampleShape = sample as number[];
  }

  /** Shape of a state, (batch, …, filters). */
  #stateShape(batchSize: number): number[] {
    const { dataFormat, kernelSize, strides, dilationRate, filters } = this;
    const sample = this.#sampleShape!;
    const spatial = dataFormat === "channels_first" ? sample.slice(1) : sample.slice(0, -1);
    const sizes = spatial.map((n, i) => {
      const window = this.padding === "same" ? 1 : (kernelSize[i]! - 1) * dilationRate[i]! + 1;
      return Math.floor((n - window) / strides[i]!) + 1;
    });
    return dataFormat === "channels_first" ? [batchSize, filters, ...sizes] : [batchSize, ...sizes, filters];
  }

  override getInitialState(batchSize: number): Tensor[] {
    const zeros = ops.zeros(this.#stateShape(batchSize), { dtype: this.computeDtype });
    return [zeros, zeros];
  }

  protected override droppedShapes(batchSize: number) {
    return { inputs: [batchSize, ...this.#sampleShape!], states: this.#stateShape(batchSize) };
  }

  get #gateAxis(): 1 | -1 {
    return channelAxis(this.dataFormat);
  }

  /** Convolution, with one mask per gate or none. */
  #convolve(x: Tensor, kernel: Tensor, masks: readonly Tensor[] | null, options: object): Tensor {
    const conv = (input: Tensor, weights: Tensor): Tensor =>
      ops.conv(input, weights, { dataFormat: this.dataFormat, ...options });
    if (masks === null) return conv(x, kernel);
    const parts = ops.split(kernel, 4, { axis: -1 });
    return ops.concatenate(
      parts.map((part, i) => conv(ops.multiply(x, masks[i]!), part)),
      { axis: this.#gateAxis },
    );
  }

  /** The convolution of the inputs, plus the bias. Steps on an axis before the batch become part of it meanwhile. */
  override project(inputs: Tensor, masks: readonly Tensor[] | null): Tensor {
    const { rank, strides, padding, dilationRate, bias } = this;
    const steps = inputs.ndim > rank + 2 ? inputs.shape.slice(0, inputs.ndim - rank - 2) : [];
    const flat = (x: Tensor): Tensor => (steps.length > 0 ? ops.reshape(x, [-1, ...x.shape.slice(-rank - 1)]) : x);
    const spread = masks?.map((mask) => flat(ops.broadcastTo(mask, inputs.shape))) ?? null;
    const product = this.#convolve(flat(inputs), this.kernel!.value, spread, { strides, padding, dilationRate });
    const ones = new Array<number>(rank).fill(1);
    const aligned =
      bias && (this.dataFormat === "channels_first" ? ops.reshape(bias.value, [1, bias.size, ...ones]) : bias.value);
    const outputs = aligned ? ops.add(product, aligned) : product;
    return steps.length > 0
      ? ops.reshape(outputs, [...inputs.shape.slice(0, -rank - 1), ...outputs.shape.slice(1)])
      : outputs;
  }

  override recurrence(masks: readonly Tensor[] | null): Recurrence {
    const kernel = this.recurrentKernel!.value;
    return (x, [h, c]) => {
      const sum = ops.add(x, this.#convolve(h!, kernel, masks, { padding: "same" }));
      const [i, f, z, o] = ops.split(sum, 4, { axis: this.#gateAxis }) as [Tensor, Tensor, Tensor, Tensor];
      const kept = ops.multiply(this.recurrentActivation(f), c!);
      const carry = ops.add(kept, ops.multiply(this.recurrentActivation(i), this.activation(z)));
      const output = ops.multiply(this.recurrentActivation(o), this.activation(carry));
      return [output, [output, carry]];
    };
  }

  /** The part of the config that comes before the weights. */
  convConfig(): Config {
    return {
      filters: this.filters,
      kernel_size: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      data_format: this.dataFormat,
      dilation_rate: this.dilationRate,
      activation: activations.serialize(this.activation),
      recurrent_activation: activations.serialize(this.recurrentActivation),
      use_bias: this.useBias,
    };
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      ...this.convConfig(),
      ...weightConfig(this, { afterInitializers: { unit_forget_bias: this.unitForgetBias } }),
      dropout: this.dropout,
      recurrent_dropout: this.recurrentDropout,
      seed: this.seed,
    };
  }
}
