/** What the cells of Keras share: settings of their weights, dropout, and a step in two halves of which one needs no state. */
import * as activations from "../../activations/index.ts";
import * as constraints from "../../constraints/index.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { SeedGenerator } from "../../random/index.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { checkBoolean, checkNumber } from "../checks.ts";
import { type CallOptions, LayerBase, type LayerOptions } from "../layer.ts";
import type { StateSize } from "./cell.ts";
import { DropoutMasks } from "./dropoutMasks.ts";

/** Options that all cells and the layers around them share. */
export interface CellOptions extends LayerOptions {
  /** Applied to the output, and to what a gated cell takes up. @defaultValue `"tanh"` */
  activation?: activations.ActivationLike | null;
  /** @defaultValue `true` */
  useBias?: boolean;
  /** Of the weights that inputs are multiplied by. @defaultValue `"glorot_uniform"` */
  kernelInitializer?: initializers.InitializerLike;
  /** Of the weights that the state is multiplied by. @defaultValue `"orthogonal"` */
  recurrentInitializer?: initializers.InitializerLike;
  /** @defaultValue `"zeros"` */
  biasInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  kernelRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  recurrentRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  biasRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  kernelConstraint?: constraints.ConstraintLike | null;
  /** @defaultValue `null` */
  recurrentConstraint?: constraints.ConstraintLike | null;
  /** @defaultValue `null` */
  biasConstraint?: constraints.ConstraintLike | null;
  /** Fraction of the inputs to drop in training, the same ones in all steps. @defaultValue `0` */
  dropout?: number;
  /** Fraction of the state to drop in training, the same parts in all steps. @defaultValue `0` */
  recurrentDropout?: number;
  /** Makes the dropout repeat from one program run to the next. @defaultValue `null` */
  seed?: number | null;
}

/** Options of cells with gates. */
export interface GatedCellOptions extends CellOptions {
  /** Applied to the gates. @defaultValue `"sigmoid"` */
  recurrentActivation?: activations.ActivationLike | null;
}

/** File key → which option of which weight, in Keras's order. */
const WEIGHT_KEYS = {
  kernelInitializer: "kernel_initializer",
  recurrentInitializer: "recurrent_initializer",
  biasInitializer: "bias_initializer",
  kernelRegularizer: "kernel_regularizer",
  recurrentRegularizer: "recurrent_regularizer",
  biasRegularizer: "bias_regularizer",
  kernelConstraint: "kernel_constraint",
  recurrentConstraint: "recurrent_constraint",
  biasConstraint: "bias_constraint",
} as const;

/** Option name → file key of all cells and their layers. */
export const CELL_KEYS: Readonly<Record<string, string>> = {
  activation: "activation",
  useBias: "use_bias",
  ...WEIGHT_KEYS,
  dropout: "dropout",
  recurrentDropout: "recurrent_dropout",
  seed: "seed",
};

/** The step, given what `project` made of the inputs. */
export type Recurrence = (projected: Tensor, states: readonly Tensor[]) => readonly [Tensor, Tensor[]];

/** Masks of the inputs and of the state, each one for all gates or one per gate. */
interface Masks {
  readonly inputs: readonly Tensor[] | null;
  readonly states: readonly Tensor[] | null;
}

/** A cell with a kernel, a recurrent kernel and a bias. */
export abstract class BaseCell extends LayerBase {
  static override readonly callInputs: readonly string[] = ["inputs", "states"];
  static override readonly configKeys: Readonly<Record<string, string>> = CELL_KEYS;

  readonly activation: activations.ActivationFunction;
  readonly useBias: boolean;
  readonly kernelInitializer: initializers.InitializerFunction;
  readonly recurrentInitializer: initializers.InitializerFunction;
  readonly biasInitializer: initializers.InitializerFunction;
  readonly kernelRegularizer: regularizers.RegularizerFunction | null;
  readonly recurrentRegularizer: regularizers.RegularizerFunction | null;
  readonly biasRegularizer: regularizers.RegularizerFunction | null;
  readonly kernelConstraint: constraints.ConstraintFunction | null;
  readonly recurrentConstraint: constraints.ConstraintFunction | null;
  readonly biasConstraint: constraints.ConstraintFunction | null;
  readonly dropout: number;
  readonly recurrentDropout: number;
  readonly seed: number | null;
  readonly seedGenerator: InstanceType<typeof SeedGenerator>;
  /** `null` before the cell is built. */
  kernel: Variable | null = null;
  /** `null` before the cell is built. */
  recurrentKernel: Variable | null = null;
  /** `null` before the cell is built, or without bias. */
  bias: Variable | null = null;
  #inputMasks: DropoutMasks | null = null;
  #stateMasks: DropoutMasks | null = null;

  constructor(options: CellOptions) {
    const {
      activation = "tanh",
      useBias = true,
      kernelInitializer = "glorot_uniform",
      recurrentInitializer = "orthogonal",
      biasInitializer = "zeros",
      kernelRegularizer = null,
      recurrentRegularizer = null,
      biasRegularizer = null,
      kernelConstraint = null,
      recurrentConstraint = null,
      biasConstraint = null,
      dropout = 0,
      recurrentDropout = 0,
      seed = null,
      ...base
    } = options;
    super(base);
    this.activation = activations.get(activation);
    this.useBias = checkBoolean(this, "useBias", useBias);
    this.kernelInitializer = initializers.get(kernelInitializer);
    this.recurrentInitializer = initializers.get(recurrentInitializer);
    this.biasInitializer = initializers.get(biasInitializer);
    this.kernelRegularizer = regularizers.get(kernelRegularizer);
    this.recurrentRegularizer = regularizers.get(recurrentRegularizer);
    this.biasRegularizer = regularizers.get(biasRegularizer);
    this.kernelConstraint = constraints.get(kernelConstraint);
    this.recurrentConstraint = constraints.get(recurrentConstraint);
    this.biasConstraint = constraints.get(biasConstraint);
    this.dropout = checkNumber(this, "dropout", dropout, 0, 1);
    this.recurrentDropout = checkNumber(this, "recurrentDropout", recurrentDropout, 0, 1);
    this.seed = seed;
    this.seedGenerator = new SeedGenerator(seed);
  }

