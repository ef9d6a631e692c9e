/** The plain recurrent layer. */
import * as activations from "../../activations/index.ts";
import type { Config } from "../../ops/operation.ts";
import { positionalOption } from "../callArguments.ts";
import { InputSpec } from "../inputSpec.ts";
import { CELL_KEYS, weightConfig } from "./baseCell.ts";
import { CellLayer, cellAndLoop } from "./cellLayer.ts";
import { type RecurrentClass, recurrentClass } from "./recurrentClass.ts";
import type { LoopOptions, RNNOptions } from "./rnn.ts";
import { SimpleRNNCell, type SimpleRNNCellOptions } from "./simpleRNNCell.ts";

/** Options of {@link SimpleRNN}. */
export interface SimpleRNNOptions extends SimpleRNNCellOptions, LoopOptions {}

type Options = SimpleRNNOptions & RNNOptions;

/**
 * Recurrent layer whose output is fed back: `h' = activation(x · kernel + bias + h · recurrentKernel)` in each step.
 *
 * Shapes: `sequences` (batch, time, inputDim) → (batch, units), or (batch, time, units) with `returnSequences`; with
 * `returnState` `[output, h]`, where `h` is (batch, units). A mask is (batch, time).
 * Weights: `kernel` (inputDim, units), `recurrent_kernel` (units, units), `bias` (units).
 *
 * @param units - Width of output and state; a positive integer.
 * @throws RangeError when `units` is not a positive integer, or a dropout is outside [0, 1] (Keras takes the nearest bound).
 * @throws ShapeError as {@link RNN} does.
 * @example
 * layers.SimpleRNN(4)(ops.ones([2, 5, 3])).shape; // [2, 4]
 * @see keras/src/layers/rnn/simple_rnn.py (Keras 3.x): there `activityRegularizer` has no effect; here it has.
 */
export class SimpleRNNBase extends CellLayer<SimpleRNNCell> {
  static override readonly className: string = "SimpleRNN";
  static override readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { units: "units", ...CELL_KEYS };

  constructor(units: number | (Options & { units: number }), options: Options = {}) {
    const all = positionalOption<Options & { units: number }>("SimpleRNN", "units", units, options);
    super(
      cellAndLoop("SimpleRNN", all, SimpleRNNCell, (cell) => new SimpleRNNCell({ ...cell, name: "simple_rnn_cell" })),
    );
    this.inputSpec = new InputSpec({ ndim: 3 });
  }

  get units(): number {
    return this.cell.units;
  }

  override getConfig(): Config {
    return {
      ...this.loopConfig(),
      units: this.units,
      activation: activations.serialize(this.activation),
      use_bias: this.useBias,
      ...weightConfig(this.cell, { afterRegularizers: { activity_regularizer: this.activityConfig() } }),
      dropout: this.dropout,
      recurrent_dropout: this.recurrentDropout,
    };
  }
}

export const SimpleRNN: RecurrentClass<typeof SimpleRNNBase, "units", number, SimpleRNNOptions, 1> =
  recurrentClass(SimpleRNNBase);
export type SimpleRNN = InstanceType<typeof SimpleRNN>;
