/** The layer that runs a cell over time. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import { flatten, isPlainObject, mapStructure, type Nested, packSequenceAs } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { KerasTensor } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape, withFirstSizes } from "../../ops/outputSpec.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { Variable } from "../../runtime/variable.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { checkBoolean } from "../checks.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions, type Mask } from "../layer.ts";
import { checkMaskShape, type MaskUse, shapeText } from "../maskShape.ts";
import { hide } from "../statefulOperation.ts";
import { BaseCell } from "./baseCell.ts";
import {
  buildCell,
  checkCell,
  checkTime,
  initialStatesOf,
  type RecurrentCell,
  runCell,
  type StateSize,
  type States,
  stateSizes,
} from "./cell.ts";
import { firstMask, fitStates, type RNNCallOptions, withStateAsOption } from "./initialState.ts";
import { type RecurrentClass, recurrentClass } from "./recurrentClass.ts";
import { StackedRNNCells } from "./stackedRNNCells.ts";
import { runTimeLoop, timeMajor } from "./timeLoop.ts";

/** Options that all recurrent layers share, without `returnState`. */
export interface LoopOptions extends LayerOptions {
  /** Whether to give the outputs of all steps, or only the last one. @defaultValue `false` */
  returnSequences?: boolean;
  /** Runs from the last step to the first; the outputs are in the order in which they are made. @defaultValue `false` */
  goBackwards?: boolean;
  /**
   * Whether a call starts from the states that the call before ended with, sample by sample. Needs a fixed batch size:
   * `Input({ batchShape })`. @defaultValue `false`
   */
  stateful?: boolean;
  /** Writes the steps out instead of looping. Needs a known number of steps, and pays for few only. @defaultValue `false` */
  unroll?: boolean;
  /** Whether the output of a masked step is 0, instead of that of the step before. @defaultValue `false` */
  zeroOutputForMask?: boolean;
}

/** Options of {@link RNN}. */
export interface RNNOptions extends LoopOptions {
  /** Whether calls give the states after the last step too: `[output, …states]`. @defaultValue `false` */
  returnState?: boolean;
}

type Cells = RecurrentCell | readonly RecurrentCell[];
type RNNConfig = RNNOptions & { cell: Cells };

/**
 * Runs a cell over the steps of a sequence.
 *
 * A cell is one of {@link LSTMCell}, {@link GRUCell}, {@link SimpleRNNCell}, several of them (a list, run one on top of the
 * other in each step), or a layer of yours: see {@link RecurrentCell}.
 *
 * With a mask (batch, time), states and output stay as they are in masked steps.
 *
 * Shapes: `sequences` (batch, time, …) → (batch, outputSize), or (batch, time, outputSize) with `returnSequences`; with
 * `returnState` a list of that and the states, each (batch, size).
 * Weights: those of the cell.
 *
 * @param cell - A cell, or a list of cells.
 * @throws TypeError when it is no cell, saying what it lacks.
 * @throws ShapeError for initial states that do not fit, a sequence without steps, `unroll` with an unknown number of steps,
 *   `stateful` with an unknown batch size.
 * @example
 * const [y, h, c] = layers.RNN(layers.LSTMCell(4), { returnState: true })(ops.ones([2, 5, 3]));
 * @see keras/src/layers/rnn/rnn.py (Keras 3.x)
 */
export class RNNBase extends LayerBase {
  static readonly className: string = "RNN";
  static readonly modulePath: string = "keras.layers";
  static readonly buildArguments: readonly string[] = ["sequences_shape", "initial_state_shape"];
  static override readonly callInputs: readonly string[] = ["sequences"];
  static override readonly callKeys: Readonly<Record<string, string>> = {
    initialState: "initial_state",
    mask: "mask",
    training: "training",
  };
  static override readonly configKeys: Readonly<Record<string, string>> = {
    returnSequences: "return_sequences",
    returnState: "return_state",
    goBackwards: "go_backwards",
    stateful: "stateful",
    unroll: "unroll",
    zeroOutputForMask: "zero_output_for_mask",
    cell: "cell",
  };
  static readonly ignoredConfigKeys: readonly string[] = ["time_major"];

  readonly cell: RecurrentCell;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly goBackwards: boolean;
  readonly stateful: boolean;
  readonly unroll: boolean;
  zeroOutputForMask: boolean;
  /** States between calls of a stateful layer: no weights, and not part of files. `null` before it is built. */
  declare states: Nested<Variable> | null;

