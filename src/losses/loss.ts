/** The base of losses. */
import { floatx } from "../core/config.ts";
import { standardizeDType } from "../core/dtype.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { toSnakeCase } from "../core/names.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { classNameOf } from "../ops/operation.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { ConfigObject } from "../serialization/configObject.ts";
import { type Reduction, reduceWeighted, standardizeReduction } from "./reduction.ts";

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

export const LOSS_OPTIONS = ["name", "reduction", "dtype"] as const;

export interface Loss {
  /** The reduced loss. */
  (yTrue: Operand, yPred: Operand, sampleWeight?: Operand | null): Tensor;
}

/**
 * Base of losses: subclasses compute per-sample values in `compute`.
 *
 * @see keras/src/losses/loss.py (Keras 3.x)
 */
export abstract class Loss extends ConfigObject {
  static readonly configKeys: Readonly<Record<string, string>> = { name: "name", reduction: "reduction" };
  static readonly ignoredConfigKeys: readonly string[] = ["dtype"];
  name: string;
  readonly reduction: Reduction;
  readonly dtype: string;

  constructor(options: LossOptions = {}, known: readonly string[] = []) {
    super();
    const className = classNameOf(this);
    checkOptions(className, options, [...LOSS_OPTIONS, ...known]);
    if (options.name !== undefined && options.name !== null && typeof options.name !== "string") {
      throw new TypeError(`${className}: expected \`name\` to be a string. Received: ${describe(options.name)}`);
    }
    Object.defineProperty(this, "name", {
      value: options.name ?? toSnakeCase(className),
      writable: true,
      enumerable: true,
      configurable: true,
    });
    this.name = options.name ?? toSnakeCase(className);
    this.reduction = standardizeReduction(
      className,
      options.reduction === undefined ? "sum_over_batch_size" : options.reduction,
    );
    this.dtype = standardizeDType(options.dtype ?? floatx());
  }

  /** Per-sample values. */
  abstract compute(yTrue: Tensor, yPred: Tensor): Tensor;

  override call(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): Tensor {
    const where = `loss "${this.name}"`;
    const prediction = toTensor(yPred, null, where);
    const labels = toTensor(yTrue, null, where);
    const p = ops.cast(prediction, this.dtype);
    const y = this.castLabels(labels);
    const values = this.compute(y, p);
    const mask = prediction.mask ?? values.mask;
    const weight = sampleWeight === null || sampleWeight === undefined ? null : toTensor(sampleWeight, null, where);
    return reduceWeighted(values, weight, mask, this.reduction, this.dtype);
  }

  /** Labels in the loss's dtype; losses over class numbers keep integers. */
  protected castLabels(labels: Tensor): Tensor {
    return ops.cast(labels, this.dtype);
  }
}

export interface LossWrapperOptions extends LossOptions {
  name?: string;
}

/** A function of labels and predictions as a loss. @see keras/src/losses/losses.py `LossFunctionWrapper` (Keras 3.x) */
export class LossFunctionWrapper extends Loss {
  static readonly className = "LossFunctionWrapper";
  static readonly modulePath = "keras.src.losses.losses";
  static override readonly configKeys = { name: "name", reduction: "reduction", fn: "fn" };
  readonly fn: LossFunction;

  constructor(fn: LossFunction | { fn: LossFunction }, options: LossOptions = {}) {
    const given = typeof fn === "function" ? { ...options, fn } : fn;
    const { fn: wrapped, ...rest } = given as LossOptions & { fn: LossFunction };
    super({ ...rest, name: rest.name ?? wrapped.name ?? "loss" });
    this.fn = wrapped;
  }

  override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.fn(yTrue, yPred);
  }

  /** The user's function sees labels as they came. */
  protected override castLabels(labels: Tensor): Tensor {
    return labels.dtype === "bool" ? ops.cast(labels, this.dtype) : labels;
  }
}
