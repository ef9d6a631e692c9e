/** Rectified linear units as layers: with fixed slopes, here; with a trained slope, in prelu.ts. */
import * as activations from "../../activations/index.ts";
import { isPlainObject } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { checkNumber } from "../checks.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** Options of {@link ReLU}. */
export interface ReLUOptions extends LayerOptions {
  /** Largest value; at least 0. @defaultValue `null` (no limit) */
  maxValue?: number | null;
  /** Slope below the threshold; at least 0. @defaultValue `0` */
  negativeSlope?: number;
  /** Values below it count as negative; at least 0. @defaultValue `0` */
  threshold?: number;
}

/** The number given alone, or the options. */
const numberFirst = <O extends LayerOptions>(key: keyof O & string, first: number | O | null, options: O): O =>
  isPlainObject(first) ? (first as O) : ({ ...options, [key]: first } as O);

/**
 * f(x) = maxValue for x ≥ maxValue, x for threshold ≤ x < maxValue, negativeSlope · (x − threshold) below.
 *
 * @throws RangeError for a negative option.
 * @see keras/src/layers/activations/relu.py (Keras 3.x)
 */
export class ReLUBase extends LayerBase {
  static readonly className: string = "ReLU";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    maxValue: "max_value",
    negativeSlope: "negative_slope",
    threshold: "threshold",
  };

  readonly maxValue: number | null;
  readonly negativeSlope: number;
  readonly threshold: number;

  constructor(maxValue: number | ReLUOptions | null = {}, options: Omit<ReLUOptions, "maxValue"> = {}) {
    const {
      maxValue: largest = null,
      negativeSlope = 0,
      threshold = 0,
      ...base
    } = numberFirst<ReLUOptions>("maxValue", maxValue, options);
    super(base);
    this.maxValue = largest === null ? null : checkNumber(this, "maxValue", largest, 0);
    this.negativeSlope = checkNumber(this, "negativeSlope", negativeSlope, 0);
    this.threshold = checkNumber(this, "threshold", threshold, 0);
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override call(inputs: Tensor): Tensor {
    const { negativeSlope, maxValue, threshold } = this;
    return activations.relu(inputs, { negativeSlope, maxValue, threshold });
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      max_value: this.maxValue,
      negative_slope: this.negativeSlope,
      threshold: this.threshold,
    };
  }
}

/** Options of {@link LeakyReLU}. */
export interface LeakyReLUOptions extends LayerOptions {
  /** Slope below 0; at least 0. @defaultValue `0.3` */
  negativeSlope?: number;
}

/**
 * f(x) = x for x ≥ 0, negativeSlope · x below.
 *
 * The layer's default slope is 0.3; that of the activation `"leaky_relu"` is 0.2.
 *
 * @throws RangeError for a negative slope.
 * @see keras/src/layers/activations/leaky_relu.py (Keras 3.x)
 */
export class LeakyReLUBase extends LayerBase {
  static readonly className: string = "LeakyReLU";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { negativeSlope: "negative_slope" };

  readonly negativeSlope: number;

  constructor(negativeSlope: number | LeakyReLUOptions = {}, options: LayerOptions = {}) {
    const { negativeSlope: slope = 0.3, ...base } = numberFirst<LeakyReLUOptions>(
      "negativeSlope",
      negativeSlope,
      options,
    );
    super(base);
    this.negativeSlope = checkNumber(this, "negativeSlope", slope, 0);
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override call(inputs: Tensor): Tensor {
    return ops.leakyRelu(inputs, { negativeSlope: this.negativeSlope });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), negative_slope: this.negativeSlope };
  }

  /** Keras 2 called the slope `alpha`. */
  static override fromConfig(config: Config): LeakyReLUBase {
    const { alpha, ...rest } = config;
    return super.fromConfig(alpha === undefined ? rest : { ...rest, negative_slope: Number(alpha) }) as LeakyReLUBase;
  }
}

/** Options of {@link ELU}. */
export interface ELUOptions extends LayerOptions {
  /** What the negative side tends to, negated. @defaultValue `1` */
  alpha?: number;
}

/**
 * f(x) = x for x ≥ 0, alpha · (e^x − 1) below.
 *
 * @see keras/src/layers/activations/elu.py (Keras 3.x)
 */
export class ELUBase extends LayerBase {
  static readonly className: string = "ELU";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { alpha: "alpha" };

  readonly alpha: number;

  constructor(alpha: number | ELUOptions = {}, options: LayerOptions = {}) {
    const { alpha: given = 1, ...base } = numberFirst<ELUOptions>("alpha", alpha, options);
    super(base);
    this.alpha = checkNumber(this, "alpha", given);
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override call(inputs: Tensor): Tensor {
    return ops.elu(inputs, { alpha: this.alpha });
  }

  override getConfig(): Config {
    const { name, ...rest } = super.getConfig();
    return { name, alpha: this.alpha, ...rest };
  }
}

export const ReLU = layerClass(ReLUBase);
export type ReLU = InstanceType<typeof ReLU>;
export const LeakyReLU = layerClass(LeakyReLUBase);
export type LeakyReLU = InstanceType<typeof LeakyReLU>;
export const ELU = layerClass(ELUBase);
export type ELU = InstanceType<typeof ELU>;
