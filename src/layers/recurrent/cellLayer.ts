/** What the layers share that make a cell of their own: LSTM, GRU, SimpleRNN and ConvLSTM. */
import type * as activations from "../../activations/index.ts";
import type { Shape } from "../../core/shape.ts";
import * as regularizers from "../../regularizers/index.ts";
import { withTrail } from "../errorTrail.ts";
import { InputSpec } from "../inputSpec.ts";
import type { BaseCell } from "./baseCell.ts";
import { RNNBase, type RNNOptions } from "./rnn.ts";

/** Splits options into those of the loop and those of the cell, and makes the cell. */
export function cellAndLoop<O extends RNNOptions, C extends BaseCell>(
  where: string,
  options: O,
  makeCell: (options: Omit<O, keyof RNNOptions> & Pick<RNNOptions, "dtype" | "trainable">) => C,
): RNNOptions & { cell: C } {
  const {
    name,
    trainable,
    dtype,
    activityRegularizer,
    autocast,
    returnSequences,
    returnState,
    goBackwards,
    stateful,
    unroll,
    zeroOutputForMask,
    ...settings
  } = options;
  const loop = {
    name,
    trainable,
    dtype,
    activityRegularizer,
    autocast,
    returnSequences,
    returnState,
    goBackwards,
    stateful,
    unroll,
    zeroOutputForMask,
  };
  const given = Object.fromEntries(Object.entries(loop).filter(([, value]) => value !== undefined)) as RNNOptions;
  const shared = {
    ...(trainable === undefined ? {} : { trainable }),
    ...(dtype === undefined ? {} : { dtype }),
    ...(autocast === undefined ? {} : { autocast }),
  };
  const place = typeof name === "string" ? `${where} "${name}"` : where;
  return { ...given, cell: withTrail(place, () => makeCell({ ...settings, ...shared })) };
}

/** A recurrent layer whose cell is its own: the cell's settings are the layer's. */
export abstract class CellLayer<C extends BaseCell> extends RNNBase {
  declare readonly cell: C;

  get activation(): activations.ActivationFunction {
    return this.cell.activation;
  }

  get useBias(): boolean {
    return this.cell.useBias;
  }

  get kernelInitializer(): C["kernelInitializer"] {
    return this.cell.kernelInitializer;
  }

  get recurrentInitializer(): C["recurrentInitializer"] {
    return this.cell.recurrentInitializer;
  }

  get biasInitializer(): C["biasInitializer"] {
    return this.cell.biasInitializer;
  }

  get kernelRegularizer(): C["kernelRegularizer"] {
    return this.cell.kernelRegularizer;
  }

  get recurrentRegularizer(): C["recurrentRegularizer"] {
    return this.cell.recurrentRegularizer;
  }

  get biasRegularizer(): C["biasRegularizer"] {
    return this.cell.biasRegularizer;
  }

  get kernelConstraint(): C["kernelConstraint"] {
    return this.cell.kernelConstraint;
  }

  get recurrentConstraint(): C["recurrentConstraint"] {
    return this.cell.recurrentConstraint;
  }

  get biasConstraint(): C["biasConstraint"] {
    return this.cell.biasConstraint;
  }

  get dropout(): number {
    return this.cell.dropout;
  }

  get recurrentDropout(): number {
    return this.cell.recurrentDropout;
  }

  override build(sequencesShape: Shape): void {
    super.build(sequencesShape);
    this.inputSpec = new InputSpec({ shape: [null, null, ...sequencesShape.slice(2)] });
  }

  /** The regularizer of the output as files have it. */
  protected activityConfig(): unknown {
    return this.activityRegularizer && regularizers.serialize(this.activityRegularizer);
  }
}
