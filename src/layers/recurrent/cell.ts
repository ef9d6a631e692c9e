/** What recurrent layers need of a cell: one step from inputs and states to an output and the next states. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import { flatten, mapStructure, type Nested } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import type { Config, Operation } from "../../ops/operation.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { placeOf } from "../errorTrail.ts";
import { type CallOptions, LayerBase } from "../layer.ts";

/** Size of a cell's state, or of each of its states; lists of lists for cells made of cells. */
export type StateSize = number | readonly StateSize[];

/** States of a cell: one tensor per state, lists of them for cells made of cells. */
export type States = Nested<Tensor>;

/** Output and next states. */
export type StepResult = readonly [output: Tensor, states: States];

/**
 * What can stand in {@link RNN}: a layer, or any object, with a state and a step.
 *
 * A layer that is a cell creates its weights in `build(inputShape)`, from the shape of one step, and computes in
 * `call(inputs, states, options)`. The step is recorded once: what it draws at random is drawn once per sequence and holds for
 * all steps, as dropout in recurrent layers should.
 */
export interface RecurrentCell {
  readonly stateSize: StateSize;
  /** Width of the output. @defaultValue that of the first state */
  readonly outputSize?: number | null;
  /** @returns `[output, states]`; the states keep their structure, shapes and dtypes. */
  call(inputs: Tensor, states: never, options?: CallOptions): readonly [Tensor, unknown];
  build?(inputShape: Shape): void;
  /** States before the first step. @defaultValue zeros of (batchSize, stateSize) */
  getInitialState?(batchSize: number): States;
  getConfig?(): Config;
}

/** @throws TypeError saying what the cell lacks. */
export function checkCell(owner: Operation, cell: unknown): RecurrentCell {
  const where = placeOf(owner);
  if (cell === null || (typeof cell !== "object" && typeof cell !== "function")) {
    throw new TypeError(
      `${where}: expected \`cell\` to be a cell, such as layers.LSTMCell(8), or a list of cells. Received: cell=${describe(cell)}`,
    );
  }
  const { call, stateSize } = cell as Partial<RecurrentCell>;
  if (typeof call !== "function") {
    throw new TypeError(
      `${where}: a cell must have a method \`call(inputs, states)\` that returns [output, states]. Received: cell=${describe(cell)}`,
    );
  }
  const isSize = (size: unknown): boolean =>
    Array.isArray(size) ? size.length > 0 && size.every(isSize) : Number.isInteger(size);
  if (!isSize(stateSize)) {
    throw new TypeError(
      `${where}: a cell must have a property \`stateSize\`, an integer or a list with one per state. Received: ` +
        `cell=${describe(cell)} with stateSize=${describe(stateSize)}`,
    );
  }
  return cell as RecurrentCell;
}

/** The sizes of a cell's states as a list. */
export const stateSizes = (cell: RecurrentCell): readonly StateSize[] =>
  Array.isArray(cell.stateSize) ? cell.stateSize : [cell.stateSize];

/** Width of a cell's output. */
export function outputSizeOf(cell: RecurrentCell): number {
  const size = cell.outputSize ?? flatten(cell.stateSize as Nested<number>)[0];
  return size as number;
}

/** States before the first step, as the cell says or zeros. */
export function initialStatesOf(cell: RecurrentCell, batchSize: number, dtype: string): States {
  const zeros = (size: StateSize): States =>
    typeof size === "number" ? ops.zeros([batchSize, size], { dtype }) : size.map(zeros);
  return cell.getInitialState ? cell.getInitialState(batchSize) : zeros(cell.stateSize);
}

/** Builds a cell that is a layer and was not built, or has a `build` of its own. */
export function buildCell(cell: RecurrentCell, inputShape: Shape): void {
  if (!(cell instanceof LayerBase)) cell.build?.(inputShape);
  else if (cell.built) return;
  else if ((Object.getPrototypeOf(cell) as LayerBase).build !== LayerBase.prototype.build) cell.build(inputShape);
  else buildByStep(cell, inputShape);
}

/** Traces a step, so that layers inside a cell without a `build` are built. */
function buildByStep(cell: LayerBase & RecurrentCell, inputShape: Shape): void {
  const dtype = cell.computeDtype;
  const anyBatch = (t: Tensor): KerasTensor => new KerasTensor([null, ...t.shape.slice(1)], { dtype: t.dtype });
  try {
    const states = mapStructure(anyBatch, initialStatesOf(cell, 1, dtype));
    cell.computeOutputSpec(new KerasTensor(inputShape, { dtype }), states);
  } catch {
    // The first step builds them, or says what is wrong.
  }
}

/** Runs one step. A lone state of a cell that returns no list is one all the same. */
export function runCell(cell: RecurrentCell, inputs: Tensor, states: States, training: boolean): StepResult {
  const options: CallOptions = { training };
  const result: unknown =
    cell instanceof LayerBase
      ? (cell as LayerBase).invoke([inputs, states, options])
      : cell.call(inputs, states as never, options);
  if (!Array.isArray(result) || result.length !== 2 || !(result[0] instanceof Tensor)) {
    throw new TypeError(`the cell's \`call\` must return [output, states]. Received: ${describe(result)}`);
  }
  const [output, next] = result as [Tensor, unknown];
  return [output, (Array.isArray(states) && !Array.isArray(next) ? [next] : next) as States];
}

/** @throws ShapeError when there is no time step to run. */
export function checkTime(shape: Shape): void {
  if (shape[1] !== 0) return;
  throw new ShapeError(
    `the inputs have no time step: axis 1 has length 0. Received: shape ${formatShape(shape)}; expected at least one step`,
  );
}
