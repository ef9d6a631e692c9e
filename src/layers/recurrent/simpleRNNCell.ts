/** The cell of SimpleRNN. */
import * as activations from "../../activations/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { layerClass } from "../layerClass.ts";
import { type CellOptions, type Recurrence, weightConfig } from "./baseCell.ts";
import type { CellCall } from "./recurrentClass.ts";
import { gateProduct, VectorCell } from "./vectorCell.ts";

/** Options of {@link SimpleRNNCell}. */
export type SimpleRNNCellOptions = CellOptions;

/**
 * One step of {@link SimpleRNN}: `h' = activation(x · kernel + bias + h · recurrentKernel)`. For {@link RNN}.
 *
 * Shapes: `x` (batch, inputDim), state `h` (batch, units) → output `h'` (batch, units), next state `h'`.
 * Weights: `kernel` (inputDim, units), `recurrent_kernel` (units, units), `bias` (units).
 *
 * @param units - Width of output and state; a positive integer.
 * @throws RangeError when `units` is not a positive integer, or a dropout is outside [0, 1] (Keras takes the nearest bound).
 * @example
 * const [y, [h]] = layers.SimpleRNNCell(4)(ops.ones([2, 3]), [ops.zeros([2, 4])]);
 * @see keras/src/layers/rnn/simple_rnn.py (Keras 3.x)
 */
export class SimpleRNNCellBase extends VectorCell {
  static readonly className: string = "SimpleRNNCell";
  static readonly modulePath: string = "keras.layers";

  constructor(units: number | (SimpleRNNCellOptions & { units: number }), options: SimpleRNNCellOptions = {}) {
    const { units: width, ...rest } = positionalOption<SimpleRNNCellOptions & { units: number }>(
      "SimpleRNNCell",
      "units",
      units,
      options,
    );
    super(width, 1, rest);
    this.startDropping(1, this.dropout, this.recurrentDropout);
  }

  override get stateSize(): number {
    return this.units;
  }

  override recurrence(masks: readonly Tensor[] | null): Recurrence {
    const kernel = this.recurrentKernel!.value;
    return (x, [h]) => {
      const output = this.activation(ops.add(x, gateProduct(h!, kernel, masks)));
      return [output, [output]];
    };
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      units: this.units,
      activation: activations.serialize(this.activation),
      use_bias: this.useBias,
      ...weightConfig(this),
      dropout: this.dropout,
      recurrent_dropout: this.recurrentDropout,
      seed: this.seed,
    };
  }
}

export const SimpleRNNCell = layerClass<typeof SimpleRNNCellBase, CellCall>(SimpleRNNCellBase);
export type SimpleRNNCell = InstanceType<typeof SimpleRNNCell>;