  // ---------------------------------------------------------------- the step

  abstract get stateSize(): StateSize;

  /** The half of the step that needs no state, for inputs of one step or, on axis 0, of many. */
  abstract project(inputs: Tensor, masks: readonly Tensor[] | null): Tensor;

  /** The other half. What does not change from step to step is computed here, once. */
  abstract recurrence(masks: readonly Tensor[] | null): Recurrence;

  /**
   * One step.
   *
   * @param states - The states, or the only state.
   * @returns The output and the next states, as a list if `states` is one.
   */
  override call(
    inputs: Tensor,
    states: Tensor | readonly Tensor[],
    options: CallOptions = {},
  ): [output: Tensor, states: Tensor | Tensor[]] {
    const masks = this.masks(inputs.shape[0]!, options.training ?? false);
    const isList = Array.isArray(states);
    const list = (isList ? states : [states]) as readonly Tensor[];
    const [output, next] = this.recurrence(masks.states)(this.project(inputs, masks.inputs), list);
    return [output, isList ? next : next[0]!];
  }

  /** States before the first step: zeros. */
  abstract getInitialState(batchSize: number): Tensor[];

  // ---------------------------------------------------------------- dropout

  /** Shapes of what is dropped from. */
  protected abstract droppedShapes(batchSize: number): { inputs: readonly number[]; states: readonly number[] };

  /** For constructors: how many masks there are of each kind, and the rates at which elements are dropped. */
  protected startDropping(count: number, dropout: number, recurrentDropout: number): void {
    this.#inputMasks = new DropoutMasks(dropout, count, this.seedGenerator);
    this.#stateMasks = new DropoutMasks(recurrentDropout, count, this.seedGenerator);
  }

  /** Masks for a call; none outside training. */
  masks(batchSize: number, training: boolean): Masks {
    if (!training) return { inputs: null, states: null };
    const { inputs, states } = this.droppedShapes(batchSize);
    return {
      inputs: this.#inputMasks!.get(inputs, this.computeDtype),
      states: this.#stateMasks!.get(states, this.computeDtype),
    };
  }

  /** Draws masks that hold until they are reset. Recurrent layers do so before a sequence. */
  holdMasks(batchSize: number): void {
    const { inputs, states } = this.droppedShapes(batchSize);
    this.#inputMasks!.hold(inputs, this.computeDtype);
    this.#stateMasks!.hold(states, this.computeDtype);
  }

  /** Lets the next call in training drop other inputs. Needed only where the cell is called step by step. */
  resetDropoutMask(): void {
    this.#inputMasks!.reset();
  }

  /** Lets the next call in training drop other parts of the state. Needed only where the cell is called step by step. */
  resetRecurrentDropoutMask(): void {
    this.#stateMasks!.reset();
  }

  // ---------------------------------------------------------------- weights and config

  protected addKernel(shape: readonly number[]): void {
    const { kernelInitializer: initializer, kernelRegularizer: regularizer, kernelConstraint: constraint } = this;
    this.kernel = this.addWeight({ name: "kernel", shape, initializer, regularizer, constraint });
  }

  protected addRecurrentKernel(shape: readonly number[]): void {
    this.recurrentKernel = this.addWeight({
      name: "recurrent_kernel",
      shape,
      initializer: this.recurrentInitializer,
      regularizer: this.recurrentRegularizer,
      constraint: this.recurrentConstraint,
    });
  }

  protected addBias(shape: readonly number[], initializer = this.biasInitializer): void {
    if (!this.useBias) return;
    const { biasRegularizer: regularizer, biasConstraint: constraint } = this;
    this.bias = this.addWeight({ name: "bias", shape, initializer, regularizer, constraint });
  }

  /** `units` gates of a bias: zeros, or what the initializer says, but ones for the second quarter, the forget gate. */
  protected forgetBias(units: number): initializers.InitializerFunction {
    const part = (initializer: initializers.InitializerFunction, n: number) => (dtype: never) =>
      initializer([n], dtype);
    const parts = [
      part(this.biasInitializer, units),
      part(initializers.get("ones"), units),
      part(this.biasInitializer, 2 * units),
    ];
    return (_, dtype) => ops.concatenate(parts.map((make) => make(dtype as never)));
  }
}

/** Settings of a cell as files have them; `after` names the keys that Keras puts in other places for other classes. */
export function weightConfig(
  cell: BaseCell,
  more: { afterInitializers?: Config; afterRegularizers?: Config } = {},
): Config {
  const entries = Object.entries(WEIGHT_KEYS).map(([option, key]): [string, unknown] => {
    const value = cell[option as keyof typeof WEIGHT_KEYS];
    if (key.endsWith("initializer")) return [key, initializers.serialize(value as initializers.InitializerFunction)];
    if (key.endsWith("regularizer"))
      return [key, value && regularizers.serialize(value as regularizers.RegularizerFunction)];
    return [key, value && constraints.serialize(value as constraints.ConstraintFunction)];
  });
  return {
    ...Object.fromEntries(entries.slice(0, 3)),
    ...more.afterInitializers,
    ...Object.fromEntries(entries.slice(3, 6)),
    ...more.afterRegularizers,
    ...Object.fromEntries(entries.slice(6)),
  };
}
