/** Gated recurrent units. */
import * as activations from "../../activations/index.ts";
import type { Config } from "../../ops/operation.ts";
import { positionalOption } from "../callArguments.ts";
import { InputSpec } from "../inputSpec.ts";
import { CELL_KEYS, weightConfig } from "./baseCell.ts";
import { CellLayer, cellAndLoop } from "./cellLayer.ts";
import { type CudnnOption, checkCudnn } from "./cudnn.ts";
import { GRUCell, type GRUCellOptions } from "./gruCell.ts";
import { type RecurrentClass, recurrentClass } from "./recurrentClass.ts";
import type { LoopOptions, RNNOptions } from "./rnn.ts";

/** Options of {@link GRU}. */
export interface GRUOptions extends GRUCellOptions, LoopOptions, CudnnOption {}

type Options = GRUOptions & RNNOptions;

/**
 * Gated recurrent units: a recurrent layer that mixes its state with a new one by a gate. The step is that of {@link GRUCell}.
 *
 * Shapes: `sequences` (batch, time, inputDim) → (batch, units), or (batch, time, units) with `returnSequences`; with
 * `returnState` `[output, h]`, where `h` is (batch, units). A mask is (batch, time).
 * Weights: `kernel` (inputDim, 3 units), `recurrent_kernel` (units, 3 units), `bias` (2, 3 units), or (3 units) without
 * `resetAfter`.
 *
 * @param units - Width of output and state; a positive integer.
 * @throws RangeError when `units` is not a positive integer, or a dropout is outside [0, 1] (Keras takes the nearest bound).
 * @throws ShapeError as {@link RNN} does.
 * @example
 * layers.GRU(4, { returnSequences: true })(ops.ones([2, 5, 3])).shape; // [2, 5, 4]
 * @see Cho et al., 2014, arXiv:1406.1078
 * @see keras/src/layers/rnn/gru.py (Keras 3.x)
 */
export class GRUBase extends CellLayer<GRUCell> {
  static override readonly className: string = "GRU";
  static override readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    units: "units",
    recurrentActivation: "recurrent_activation",
    resetAfter: "reset_after",
    implementation: "implementation",
    useCudnn: "use_cudnn",
    ...CELL_KEYS,
  };

  /** As given; it has no effect. */
  readonly useCudnn: "auto" | boolean;

  constructor(units: number | (Options & { units: number }), options: Options = {}) {
    const { useCudnn = "auto", ...all } = positionalOption<Options & { units: number }>("GRU", "units", units, options);
    super(cellAndLoop("GRU", all, GRUCell, (cell) => new GRUCell({ ...cell, name: "gru_cell" })));
    this.inputSpec = new InputSpec({ ndim: 3 });
    this.useCudnn = checkCudnn(this, useCudnn);
  }

  get units(): number {
    return this.cell.units;
  }

  get recurrentActivation(): activations.ActivationFunction {
    return this.cell.recurrentActivation;
  }

  get resetAfter(): boolean {
    return this.cell.resetAfter;
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
      ...weightConfig(this.cell, { afterRegularizers: { activity_regularizer: this.activityConfig() } }),
      dropout: this.dropout,
      recurrent_dropout: this.recurrentDropout,
      reset_after: this.resetAfter,
      seed: this.cell.seed,
    };
  }
}

export const GRU: RecurrentClass<typeof GRUBase, "units", number, GRUOptions, 1> = recurrentClass(GRUBase);
export type GRU = InstanceType<typeof GRU>;
