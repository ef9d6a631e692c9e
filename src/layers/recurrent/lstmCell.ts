/** The cell of LSTM. */
import * as activations from "../../activations/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkBoolean } from "../checks.ts";
import { layerClass } from "../layerClass.ts";
import { type GatedCellOptions, type Recurrence, weightConfig } from "./baseCell.ts";
import type { CellCall } from "./recurrentClass.ts";
import { gateProduct, type ImplementationOption, VectorCell } from "./vectorCell.ts";

/** Options of {@link LSTMCell}. */
export interface LSTMCellOptions extends GatedCellOptions, ImplementationOption {
  /** Whether the bias of the forget gate starts at 1, so that a fresh cell remembers. @defaultValue `true` */
  unitForgetBias?: boolean;
}

/**
 * One step of {@link LSTM}. For {@link RNN}.
 *
 * `i, f, z, o = x · kernel + bias + h · recurrentKernel` in four parts, `c' = σ(f) c + σ(i) tanh(z)`, `h' = σ(o) tanh(c')`,
 * with `recurrentActivation` for σ and `activation` for tanh.
 *
 * Shapes: `x` (batch, inputDim), states `[h, c]`, each (batch, units) → output `h'` (batch, units), next states `[h', c']`.
 * Weights: `kernel` (inputDim, 4 units), `recurrent_kernel` (units, 4 units), `bias` (4 units); gates in the order i, f, z, o.
 *
 * @param units - Width of output and states; a positive integer.
 * @throws RangeError when `units` is not a positive integer, or a dropout is outside [0, 1] (Keras takes the nearest bound).
 * @example
 * const state = ops.zeros([2, 4]);
 * const [y, [h, c]] = layers.LSTMCell(4)(ops.ones([2, 3]), [state, state]);
 * @see keras/src/layers/rnn/lstm.py (Keras 3.x)
 */
export class LSTMCellBase extends VectorCell {
  static readonly className: string = "LSTMCell";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    recurrentActivation: "recurrent_activation",
    unitForgetBias: "unit_forget_bias",
    implementation: "implementation",
  };

  readonly recurrentActivation: activations.ActivationFunction;
  readonly unitForgetBias: boolean;
  readonly implementation: 1 | 2;

  constructor(units: number | (LSTMCellOptions & { units: number }), options: LSTMCellOptions = {}) {
    const {
      units: width,
      recurrentActivation = "sigmoid",
      unitForgetBias = true,
      implementation = 2,
      ...rest
    } = positionalOption<LSTMCellOptions & { units: number }>("LSTMCell", "units", units, options);
    super(width, 4, rest);
    this.recurrentActivation = activations.get(recurrentActivation);
    this.unitForgetBias = checkBoolean(this, "unitForgetBias", unitForgetBias);
    this.implementation = this.startDroppingPerGate(implementation);
  }

  override get stateSize(): readonly [number, number] {
    return [this.units, this.units];
  }

  protected override buildBias(): void {
    this.addBias([4 * this.units], this.unitForgetBias ? this.forgetBias(this.units) : this.biasInitializer);
  }

  override recurrence(masks: readonly Tensor[] | null): Recurrence {
    const kernel = this.recurrentKernel!.value;
    return (x, [h, c]) => {
      const gates = ops.split(ops.add(x, gateProduct(h!, kernel, masks)), 4, { axis: -1 });
      const [i, f, z, o] = gates as [Tensor, Tensor, Tensor, Tensor];
      const kept = ops.multiply(this.recurrentActivation(f), c!);
      const taken = ops.multiply(this.recurrentActivation(i), this.activation(z));
      const carry = ops.add(kept, taken);
      const output = ops.multiply(this.recurrentActivation(o), this.activation(carry));
      return [output, [output, carry]];
    };
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      units: this.units,
      activation: activations.serialize(this.activation),
      recurrent_activation: activations.serialize(this.recurrentActivation),
      use_bias: this.useBias,
      unit_forget_bias: this.unitForgetBias,
      ...weightConfig(this),
      dropout: this.dropout,
      recurrent_dropout: this.recurrentDropout,
      seed: this.seed,
    };
  }
}

export const LSTMCell = layerClass<typeof LSTMCellBase, CellCall>(LSTMCellBase);
export type LSTMCell = InstanceType<typeof LSTMCell>;
