/** The base of losses, and any function of labels and predictions as a loss. */
import { floatx } from "../core/config.ts";
import type { DType } from "../core/dtype.ts";
import { getPolicy } from "../core/dtypePolicy.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { toSnakeCase, uniqueName } from "../core/names.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { classNameOf } from "../ops/operation.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { ConfigObject, configOf } from "../serialization/configObject.ts";
import type { Config } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import { functionConfig, wrapperOptions } from "./functionOptions.ts";
import { CLASS_NUMBER_LOSSES } from "./functions.ts";
import { alignRanks, type Reduction, reduceWeighted, standardizeReduction } from "./reduction.ts";

/** Per-sample losses of labels and predictions. */
export type LossFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

export interface LossOptions {
  /** @defaultValue the class in snake case */
  name?: string | null;
  /** @defaultValue `"sum_over_batch_size"`, the mean over all values */
  reduction?: Reduction;
  /** Dtype in which the loss is computed. @defaultValue floatx */
  dtype?: string | null;
}

export const LOSS_OPTIONS: readonly string[] = ["name", "reduction", "dtype"];

export interface Loss {
  /** The reduced loss. */
  (yTrue: Operand, yPred: Operand, sampleWeight?: Operand | null): Tensor;
}

/**
 * Base of losses: subclasses compute per-sample values in `call`; calling the object reduces them, with the mask of the
 * predictions and with sample weights.
 *
 * @example
 * class Quartic extends losses.Loss {
 *   call(yTrue, yPred) { return ops.mean(ops.power(ops.subtract(yTrue, yPred), 4), { axis: -1 }); }
 * }
 * @see keras/src/losses/loss.py (Keras 3.x)
 */
export abstract class Loss extends ConfigObject {
  static readonly configKeys: Readonly<Record<string, string>> = { name: "name", reduction: "reduction" };
  static readonly ignoredConfigKeys: readonly string[] = ["dtype"];
  name: string;
  readonly reduction: Reduction;
  readonly dtype: DType;

  /** @param known - Names of the options that the subclass has besides those of every loss. */
  constructor(options: LossOptions = {}, known: readonly string[] = []) {
    super();
    const className = classNameOf(this);
    checkOptions(className, options, [...LOSS_OPTIONS, ...known]);
    const { name = null, reduction = "sum_over_batch_size", dtype = null } = options;
    if (name !== null && typeof name !== "string") {
      throw new TypeError(`${className}: expected \`name\` to be a string. Received: ${describe(name)}`);
    }
    this.name = name ?? uniqueName(toSnakeCase(className));
    this.reduction = standardizeReduction(className, reduction);
    this.dtype = getPolicy(dtype ?? floatx()).computeDtype;
  }

  /** Values per sample, unreduced. */
  abstract override call(yTrue: Tensor, yPred: Tensor): Tensor;

  override invoke(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): Tensor {
    const where = `loss "${this.name}"`;
    const prediction = toTensor(yPred, null, where);
    const labels = this.castLabels(toTensor(yTrue, null, where));
    const values = this.call(labels, ops.cast(prediction, this.dtype));
    const weight = sampleWeight === null ? null : toTensor(sampleWeight, null, where);
    // Of the prediction: padded steps. Of the values: what the loss itself leaves out.
    const masks = [prediction.mask, values.mask].filter((mask) => mask !== null);
    const mask = masks.length === 2 ? ops.logicalAnd(...alignRanks(masks[0]!, masks[1]!)) : masks[0];
    return reduceWeighted(where, values, weight, mask ?? null, this.reduction, this.dtype);
  }

  /** Labels as `call` receives them: in the dtype of the loss. */
  protected castLabels(labels: Tensor): Tensor {
    return ops.cast(labels, this.dtype);
  }
}

/**
 * A function of labels and predictions as a loss.
 *
 * @param fn - Gives values per sample, or one value. Options that the loss does not know are passed to it as third argument.
 * @see keras/src/losses/losses.py `LossFunctionWrapper` (Keras 3.x)
 */
export class LossFunctionWrapper extends Loss {
  static readonly className: string = "LossFunctionWrapper";
  static readonly modulePath: string = "keras.src.losses.losses";
  static override readonly configKeys: Readonly<Record<string, string>> = { fn: "fn" };
  readonly fn: LossFunction;
  protected readonly fnOptions: Readonly<Record<string, unknown>>;

  constructor(fn: LossFunction | { fn: LossFunction }, options: LossOptions & Record<string, unknown> = {}) {
    const { fn: wrapped, ...rest } = (typeof fn === "function" ? { ...options, fn } : (fn ?? {})) as typeof options & {
      fn: LossFunction;
    };
    if (typeof wrapped !== "function") {
      throw new TypeError(
        `LossFunctionWrapper: expected a function of (yTrue, yPred) first. Received: ${describe(wrapped)}`,
      );
    }
    const extra = Object.keys(rest).filter((key) => !LOSS_OPTIONS.includes(key));
    super({ ...rest, name: rest.name ?? (toSnakeCase(wrapped.name) || null) }, extra);
    this.fn = wrapped;
    this.fnOptions = Object.fromEntries(extra.map((key) => [key, rest[key]]));
  }

  override call(yTrue: Tensor, yPred: Tensor): Tensor {
    const fn = this.fn as (yTrue: Tensor, yPred: Tensor, options?: object) => Tensor;
    const [y, p] = alignRanks(yTrue, yPred);
    return Object.keys(this.fnOptions).length === 0 ? fn(y, p) : fn(y, p, this.fnOptions);
  }

  /** Class numbers stay integers: a cast there and back would cost two operations per step. */
  protected override castLabels(labels: Tensor): Tensor {
    return CLASS_NUMBER_LOSSES.has(this.fn) ? labels : super.castLabels(labels);
  }

  override getConfig(): Config {
    return { ...configOf(this), fn: serializeObject(this.fn), ...functionConfig(this.fnOptions) };
  }

  static override fromConfig(config: Config): object {
    return new (this as unknown as new (options: object) => object)(wrapperOptions(this, config));
  }
}
