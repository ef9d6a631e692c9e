/** Long short-term memory. */
import * as activations from "../../activations/index.ts";
import type { Config } from "../../ops/operation.ts";
import { positionalOption } from "../callArguments.ts";
import { InputSpec } from "../inputSpec.ts";
import { CELL_KEYS, weightConfig } from "./baseCell.ts";
import { CellLayer, cellAndLoop } from "./cellLayer.ts";
import { type CudnnOption, checkCudnn } from "./cudnn.ts";
import { LSTMCell, type LSTMCellOptions } from "./lstmCell.ts";
import { type RecurrentClass, recurrentClass } from "./recurrentClass.ts";
import type { LoopOptions, RNNOptions } from "./rnn.ts";

/** Options of {@link LSTM}. */
export interface LSTMOptions extends LSTMCellOptions, LoopOptions, CudnnOption {}

type Options = LSTMOptions & RNNOptions;

/**
 * Long short-term memory: a recurrent layer that decides by gates what to forget, to take up and to show. The step is that
 * of {@link LSTMCell}.
 *
 * Shapes: `sequences` (batch, time, inputDim) → (batch, units), or (batch, time, units) with `returnSequences`; with
 * `returnState` `[output, h, c]`, where `h` and `c` are (batch, units). A mask is (batch, time).
 * Weights: `kernel` (inputDim, 4 units), `recurrent_kernel` (units, 4 units), `bias` (4 units).
 *
 * @param units - Width of output and states; a positive integer.
 * @throws RangeError when `units` is not a positive integer, or a dropout is outside [0, 1] (Keras takes the nearest bound).
 * @throws ShapeError as {@link RNN} does.
 * @example
 * const [y, h, c] = layers.LSTM(4, { returnSequences: true, returnState: true })(ops.ones([2, 5, 3]));
 * const z = layers.LSTM(4)(y, { initialState: [h, c] }); // (2, 4)
 * @see Hochreiter and Schmidhuber, 1997
 * @see keras/src/layers/rnn/lstm.py (Keras 3.x)
 */
export class LSTMBase extends CellLayer<LSTMCell> {
  static override readonly className: string = "LSTM";
  static override readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    units: "units",
    recurrentActivation: "recurrent_activation",
    unitForgetBias: "unit_forget_bias",
    implementation: "implementation",
    useCudnn: "use_cudnn",
    ...CELL_KEYS,
  };

  /** As given; it has no effect. */
  readonly useCudnn: "auto" | boolean;

  constructor(units: number | (Options & { units: number }), options: Options = {}) {
    const { useCudnn = "auto", ...all } = positionalOption<Options & { units: number }>(
      "LSTM",
      "units",
      units,
      options,
    );
    super(cellAndLoop("LSTM", all, LSTMCell, (cell) => new LSTMCell({ ...cell, name: "lstm_cell" })));
    this.inputSpec = new InputSpec({ ndim: 3 });
    this.useCudnn = checkCudnn(this, useCudnn);
  }

  get units(): number {
    return this.cell.units;
  }

  get recurrentActivation(): activations.ActivationFunction {
    return this.cell.recurrentActivation;
  }

  get unitForgetBias(): boolean {
    return this.cell.unitForgetBias;
  }

  get implementation(): 1 | 2 {
    return this.cell.implementation;
  }

  override getConfig(): Config {
    return {
      ...this.loopConfig(),
      units: this.units,
      activation: activations.serialize(this.activation),
      recurrent_activation: activations.serialize(this.recurrentActivation),
      use_bias: this.useBias,
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

export const LSTM: RecurrentClass<typeof LSTMBase, "units", number, LSTMOptions, 2> = recurrentClass(LSTMBase);
export type LSTM = InstanceType<typeof LSTM>;
