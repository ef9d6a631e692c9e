/** What the cells share whose state is a vector: SimpleRNN, LSTM and GRU. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { checkPositiveInteger } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import { BaseCell, type CellOptions } from "./baseCell.ts";

/** Options of cells with several gates. */
export interface ImplementationOption {
  /**
   * In training with dropout: 1 drops for each gate anew, 2 drops the same for all gates. Otherwise they are the same.
   * Always 1 with `recurrentDropout`. @defaultValue `2`
   */
  implementation?: 1 | 2;
}

/** A cell of `units` elements and one or more gates. */
export abstract class VectorCell extends BaseCell {
  static override readonly configKeys: Readonly<Record<string, string>> = { units: "units" };

  readonly units: number;
  readonly outputSize: number;
  /** Parts that the kernels have for each unit. */
  readonly gates: number;

  constructor(units: number, gates: number, options: CellOptions) {
    super(options);
    this.units = checkPositiveInteger(this, "units", units);
    this.outputSize = this.units;
    this.gates = gates;
  }

  abstract override get stateSize(): number | readonly number[];

  override build(inputShape: Shape): void {
    const inputDim = inputShape.at(-1) ?? null;
    if (inputDim === null) {
      throw new ShapeError(
        `the number of features, the last axis of the inputs, must be known. Received: inputs of one step of shape ` +
          `${formatShape(inputShape)}; state it in \`Input({ shape: [time, features] })\``,
      );
    }
    const width = this.units * this.gates;
    this.addKernel([inputDim, width]);
    this.addRecurrentKernel([this.units, width]);
    this.buildBias();
  }

  protected buildBias(): void {
    this.addBias([this.units * this.gates]);
  }

  override getInitialState(batchSize: number): Tensor[] {
    const sizes = typeof this.stateSize === "number" ? [this.stateSize] : this.stateSize;
    return sizes.map((size) => ops.zeros([batchSize, size], { dtype: this.computeDtype }));
  }

  /**
   * For constructors of gated cells: drops for each gate anew, or the same for all. A fraction of 1 drops nothing, as in
   * Keras.
   */
  protected startDroppingPerGate(implementation: unknown): 1 | 2 {
    if (implementation !== 1 && implementation !== 2) {
      throw new RangeError(
        `${placeOf(this)}: expected \`implementation\` to be 1 or 2. Received: implementation=${describe(implementation)}`,
      );
    }
    const used = this.recurrentDropout > 0 ? 1 : implementation;
    const rate = (fraction: number): number => (fraction < 1 ? fraction : 0);
    this.startDropping(used === 1 ? this.gates : 1, rate(this.dropout), rate(this.recurrentDropout));
    return used;
  }

  protected override droppedShapes(batchSize: number) {
    return { inputs: [batchSize, this.kernel!.shape[0]!], states: [batchSize, this.units] };
  }

  /** (…, inputDim) → (…, gates · units): `x · kernel + bias`. */
  override project(inputs: Tensor, masks: readonly Tensor[] | null): Tensor {
    const product = gateProduct(inputs, this.kernel!.value, masks);
    const bias = this.inputBias();
    return bias ? ops.add(product, bias) : product;
  }

  /** What is added to the product of inputs and kernel. */
  protected inputBias(): Tensor | null {
    return this.bias?.value ?? null;
  }
}

/**
 * `x · kernel`, for `x` of any rank. With one mask `x` is dropped from before; with several, for each part of the kernel by a
 * mask of its own.
 */
export function gateProduct(x: Tensor, kernel: Tensor, masks: readonly Tensor[] | null): Tensor {
  if (masks === null) return rowsProduct(x, kernel);
  if (masks.length === 1) return rowsProduct(ops.multiply(x, masks[0]!), kernel);
  const parts = ops.split(kernel, masks.length, { axis: 1 });
  return ops.concatenate(
    parts.map((part, i) => rowsProduct(ops.multiply(x, masks[i]!), part)),
    { axis: -1 },
  );
}

/** One product of matrices however many axes come before the last: its gradient is one product as well. */
function rowsProduct(x: Tensor, kernel: Tensor): Tensor {
  if (x.ndim === 2) return ops.matmul(x, kernel);
  const rows = ops.reshape(x, [-1, x.shape.at(-1)!]);
  return ops.reshape(ops.matmul(rows, kernel), [...x.shape.slice(0, -1), kernel.shape[1]!]);
}
