/** LSTM layers over sequences of images: products are convolutions. */
import type * as activations from "../../activations/index.ts";
import type { DataFormat } from "../../core/config.ts";
import type { Config } from "../../ops/operation.ts";
import type { CustomObjects } from "../../serialization/registry.ts";
import { filtersAndKernel } from "../convolutional/baseConv.ts";
import type { Padding, PerAxis, Rank } from "../convolutional/window.ts";
import { InputSpec } from "../inputSpec.ts";
import { CELL_KEYS, weightConfig } from "./baseCell.ts";
import { CellLayer, cellAndLoop } from "./cellLayer.ts";
import { CONV_KEYS, ConvLSTMCell, type ConvLSTMCellOptions } from "./convLSTMCell.ts";
import { type OneCall, type RecurrentCall, type ReturnState, recurrentClass } from "./recurrentClass.ts";
import type { LoopOptions, RNNOptions } from "./rnn.ts";

/** Options of convolutional LSTM layers. */
export interface ConvLSTMOptions<R extends Rank> extends ConvLSTMCellOptions<R>, LoopOptions {}
export type ConvLSTM1DOptions = ConvLSTMOptions<1>;
export type ConvLSTM2DOptions = ConvLSTMOptions<2>;
export type ConvLSTM3DOptions = ConvLSTMOptions<3>;

type All<R extends Rank> = ConvLSTMOptions<R> & RNNOptions & { filters: number; kernelSize: PerAxis<R> };
type Options<R extends Rank> = ConvLSTMOptions<R> & RNNOptions;

/** A convolutional LSTM over `rank` axes. */
abstract class ConvLSTM extends CellLayer<ConvLSTMCell> {
  static override readonly configKeys: Readonly<Record<string, string>> = { ...CONV_KEYS, ...CELL_KEYS };

  constructor(where: string, rank: Rank, options: All<Rank>) {
    super(
      cellAndLoop(where, options, ConvLSTMCell, (cell) => new ConvLSTMCell(rank, { ...cell, name: "conv_lstm_cell" })),
    );
    this.inputSpec = new InputSpec({ ndim: rank + 3 });
  }

  get filters(): number {
    return this.cell.filters;
  }

  get kernelSize(): readonly number[] {
    return this.cell.kernelSize;
  }

  get strides(): readonly number[] {
    return this.cell.strides;
  }

  get padding(): Padding {
    return this.cell.padding;
  }

  get dataFormat(): DataFormat {
    return this.cell.dataFormat;
  }

  get dilationRate(): readonly number[] {
    return this.cell.dilationRate;
  }

  get recurrentActivation(): activations.ActivationFunction {
    return this.cell.recurrentActivation;
  }

  get unitForgetBias(): boolean {
    return this.cell.unitForgetBias;
  }

  override getConfig(): Config {
    return {
      ...this.loopConfig(),
      ...this.cell.convConfig(),
      ...weightConfig(this.cell, {
        afterInitializers: { unit_forget_bias: this.unitForgetBias },
        afterRegularizers: { activity_regularizer: this.activityConfig() },
      }),
      dropout: this.dropout,
      recurrent_dropout: this.recurrentDropout,
      seed: this.cell.seed,
    };
  }
}

/**
 * LSTM over sequences of sequences, such as rows of sensors: the gates are convolutions along the inner steps.
 *
 * Shapes: (batch, time, steps, channels) → (batch, newSteps, filters), or (batch, time, newSteps, filters) with
 * `returnSequences`; with `returnState` `[output, h, c]`, where `h` and `c` are (batch, newSteps, filters). Channels first likewise.
 * Weights: `kernel` (kernelSize, channels, 4 filters), `recurrent_kernel` (kernelSize, filters, 4 filters), `bias` (4 filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Steps that a window sees.
 * @throws RangeError when an option has no meaning, naming it; ShapeError as {@link RNN} does, and for sizes that are not known.
 * @example
 * layers.ConvLSTM1D(8, 3)(ops.ones([2, 5, 10, 4])).shape; // [2, 8, 8]
 * @see keras/src/layers/rnn/conv_lstm1d.py (Keras 3.x)
 */
export class ConvLSTM1DBase extends ConvLSTM {
  static override readonly className: string = "ConvLSTM1D";
  static override readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<1>,
    kernelSize?: PerAxis<1> | (Options<1> & { kernelSize: PerAxis<1> }),
    options: Options<1> = {},
  ) {
    super("ConvLSTM1D", 1, filtersAndKernel<All<1>>("ConvLSTM1D", filters, kernelSize, options));
  }
}