  constructor(cell: Cells | RNNConfig, options: RNNOptions = {}) {
    const {
      cell: given,
      returnSequences = false,
      returnState = false,
      goBackwards = false,
      stateful = false,
      unroll = false,
      zeroOutputForMask = false,
      ...base
    } = cellFirst(cell, options);
    super(base);
    const stack = Array.isArray(given) ? (given as RecurrentCell[]) : null;
    this.cell = checkCell(this, stack ? new StackedRNNCells(stack, { dtype: this.dtypePolicy }) : given);
    this.returnSequences = checkBoolean(this, "returnSequences", returnSequences);
    this.returnState = checkBoolean(this, "returnState", returnState);
    this.goBackwards = checkBoolean(this, "goBackwards", goBackwards);
    this.stateful = checkBoolean(this, "stateful", stateful);
    this.unroll = checkBoolean(this, "unroll", unroll);
    this.zeroOutputForMask = checkBoolean(this, "zeroOutputForMask", zeroOutputForMask);
    this.supportsMasking = true;
    this.inputSpec = new InputSpec({ minNdim: 3 });
    hide(this, { states: null });
  }

  /** Sizes of the cell's states. */
  get stateSize(): readonly StateSize[] {
    return stateSizes(this.cell);
  }

  // ---------------------------------------------------------------- building and calling

  override build(sequencesShape: Shape): void {
    checkTime(sequencesShape);
    const [batch, , ...features] = sequencesShape;
    buildCell(this.cell, [batch!, ...features]);
    if (this.stateful) this.#createStates(sequencesShape);
  }

  #createStates(sequencesShape: Shape): void {
    const batch = fixedBatch(sequencesShape);
    const create = (state: Tensor): Variable =>
      new Variable(state, { trainable: false, dtype: this.variableDtype, name: "rnn_state" });
    this.states = mapStructure(create, this.getInitialState(batch));
  }

  /** States before the first step of a call that is given none. */
  getInitialState(batchSize: number): States[] {
    const states = initialStatesOf(this.cell, batchSize, this.computeDtype);
    return Array.isArray(states) ? states : [states as Tensor];
  }

  /** Sets the states of a stateful layer to 0: what comes next is not the continuation of what came before. */
  resetState(): void {
    if (this.states === null) return;
    for (const state of flatten(this.states)) state.assign(ops.zeros(state.shape, { dtype: state.dtype }));
  }

  /** Other name of {@link resetState}. */
  resetStates(): void {
    this.resetState();
  }

  override invoke(args: unknown[]): unknown {
    return super.invoke(withStateAsOption(this, args));
  }

  /** @returns The output, or with `returnState` the list of the output and the states. */
  override call(sequences: Tensor, options: RNNCallOptions = {}): Tensor | [Tensor, ...States[]] {
    const { training = false, mask = null, initialState = null } = options;
    const shape = declaredShape(sequences.shape);
    checkTime(shape);
    if (this.unroll && shape[1] === null) {
      throw new ShapeError(
        `\`unroll\` needs a known number of steps. Received: sequences of shape ${formatShape(shape)}; state the steps in ` +
          "`Input({ shape: [time, features] })`, or leave `unroll` out",
      );
    }
    this.#checkBatch(shape);
    const sequenceMask = firstMask(mask);
    if (sequenceMask) checkMaskShape(sequenceMask, maskUse(sequences));
    const batch = sequences.shape[0]!;
    const before = this.#startStates(batch, initialState);
    const cells = this.#droppingCells();
    if (training) for (const cell of cells) cell.holdMasks(batch);
    try {
      const { output, states } = this.#run(sequences, before, sequenceMask, training);
      const cast = (x: Tensor): Tensor => ops.cast(x, this.computeDtype);
      const after = mapStructure(cast, states) as States[];
      if (this.states !== null) {
        const kept = flatten(this.states);
        flatten(after as Nested<Tensor>).forEach((state, i) => {
          kept[i]!.assign(state);
        });
      }
      return this.returnState ? [cast(output), ...after] : cast(output);
    } finally {
      for (const cell of cells) {
        cell.resetDropoutMask();
        cell.resetRecurrentDropoutMask();
      }
    }
  }

  /** The sequences say how many samples there are, also where states say otherwise. */
  override computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    const { shape } = args[0] as KerasTensor;
    return mapStructure((x: KerasTensor) => withFirstSizes(x, [shape[0] ?? null]), super.computeOutputSpec(...args));
  }

  /** Cells of Keras, however deep inside: what they drop is decided before the loop. */
  #droppingCells(): BaseCell[] {
    const inside = this.cell instanceof LayerBase ? this.cell.flattenLayers() : [];
    return inside.filter((layer) => layer instanceof BaseCell && layer.built) as unknown as BaseCell[];
  }

  #run(sequences: Tensor, states: States, mask: Tensor | null, training: boolean) {
    const { cell, goBackwards, returnSequences, unroll, zeroOutputForMask } = this;
    const inputs = timeMajor(sequences);
    const loop = { states, mask, goBackwards, returnSequences, unroll, zeroOutputForMask };
    if (!this.#splits(cell)) {
      return runTimeLoop({ ...loop, inputs, step: (x, before) => runCell(cell, x, before, training) });
    }
    // What needs no state is computed for all steps at once: one large product instead of many small ones.
    const masks = cell.masks(sequences.shape[0]!, training);
    const advance = cell.recurrence(masks.states);
    const step = (x: Tensor, before: States) => advance(x, before as readonly Tensor[]);
    return runTimeLoop({ ...loop, inputs: cell.project(inputs, masks.inputs), step });
  }

  /** Whether the cell's step is the one of its class in two halves, and computes as this layer does. */
  #splits(cell: RecurrentCell): cell is BaseCell {
    return (
      cell instanceof BaseCell &&
      cell.call === BaseCell.prototype.call &&
      cell.activityRegularizer === null &&
      cell.autocast === this.autocast &&
      cell.computeDtype === this.computeDtype &&
      cell.variableDtype === this.variableDtype
    );
  }

  #checkBatch(shape: Shape): void {
    if (this.states === null) return;
    const [expected] = flatten(this.states)[0]!.shape;
    if (fixedBatch(shape) === expected) return;
    throw new ShapeError(
      `a stateful layer keeps the states of its ${expected} samples, so that every batch must have as many. Received: ` +
        `sequences of shape ${formatShape(shape)}; expected batch size ${expected}`,
    );
  }

  /** The states before the first step: given, kept from the call before, or zeros. */
  #startStates(batch: number, given: unknown): States {
    const zeros = this.getInitialState(batch);
    const kept = this.states && mapStructure((state: Variable) => state.value, this.states);
    const chosen = given === null || given === undefined ? (kept ?? zeros) : fitStates(given, zeros);
    // In the dtypes in which the cell computes.
    const dtypes = flatten(zeros);
    return packSequenceAs(
      zeros,
      flatten(chosen).map((state, i) => ops.cast(state, dtypes[i]!.dtype)),
    );
  }

  override computeMask(_inputs: unknown, previousMask: Mask): Mask {
    const mask = this.returnSequences ? firstMask(previousMask) : null;
    return this.returnState ? [mask, ...this.stateSize.map(() => null)] : mask;
  }

  /** The part of the config that has nothing to do with the cell. */
  protected loopConfig(): Config {
    return {
      ...super.getConfig(),
      return_sequences: this.returnSequences,
      return_state: this.returnState,
      go_backwards: this.goBackwards,
      stateful: this.stateful,
      unroll: this.unroll,
      zero_output_for_mask: this.zeroOutputForMask,
    };
  }

  override getConfig(): Config {
    return { ...this.loopConfig(), cell: serializeObject(this.cell) };
  }
}

