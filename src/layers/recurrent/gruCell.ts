/** The cell of GRU. */
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

/** Options of {@link GRUCell}. */
export interface GRUCellOptions extends GatedCellOptions, ImplementationOption {
  /** Whether the reset gate acts on `h · recurrentKernel` (as in cuDNN), or on `h` before it. @defaultValue `true` */
  resetAfter?: boolean;
}

/**
 * One step of {@link GRU}. For {@link RNN}.
 *
 * With `W, U, b` the kernel, the recurrent kernel and the bias, each in parts z, r, n: `z = σ(x W + h U + b)`, likewise `r`,
 * `n = tanh(x W + b + r (h U + b'))`, or `tanh(x W + b + (r h) U)` without `resetAfter`, and `h' = z h + (1 − z) n`, with
 * `recurrentActivation` for σ and `activation` for tanh.
 *
 * Shapes: `x` (batch, inputDim), state `h` (batch, units) → output `h'` (batch, units), next state `h'`.
 * Weights: `kernel` (inputDim, 3 units), `recurrent_kernel` (units, 3 units), `bias` (2, 3 units), for `x` and for `h`, or
 * (3 units) without `resetAfter`; gates in the order z, r, n.
 *
 * @param units - Width of output and state; a positive integer.
 * @throws RangeError when `units` is not a positive integer, or a dropout is outside [0, 1] (Keras takes the nearest bound).
 * @example
 * const [y, [h]] = layers.GRUCell(4)(ops.ones([2, 3]), [ops.zeros([2, 4])]);
 * @see keras/src/layers/rnn/gru.py (Keras 3.x)
 */
export class GRUCellBase extends VectorCell {
  static readonly className: string = "GRUCell";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    recurrentActivation: "recurrent_activation",
    resetAfter: "reset_after",
    implementation: "implementation",
  };

  readonly recurrentActivation: activations.ActivationFunction;
  readonly resetAfter: boolean;
  readonly implementation: 1 | 2;

  constructor(units: number | (GRUCellOptions & { units: number }), options: GRUCellOptions = {}) {
    const {
      units: width,
      recurrentActivation = "sigmoid",
      resetAfter = true,
      implementation = 2,
      ...rest
    } = positionalOption<GRUCellOptions & { units: number }>("GRUCell", "units", units, options);
    super(width, 3, rest);
    this.recurrentActivation = activations.get(recurrentActivation);
    this.resetAfter = checkBoolean(this, "resetAfter", resetAfter);
    this.implementation = this.startDroppingPerGate(implementation);
  }

  override get stateSize(): number {
    return this.units;
  }

  protected override buildBias(): void {
    this.addBias(this.resetAfter ? [2, 3 * this.units] : [3 * this.units]);
  }

  protected override inputBias(): Tensor | null {
    return this.bias && this.resetAfter ? ops.getItem(this.bias.value, 0) : super.inputBias();
  }

  override recurrence(masks: readonly Tensor[] | null): Recurrence {
    const propose = this.resetAfter ? this.#resetAfter(masks) : this.#resetBefore(masks);
    return (x, [h]) => {
      const { update, candidate } = propose(ops.split(x, 3, { axis: -1 }) as [Tensor, Tensor, Tensor], h!);
      const output = ops.add(ops.multiply(update, h!), ops.multiply(ops.subtract(1, update), candidate));
      return [output, [output]];
    };
  }

  #gate(x: Tensor, h: Tensor): Tensor {
    return this.recurrentActivation(ops.add(x, h));
  }

  #resetAfter(masks: readonly Tensor[] | null) {
    const kernel = this.recurrentKernel!.value;
    const bias = this.bias ? ops.getItem(this.bias.value, 1) : null;
    return ([xz, xr, xn]: readonly [Tensor, Tensor, Tensor], h: Tensor) => {
      const product = gateProduct(h, kernel, masks);
      const [hz, hr, hn] = ops.split(bias ? ops.add(product, bias) : product, 3, { axis: -1 });
      const candidate = this.activation(ops.add(xn, ops.multiply(this.#gate(xr, hr!), hn!)));
      return { update: this.#gate(xz, hz!), candidate };
    };
  }

  #resetBefore(masks: readonly Tensor[] | null) {
    const kernel = this.recurrentKernel!.value;
    const [gates, last] = ops.split(kernel, [2 * this.units], { axis: 1 });
    return ([xz, xr, xn]: readonly [Tensor, Tensor, Tensor], h: Tensor) => {
      const [hz, hr] = ops.split(gateProduct(h, gates!, masks?.slice(0, 2) ?? null), 2, { axis: -1 });
      const dropped = masks ? ops.multiply(h, masks[2]!) : h;
      const reset = ops.multiply(this.#gate(xr, hr!), dropped);
      return { update: this.#gate(xz, hz!), candidate: this.activation(ops.add(xn, ops.matmul(reset, last!))) };
    };
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      units: this.units,
      activation: activations.serialize(this.activation),
      recurrent_activation: activations.serialize(this.recurrentActivation),
      use_bias: this.useBias,
      ...weightConfig(this),
      dropout: this.dropout,
      recurrent_dropout: this.recurrentDropout,
      reset_after: this.resetAfter,
      seed: this.seed,
    };
  }
}

export const GRUCell = layerClass<typeof GRUCellBase, CellCall>(GRUCellBase);
export type GRUCell = InstanceType<typeof GRUCell>;