/**
 * LSTM over sequences of images, such as videos: the gates are convolutions.
 *
 * Shapes: (batch, time, rows, columns, channels) → (batch, newRows, newColumns, filters), or the same after `time` with
 * `returnSequences`; with `returnState` `[output, h, c]`, shaped as the output of one step. Channels first likewise.
 * Weights: `kernel` (…kernelSize, channels, 4 filters), `recurrent_kernel` (…kernelSize, filters, 4 filters), `bias` (4 filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Rows and columns that a window sees.
 * @throws RangeError when an option has no meaning, naming it; ShapeError as {@link RNN} does, and for sizes that are not known.
 * @example
 * layers.ConvLSTM2D(8, 3, { padding: "same" })(ops.ones([2, 5, 16, 16, 1])).shape; // [2, 16, 16, 8]
 * @see Shi et al., 2015, arXiv:1506.04214
 * @see keras/src/layers/rnn/conv_lstm2d.py (Keras 3.x)
 */
export class ConvLSTM2DBase extends ConvLSTM {
  static override readonly className: string = "ConvLSTM2D";
  static override readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<2>,
    kernelSize?: PerAxis<2> | (Options<2> & { kernelSize: PerAxis<2> }),
    options: Options<2> = {},
  ) {
    super("ConvLSTM2D", 2, filtersAndKernel<All<2>>("ConvLSTM2D", filters, kernelSize, options));
  }
}

/**
 * LSTM over sequences of volumes: the gates are convolutions.
 *
 * Shapes: (batch, time, depth, rows, columns, channels) → (batch, newDepth, newRows, newColumns, filters), or the same after
 * `time` with `returnSequences`; with `returnState` `[output, h, c]`, shaped as the output of one step. Channels first likewise.
 * Weights: `kernel` (…kernelSize, channels, 4 filters), `recurrent_kernel` (…kernelSize, filters, 4 filters), `bias` (4 filters).
 *
 * @param filters - Channels of the output; a positive integer.
 * @param kernelSize - Depth, rows and columns that a window sees.
 * @throws RangeError when an option has no meaning, naming it; ShapeError as {@link RNN} does, and for sizes that are not known.
 * @example
 * layers.ConvLSTM3D(8, 2)(ops.ones([2, 3, 4, 4, 4, 1])).shape; // [2, 3, 3, 3, 8]
 * @see keras/src/layers/rnn/conv_lstm3d.py (Keras 3.x)
 */
export class ConvLSTM3DBase extends ConvLSTM {
  static override readonly className: string = "ConvLSTM3D";
  static override readonly modulePath: string = "keras.layers";

  constructor(
    filters: number | All<3>,
    kernelSize?: PerAxis<3> | (Options<3> & { kernelSize: PerAxis<3> }),
    options: Options<3> = {},
  ) {
    super("ConvLSTM3D", 3, filtersAndKernel<All<3>>("ConvLSTM3D", filters, kernelSize, options));
  }
}

/** What calls give depends on `returnState`. */
type ConvLSTMClass<R extends Rank, I extends object, C> = {
  new <S extends boolean = false>(
    filters: number | (ConvLSTMOptions<R> & ReturnState<S> & { filters: number; kernelSize: PerAxis<R> }),
    kernelSize?: PerAxis<R> | (ConvLSTMOptions<R> & ReturnState<S> & { kernelSize: PerAxis<R> }),
    options?: ConvLSTMOptions<R> & ReturnState<S>,
  ): I & RecurrentCall<S, 2>;
  <S extends boolean = false>(
    filters: number | (ConvLSTMOptions<R> & ReturnState<S> & { filters: number; kernelSize: PerAxis<R> }),
    kernelSize?: PerAxis<R> | (ConvLSTMOptions<R> & ReturnState<S> & { kernelSize: PerAxis<R> }),
    options?: ConvLSTMOptions<R> & ReturnState<S>,
  ): I & RecurrentCall<S, 2>;
  fromConfig(config: Config, customObjects?: CustomObjects): I & OneCall;
} & Omit<C, "prototype" | "fromConfig">;

export const ConvLSTM1D: ConvLSTMClass<1, ConvLSTM1DBase, typeof ConvLSTM1DBase> = recurrentClass(ConvLSTM1DBase);
export type ConvLSTM1D = InstanceType<typeof ConvLSTM1D>;
export const ConvLSTM2D: ConvLSTMClass<2, ConvLSTM2DBase, typeof ConvLSTM2DBase> = recurrentClass(ConvLSTM2DBase);
export type ConvLSTM2D = InstanceType<typeof ConvLSTM2D>;
export const ConvLSTM3D: ConvLSTMClass<3, ConvLSTM3DBase, typeof ConvLSTM3DBase> = recurrentClass(ConvLSTM3DBase);
export type ConvLSTM3D = InstanceType<typeof ConvLSTM3D>;
