/** Copies rows of host arrays into batches: the only work that fitting does in JavaScript per sample. */
import { allocate, type DType, type TypedArray } from "../../core/dtype.ts";
import { type StaticShape, sizeOf } from "../../core/shape.ts";
import { type Tensor, tensorFromHost } from "../../runtime/tensor.ts";

/** Host data of which batches are made. */
export interface HostArray {
  readonly data: TypedArray;
  readonly shape: StaticShape;
  readonly dtype: DType;
}

/**
 * Rows `start` to `end` of the order given by `permutation`; without one, a view of the array and no copy.
 *
 * @param target - Storage for the copy, overwritten. A batch per step of fresh memory costs more than the copy: the engine
 *   touches new pages and the garbage collector takes them away again.
 */
export function takeRows(
  array: HostArray,
  permutation: Int32Array | null,
  start: number,
  end: number,
  target: TypedArray | null = null,
): Tensor {
  const rowShape = array.shape.slice(1);
  const width = sizeOf(rowShape);
  const shape = [end - start, ...rowShape];
  const source = array.data as Float32Array;
  if (!permutation) return tensorFromHost(source.subarray(start * width, end * width), shape, array.dtype);
  const size = (end - start) * width;
  const rows = (target ? target.subarray(0, size) : allocate(array.dtype, size)) as Float32Array;
  if (width === 1) {
    for (let i = start; i < end; i++) rows[i - start] = source[permutation[i]!]!;
  } else {
    for (let i = start; i < end; i++) {
      const row = permutation[i]! * width;
      rows.set(source.subarray(row, row + width), (i - start) * width);
    }
  }
  return tensorFromHost(rows, shape, array.dtype);
}

/** Storage that batches take turns in: a batch is valid until `turns` others have been made. */
export class BatchStorage {
  readonly #batchSize: number;
  readonly #turns: number;
  readonly #arrays = new Map<HostArray, TypedArray[]>();

  constructor(batchSize: number, turns: number) {
    this.#batchSize = batchSize;
    this.#turns = turns;
  }

  /** Where rows of `array` go in batch number `batch`. */
  for(array: HostArray, batch: number): TypedArray {
    let storage = this.#arrays.get(array);
    if (!storage) {
      storage = [];
      this.#arrays.set(array, storage);
    }
    const turn = batch % this.#turns;
    storage[turn] ??= allocate(array.dtype, this.#batchSize * sizeOf(array.shape.slice(1)));
    return storage[turn];
  }
}
