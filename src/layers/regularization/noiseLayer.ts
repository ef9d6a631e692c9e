/** What the layers share that add noise in training: how much, a seed, and a generator that draws anew at each call. */
import { isPlainObject } from "../../core/tree.ts";
import { SeedGenerator } from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { checkNumber } from "../checks.ts";
import { type CallOptions, LayerBase, type LayerOptions } from "../layer.ts";

/** Options of layers that draw random numbers. */
export interface SeededOptions extends LayerOptions {
  /** Makes the draws repeat from one program run to the next. @defaultValue `null` */
  seed?: number | null;
}

/** Options of layers that drop a fraction of their inputs. */
export interface RateOptions extends SeededOptions {
  /** Fraction to drop, from 0 to 1. */
  rate: number;
}

/** Rate and options, or options alone. */
export function rateFirst<O extends RateOptions>(rate: number | O, options: Omit<O, "rate">): O {
  return isPlainObject(rate) ? (rate as O) : ({ ...options, rate } as unknown as O);
}

/** A layer that passes its inputs on unchanged, except in training. */
export abstract class NoiseLayer extends LayerBase {
  readonly seed: number | null;
  /** Absent where nothing is drawn. */
  seedGenerator?: InstanceType<typeof SeedGenerator>;

  constructor(seed: number | null, options: LayerOptions) {
    super(options);
    this.seed = seed;
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  /** Checks the amount and makes the generator where there is something to draw. */
  protected startDrawing(option: string, amount: number): number {
    const checked = checkNumber(this, option, amount, 0, 1);
    if (checked > 0) this.seedGenerator = new SeedGenerator(this.seed);
    return checked;
  }

  /** The inputs with noise. */
  protected abstract disturb(inputs: Tensor, seed: InstanceType<typeof SeedGenerator>): Tensor;

  override call(inputs: Tensor, options: CallOptions = {}): Tensor {
    return options.training && this.seedGenerator ? this.disturb(inputs, this.seedGenerator) : inputs;
  }
}
