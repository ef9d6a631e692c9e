/** How much of the labels' variance predictions explain. @see keras/src/metrics/regression_metrics.py (Keras 3.x) */
import { callable } from "../core/callable.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { alignRanks } from "../losses/reduction.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Metric, type MetricOptions } from "./metric.ts";

const AGGREGATIONS: readonly unknown[] = [null, "uniform_average", "variance_weighted_average"];

export interface R2ScoreOptions extends MetricOptions {
  /** How the scores of several outputs become one; `null` gives each. @defaultValue `"uniform_average"` */
  classAggregation?: "uniform_average" | "variance_weighted_average" | null;
  /** Number of independent variables, for the adjusted score. @defaultValue `0`, not adjusted */
  numRegressors?: number;
}

interface State {
  readonly squaredSum: Variable;
  readonly sum: Variable;
  readonly residual: Variable;
  readonly count: Variable;
}

class R2ScoreBase extends Metric {
  static readonly className = "R2Score";
  static readonly modulePath = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    classAggregation: "class_aggregation",
    numRegressors: "num_regressors",
  };
  readonly classAggregation: "uniform_average" | "variance_weighted_average" | null;
  readonly numRegressors: number;
  readonly numSamples: Variable;
  #state: State | null = null;

  constructor(options: R2ScoreOptions = {}) {
    super({ ...options, name: options.name ?? "r2_score" }, ["classAggregation", "numRegressors"]);
    const { classAggregation = "uniform_average", numRegressors = 0 } = options;
    if (!AGGREGATIONS.includes(classAggregation)) {
      throw new RangeError(
        `R2Score: expected \`classAggregation\` to be one of ${AGGREGATIONS.map(describe).join(", ")}. Received: ${describe(classAggregation)}`,
      );
    }
    if (!Number.isInteger(numRegressors) || numRegressors < 0) {
      throw new RangeError(
        `R2Score: expected \`numRegressors\` to be an integer from 0. Received: ${describe(numRegressors)}`,
      );
    }
    this.direction = "up";
    this.classAggregation = classAggregation;
    this.numRegressors = numRegressors;
    this.numSamples = this.addVariable({ name: "num_samples" });
  }

  #build(y: Tensor, p: Tensor): State {
    if (p.ndim !== 2 || y.ndim !== 2) {
      throw new ShapeError(
        `metric "${this.name}": expected targets and predictions of shape (samples, outputs). Received: ` +
          `targets ${formatShape(y.shape)}, predictions ${formatShape(p.shape)}`,
      );
    }
    const create = (name: string): Variable => this.addVariable({ name, shape: [p.shape[1]!] });
    return {
      squaredSum: create("squared_sum"),
      sum: create("sum"),
      residual: create("residual"),
      count: create("count"),
    };
  }

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const where = `metric "${this.name}"`;
    const [y, p] = alignRanks(toTensor(yTrue, this.dtype, where), toTensor(yPred, this.dtype, where));
    this.#state ??= this.#build(y, p);
    let weight = toTensor(sampleWeight ?? 1, this.dtype, where);
    if (weight.ndim === 1) weight = ops.expandDims(weight, 1);
    weight = ops.broadcastTo(weight, y.shape);
    const total = (x: Tensor): Tensor => ops.sum(x, { axis: 0 });
    const weighted = ops.multiply(y, weight);
    this.#state.sum.assignAdd(total(weighted));
    this.#state.squaredSum.assignAdd(total(ops.multiply(y, weighted)));
    this.#state.residual.assignAdd(total(ops.multiply(ops.square(ops.subtract(y, p)), weight)));
    this.#state.count.assignAdd(total(weight));
    this.numSamples.assignAdd(y.size);
  }

  override result(): Tensor {
    if (!this.#state)
      throw new Error(`metric "${this.name}": no result before the first batch, which tells the outputs`);
    const sum = this.#state.sum.value;
    const mean = ops.divide(sum, this.#state.count.value);
    const variance = ops.subtract(this.#state.squaredSum.value, ops.multiply(sum, mean));
    const raw = ops.subtract(1, ops.divide(this.#state.residual.value, variance));
    const scores = ops.where(ops.isinf(raw), 0, raw);
    return this.#adjusted(this.#aggregated(scores, variance));
  }

  #aggregated(scores: Tensor, variance: Tensor): Tensor {
    if (this.classAggregation === null) return scores;
    if (this.classAggregation === "uniform_average") return ops.mean(scores);
    return ops.divide(ops.sum(ops.multiply(variance, scores)), ops.sum(variance));
  }

  /** 1 − (1 − R²)(n − 1) / (n − p − 1); with too few samples the score itself. */
  #adjusted(score: Tensor): Tensor {
    if (this.numRegressors === 0) return score;
    const n = this.numSamples.value;
    const freedom = ops.subtract(n, this.numRegressors + 1);
    const enough = ops.greater(freedom, 0);
    const ratio = ops.divide(ops.subtract(n, 1), ops.where(enough, freedom, 1));
    return ops.where(enough, ops.subtract(1, ops.multiply(ops.subtract(1, score), ratio)), score);
  }
}

/** R²: 1 − Σ(y − p)² / Σ(y − ȳ)². 1 is perfect, 0 as good as the mean of the labels. */
export const R2Score = callable(R2ScoreBase);
export type R2Score = R2ScoreBase;
