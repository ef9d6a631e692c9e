/** What the layers share that drop elements by a decision each, or one for several elements. */
import { describe } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { type Config, classNameOf } from "../../ops/operation.ts";
import type * as random from "../../random/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { NoiseLayer, type RateOptions, rateFirst } from "./noiseLayer.ts";

/** Options of {@link Dropout} and {@link AlphaDropout}. */
export interface DropoutOptions extends RateOptions {
  /**
   * Shape of the decisions, which broadcast to the inputs: `[null, 1, 64]` drops the same features in all time steps.
   * `null` sizes are those of the inputs. @defaultValue `null`
   */
  noiseShape?: readonly (number | null)[] | null;
}

/** @throws TypeError or RangeError unless it is a list of positive integers and `null`. */
function checkNoiseShape(where: string, noiseShape: unknown): readonly (number | null)[] | null {
  if (noiseShape === null || noiseShape === undefined) return null;
  const expected = `${where}: expected \`noiseShape\` to be a list of positive integers or null.`;
  if (!Array.isArray(noiseShape)) throw new TypeError(`${expected} Received: ${describe(noiseShape)}`);
  const at = noiseShape.findIndex((d) => d !== null && (!Number.isInteger(d) || d < 1));
  if (at >= 0) throw new RangeError(`${expected} Received: ${describe(noiseShape[at])} at index ${at}`);
  return [...noiseShape];
}

/** @throws RangeError when the shape of the decisions does not have the inputs' rank. */
function checkNoiseRank(noiseShape: readonly (number | null)[] | null, inputs: Tensor): void {
  if (noiseShape === null || noiseShape.length === inputs.ndim) return;
  throw new RangeError(
    `\`noiseShape\` ${formatShape(noiseShape)} has ${noiseShape.length} sizes, but the inputs have rank ${inputs.ndim}`,
  );
}

/** A layer with a fraction to drop and a shape of the decisions. */
export abstract class DroppingLayer extends NoiseLayer {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    rate: "rate",
    seed: "seed",
    noiseShape: "noise_shape",
  };

  readonly rate: number;
  readonly noiseShape: readonly (number | null)[] | null;

  constructor(rate: number | DropoutOptions, options: Omit<DropoutOptions, "rate"> = {}) {
    const { rate: fraction, seed = null, noiseShape = null, ...base } = rateFirst(rate, options);
    super(seed, base);
    this.noiseShape = checkNoiseShape(`${classNameOf(this)} "${this.name}"`, noiseShape);
    this.rate = this.startDrawing("rate", fraction);
  }

  protected override disturb(inputs: Tensor, seed: random.Seed): Tensor {
    checkNoiseRank(this.noiseShape, inputs);
    return this.drop(inputs, seed);
  }

  /** The inputs without what is dropped. */
  protected abstract drop(inputs: Tensor, seed: random.Seed): Tensor;

  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate, seed: this.seed, noise_shape: this.noiseShape };
  }
}
