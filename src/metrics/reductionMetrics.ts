/** Sums and means over batches, and any function of labels and predictions as a mean. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import { functionConfig, wrapperOptions } from "../losses/functionOptions.ts";
import { FUNCTIONS as LOSS_FUNCTIONS, Loss } from "../losses/index.ts";
import { alignRanks, applyMask } from "../losses/reduction.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { configOf } from "../serialization/configObject.ts";
import type { Config } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import { Metric, type MetricOptions } from "./metric.ts";

/** Values per sample of a metric. */
export type MetricFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** Product of all sizes but the first. */
const perSample = (shape: readonly number[]): number => sizeOf(shape.slice(1));

/** Values and weights of one rank: values have no axes that the weights lack. */
function weigh(
  where: string,
  given: Tensor,
  givenWeight: Tensor,
  reduce: (x: Tensor, options: { axis: number[] }) => Tensor,
): [Tensor, Tensor] {
  const masked = given.mask ? applyMask(givenWeight, given.mask, given.dtype, "sum")! : givenWeight;
  let [values, weight] = alignRanks(given, masked);
  if (values.ndim > weight.ndim) {
    const axis = values.shape.map((_, i) => i).slice(weight.ndim);
    values = reduce(values, { axis });
  }
  const { shape } = values;
  if (weight.ndim !== values.ndim || weight.shape.some((d, i) => d !== 1 && d !== shape[i])) {
    throw new ShapeError(
      `${where}: \`sampleWeight\` has shape ${formatShape(givenWeight.shape)} but there are values of shape ` +
        `${formatShape(given.shape)}; expected weights that broadcast to them, for example one per sample`,
    );
  }
  return [values, weight];
}

/** Sum of all values, weighted. @see keras/src/metrics/reduction_metrics.py (Keras 3.x) */
export class Sum extends Metric {
  static readonly className = "Sum";
  static readonly modulePath = "keras.metrics";
  readonly total: Variable;

  constructor(options: MetricOptions = {}) {
    super({ ...options, name: options.name ?? "sum" });
    this.total = this.addVariable({ name: "total" });
  }

  override updateState(values: Operand, sampleWeight: Operand | null = null): void {
    const where = `metric "${this.name}"`;
    const x = ops.cast(toTensor(values, null, where), this.dtype);
    if (sampleWeight === null) {
      this.total.assignAdd(ops.sum(x));
      return;
    }
    const [v, w] = weigh(where, x, toTensor(sampleWeight, this.dtype, where), ops.sum);
    this.total.assignAdd(ops.sum(ops.multiply(v, w)));
  }

  override result(): Tensor {
    return this.total.value;
  }
}

/**
 * Weighted mean of values over batches: Σ v·w / Σ w. Values of one sample are averaged first, and without weights each
 * sample weighs 1.
 *
 * @see keras/src/metrics/reduction_metrics.py (Keras 3.x)
 */
export class Mean extends Metric {
  static readonly className: string = "Mean";
  static readonly modulePath: string = "keras.metrics";
  readonly total: Variable;
  readonly count: Variable;

  constructor(options: MetricOptions = {}, known: readonly string[] = []) {
    super({ ...options, name: options.name === undefined ? "mean" : options.name }, known);
    this.total = this.addVariable({ name: "total" });
    this.count = this.addVariable({ name: "count" });
  }

  /** Few operations, since it runs in every step: counts that the shapes tell are constants. */
  override updateState(values: Operand, sampleWeight: Operand | null = null): void {
    const where = `metric "${this.name}"`;
    const x = ops.cast(toTensor(values, null, where), this.dtype);
    if (sampleWeight === null) {
      this.#add(scaled(ops.sum(x), 1 / perSample(x.shape)), x.shape[0] ?? 1);
      return;
    }
    if (typeof sampleWeight === "number" && x.mask === null) {
      this.#add(scaled(ops.mean(x), sampleWeight), sampleWeight);
      return;
    }
    const [v, w] = weigh(where, x, toTensor(sampleWeight, this.dtype, where), ops.mean);
    const each = perSample(v.shape);
    this.#add(scaled(ops.sum(ops.multiply(v, w)), 1 / each), scaled(ops.sum(w), v.size / w.size / each));
  }

  #add(total: Tensor, count: Tensor | number): void {
    this.total.assignAdd(total);
    this.count.assignAdd(count);
  }

  override result(): Tensor {
    const count = this.count.value;
    return ops.where(ops.equal(count, 0), 0, ops.divide(this.total.value, count));
  }
}

const scaled = (x: Tensor, factor: number): Tensor => (factor === 1 ? x : ops.multiply(x, factor));

const lossFunctions = new Set<unknown>(Object.values(LOSS_FUNCTIONS));

/**
 * Mean over batches of a function of labels and predictions. The mask of the predictions weighs the values.
 *
 * @param fn - Gives values per sample. Options that the metric does not know are passed to it as third argument.
 * @see keras/src/metrics/reduction_metrics.py (Keras 3.x)
 */
export class MeanMetricWrapper extends Mean {
  static override readonly className: string = "MeanMetricWrapper";
  static override readonly modulePath: string = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = { fn: "fn" };
  readonly fn: MetricFunction;
  protected readonly fnOptions: Readonly<Record<string, unknown>>;

  constructor(fn: MetricFunction | { fn: MetricFunction }, options: MetricOptions & Record<string, unknown> = {}) {
    const { fn: wrapped, ...rest } = (typeof fn === "function" ? { ...options, fn } : (fn ?? {})) as typeof options & {
      fn: MetricFunction;
    };
    if (typeof wrapped !== "function") {
      throw new TypeError(
        `MeanMetricWrapper: expected a function of (yTrue, yPred) first. Received: ${describe(wrapped)}`,
      );
    }
    const extra = Object.keys(rest).filter((key) => key !== "name" && key !== "dtype");
    super({ ...rest, name: rest.name ?? null }, extra);
    this.fn = wrapped;
    this.fnOptions = Object.fromEntries(extra.map((key) => [key, rest[key]]));
    if (lossFunctions.has(wrapped) || wrapped instanceof Loss) this.direction = "down";
  }

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const where = `metric "${this.name}"`;
    const [y, p] = [toTensor(yTrue, null, where), toTensor(yPred, null, where)];
    const fn = this.fn as (yTrue: Tensor, yPred: Tensor, options?: object) => Tensor;
    const values = Object.keys(this.fnOptions).length === 0 ? fn(y, p) : fn(y, p, this.fnOptions);
    const weight = sampleWeight === null ? null : toTensor(sampleWeight, this.dtype, where);
    super.updateState(values, applyMask(weight, p.mask, this.dtype, "sum"));
  }

  override getConfig(): Config {
    return { ...configOf(this), fn: serializeObject(this.fn), ...functionConfig(this.fnOptions) };
  }

  static override fromConfig(config: Config): object {
    return new (this as unknown as new (options: object) => object)(wrapperOptions(this, config));
  }
}
