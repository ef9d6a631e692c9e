/** Dropout of recurrent cells: what is dropped is decided once per sequence and holds for all of its steps. */
import { shapesEqual } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import * as random from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { activeTrace, type Trace } from "../../runtime/trace.ts";

/** Masks of one kind (of inputs or of states), drawn when they are first needed and kept until `reset`. */
export class DropoutMasks {
  readonly #rate: number;
  readonly #count: number;
  readonly #seed: random.Seed;
  #masks: readonly Tensor[] | null = null;
  #trace: Trace | null = null;
  #held = false;

  /** @param count - Masks at a time: one for all gates, or one for each. */
  constructor(rate: number, count: number, seed: random.Seed) {
    this.#rate = rate;
    this.#count = count;
    this.#seed = seed;
  }

  /** The masks, drawn anew where none are kept that fit: those of another recorded program mean nothing. */
  get(shape: readonly number[], dtype: string): readonly Tensor[] | null {
    if (this.#rate === 0) return null;
    const fits = this.#masks !== null && shapesEqual(this.#masks[0]!.shape, shape);
    if (!fits || !(this.#held || this.#trace === activeTrace())) {
      const ones = ops.ones([this.#count, ...shape], { dtype });
      this.#masks = ops.unstack(random.dropout(ones, this.#rate, { seed: this.#seed }));
      this.#trace = activeTrace();
    }
    return this.#masks;
  }

  /** Draws masks that hold until `reset`, also inside the body of a loop. */
  hold(shape: readonly number[], dtype: string): void {
    this.reset();
    this.get(shape, dtype);
    this.#held = true;
  }

  reset(): void {
    this.#masks = null;
    this.#held = false;
  }
}
