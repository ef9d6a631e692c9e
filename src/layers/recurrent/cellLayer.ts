/** What the layers share that make a cell of their own: LSTM, GRU, SimpleRNN and ConvLSTM. */
import type * as activations from "../../activations/index.ts";
import type { Shape } from "../../core/shape.ts";
import * as regularizers from "../../regularizers/index.ts";
import { configTable } from "../../serialization/configObject.ts";
import { withTrail } from "../errorTrail.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase } from "../layer.ts";
import type { BaseCell } from "./baseCell.ts";
import { RNNBase, type RNNOptions } from "./rnn.ts";

/** Options that the layer hands to its cell as well. */
const SHARED = ["dtype", "trainable", "autocast"];

const pick = <O extends object>(options: O, wanted: (key: string) => boolean): O =>
  Object.fromEntries(Object.entries(options).filter(([key]) => wanted(key))) as O;

/** Options of a layer with a cell of its own, as {@link RNNBase} takes them: those that the cell knows are the cell's. */
export function cellAndLoop<O extends RNNOptions, C extends BaseCell>(
  where: string,
  options: O,
  cellClass: object,
  makeCell: (options: Omit<O, keyof RNNOptions>) => C,
): RNNOptions & { cell: C } {
  const known = new Set(configTable(cellClass).map(([option]) => option));
  const base = new Set(configTable(LayerBase).map(([option]) => option));
  const ofCell = (key: string): boolean => SHARED.includes(key) || (known.has(key) && !base.has(key));
  const place = typeof options.name === "string" ? `${where} "${options.name}"` : `${where} layer`;
  const loop = pick<RNNOptions>(options, (key) => SHARED.includes(key) || !ofCell(key));
  return { ...loop, cell: withTrail(place, () => makeCell(pick(options, ofCell))) };
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
