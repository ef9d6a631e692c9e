/** Mean and variance of data that comes in batches, for every position along some axes. */
import { sizeOf } from "../../core/shape.ts";

export class Moments {
  readonly shape: readonly number[];
  readonly mean: Float64Array;
  /** Sum of squared deviations. */
  readonly #squares: Float64Array;
  #count = 0;

  /** @param shape - Sizes of the axes that are kept. */
  constructor(shape: readonly number[]) {
    this.shape = shape;
    this.mean = new Float64Array(sizeOf(shape));
    this.#squares = new Float64Array(this.mean.length);
  }

  /** Adds data of a shape, in which `kept` are the axes that are kept, in rising order. */
  add(values: Float64Array, shape: readonly number[], kept: readonly number[]): void {
    const positions = this.mean.length;
    const count = values.length / positions;
    if (count === 0) return;
    const at = positionsOf(shape, kept);
    const mean = new Float64Array(positions);
    for (let i = 0; i < values.length; i++) mean[at[i]!]! += values[i]! / count;
    const squares = new Float64Array(positions);
    for (let i = 0; i < values.length; i++) squares[at[i]!]! += (values[i]! - mean[at[i]!]!) ** 2;
    // Chan, Golub and LeVeque (1979): two groups as one.
    const total = this.#count + count;
    for (let p = 0; p < positions; p++) {
      const distance = mean[p]! - this.mean[p]!;
      this.mean[p]! += (distance * count) / total;
      this.#squares[p]! += squares[p]! + (distance ** 2 * this.#count * count) / total;
    }
    this.#count = total;
  }

  get variance(): Float64Array {
    return this.#squares.map((x) => x / this.#count);
  }
}

/** For each element in row-major order, its position along the kept axes. */
function positionsOf(shape: readonly number[], kept: readonly number[]): Int32Array {
  let at = new Int32Array(1);
  shape.forEach((size, axis) => {
    const keeps = kept.includes(axis);
    const next = new Int32Array(at.length * size);
    for (let i = 0; i < at.length; i++) {
      for (let k = 0; k < size; k++) next[i * size + k] = keeps ? at[i]! * size + k : at[i]!;
    }
    at = next;
  });
  return at;
}