/** A mask may have more axes: a step is real when any of its entries is. */
const maskUse = (sequences: Tensor): MaskUse => ({
  name: "a mask",
  axes: "(batch, time)",
  sizes: sequences.shape.slice(0, 2),
  exact: [1],
  mayGoOn: true,
  of: `sequences of shape ${shapeText(sequences)}`,
});

/** The batch size of a stateful layer. */
function fixedBatch(sequencesShape: Shape): number {
  const batch = sequencesShape[0] ?? null;
  if (batch !== null) return batch;
  throw new ShapeError(
    `a stateful layer needs a fixed batch size. Received: sequences of shape ${formatShape(sequencesShape)}; state it ` +
      "in `Input({ batchShape: [batch, time, features] })` or `Input({ shape, batchSize })`",
  );
}

/** A cell is an object, and so are options: those have a `cell`. */
function cellFirst(cell: Cells | RNNConfig, options: RNNOptions): RNNConfig {
  if (isPlainObject(cell) && !("call" in cell)) {
    const given = cell as RNNConfig;
    if ("cell" in given) return given;
    throw new TypeError(
      `RNN: expected a cell, such as layers.LSTMCell(8), or options with \`cell\`. Received: an object with ` +
        `${Object.keys(given).join(", ") || "nothing in it"}`,
    );
  }
  if (!isPlainObject(options)) {
    throw new TypeError(`RNN: expected an options object after \`cell\`. Received: ${describe(options)}`);
  }
  return { ...options, cell: cell as Cells };
}

export const RNN: RecurrentClass<typeof RNNBase, "cell", Cells, LoopOptions, number> = recurrentClass(RNNBase);
export type RNN = InstanceType<typeof RNN>;
