/** Several cells as one. */
import { describe } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import type { Nested } from "../../core/tree.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { positionalOption } from "../callArguments.ts";
import { placeOf } from "../errorTrail.ts";
import { type CallOptions, LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import {
  buildCell,
  checkCell,
  initialStatesOf,
  outputSizeOf,
  type RecurrentCell,
  runCell,
  type StateSize,
  type States,
} from "./cell.ts";
import type { CellCall } from "./recurrentClass.ts";

type StackedRNNCellsConfig = LayerOptions & { cells: readonly RecurrentCell[] };

/**
 * Cells that are run one on top of the other in each step: each gets the output of the one before. For {@link RNN}, which
 * makes one of a list of cells.
 *
 * Shapes: inputs of the first cell, states as a list of those of the cells → output of the last cell, next states likewise.
 * Weights: those of the cells, in order.
 *
 * @param cells - At least one cell.
 * @throws TypeError when one is no cell, saying what it lacks.
 * @example
 * const y = layers.RNN(layers.StackedRNNCells([layers.LSTMCell(8), layers.LSTMCell(4)]))(ops.ones([2, 5, 3]));
 * @see keras/src/layers/rnn/stacked_rnn_cells.py (Keras 3.x)
 */
export class StackedRNNCellsBase extends LayerBase {
  static readonly className: string = "StackedRNNCells";
  static readonly modulePath: string = "keras.layers";
  static override readonly callInputs: readonly string[] = ["inputs", "states"];
  static override readonly configKeys: Readonly<Record<string, string>> = { cells: "cells" };

  readonly cells: readonly RecurrentCell[];

  constructor(cells: readonly RecurrentCell[] | StackedRNNCellsConfig, options: LayerOptions = {}) {
    const { cells: given, ...base } = positionalOption<StackedRNNCellsConfig>(
      "StackedRNNCells",
      "cells",
      cells,
      options,
    );
    super(base);
    if (!Array.isArray(given) || given.length === 0) {
      throw new TypeError(
        `${placeOf(this)}: expected \`cells\` to be a list of cells. Received: cells=${describe(given)}`,
      );
    }
    this.cells = given.map((cell) => checkCell(this, cell));
  }

  get stateSize(): readonly StateSize[] {
    return this.cells.map((cell) => cell.stateSize);
  }

  get outputSize(): number {
    return outputSizeOf(this.cells.at(-1)!);
  }

  override build(inputShape: Shape): void {
    let shape = inputShape;
    for (const cell of this.cells) {
      buildCell(cell, shape);
      shape = [shape[0] ?? null, outputSizeOf(cell)];
    }
  }

  getInitialState(batchSize: number): States[] {
    return this.cells.map((cell) => initialStatesOf(cell, batchSize, this.computeDtype));
  }

  override call(inputs: Tensor, states: readonly States[], options: CallOptions = {}): [Tensor, States[]] {
    let output = inputs;
    const next = this.cells.map((cell, i) => {
      const before = states[i]!;
      const isList = Array.isArray(before);
      const [y, after] = runCell(cell, output, isList ? before : [before as Tensor], options.training ?? false);
      output = y;
      return isList ? after : (after as Nested<Tensor>[])[0]!;
    });
    return [output, next];
  }

  override getConfig(): Config {
    return { ...super.getConfig(), cells: this.cells.map(serializeObject) };
  }
}

export const StackedRNNCells = layerClass<typeof StackedRNNCellsBase, CellCall>(StackedRNNCellsBase);
export type StackedRNNCells = InstanceType<typeof StackedRNNCells>;
