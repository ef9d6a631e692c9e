/** Harmonic means of precision and recall. @see keras/src/metrics/f_score_metrics.py (Keras 3.x) */
import { callable } from "../core/callable.ts";
import { epsilon } from "../core/config.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesEqual } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { classNameOf } from "../ops/operation.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import type { Config } from "../serialization/registry.ts";
import { Metric, type MetricOptions } from "./metric.ts";

const AVERAGES: readonly unknown[] = [null, "micro", "macro", "weighted"];

export interface F1ScoreOptions extends MetricOptions {
  /**
   * `null` gives one score per class; `"micro"` counts all classes together; `"macro"` and `"weighted"` average over the
   * classes, the latter by how many labels each has. @defaultValue `null`
   */
  average?: "micro" | "macro" | "weighted" | null;
  /** What is larger is a yes; `null` takes the largest prediction of each row. @defaultValue `null` */
  threshold?: number | null;
}

export interface FBetaScoreOptions extends F1ScoreOptions {
  /** How much more recall counts than precision. @defaultValue `1` */
  beta?: number;
}

interface State {
  readonly truePositives: Variable;
  readonly falsePositives: Variable;
  readonly falseNegatives: Variable;
  /** Labels per class. */
  readonly intermediateWeights: Variable;
}

class FBetaScoreBase extends Metric {
  static readonly className: string = "FBetaScore";
  static readonly modulePath: string = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    average: "average",
    beta: "beta",
    threshold: "threshold",
  };
  readonly average: "micro" | "macro" | "weighted" | null;
  readonly beta: number;
  readonly threshold: number | null;
  #state: State | null = null;

  constructor(options: FBetaScoreOptions = {}) {
    super({ ...options, name: options.name ?? "fbeta_score" }, ["average", "beta", "threshold"]);
    const where = classNameOf(this);
    const { average = null, beta = 1, threshold = null } = options;
    if (!AVERAGES.includes(average)) {
      throw new RangeError(
        `${where}: expected \`average\` to be one of ${AVERAGES.map(describe).join(", ")}. Received: ${describe(average)}`,
      );
    }
    if (typeof beta !== "number" || !(beta > 0)) {
      throw new RangeError(`${where}: expected \`beta\` to be a positive number. Received: ${describe(beta)}`);
    }
    if (threshold !== null && !(typeof threshold === "number" && threshold > 0 && threshold <= 1)) {
      throw new RangeError(
        `${where}: expected \`threshold\` to be a number over 0, up to 1. Received: ${describe(threshold)}`,
      );
    }
    this.direction = "up";
    this.average = average;
    this.beta = beta;
    this.threshold = threshold;
  }

  /** The state has one entry per class, so that the first batch creates it. */
  #build(y: Tensor, p: Tensor): State {
    if (p.ndim !== 2 || !shapesEqual(y.shape, p.shape)) {
      throw new ShapeError(
        `metric "${this.name}": expected one-hot targets and predictions of shape (samples, classes). Received: ` +
          `targets ${formatShape(y.shape)}, predictions ${formatShape(p.shape)}. For integer labels use utils.toCategorical(y)`,
      );
    }
    const create = (name: string): Variable =>
      this.addVariable({ name, shape: this.average === "micro" ? [] : [p.shape[1]!] });
    return {
      truePositives: create("true_positives"),
      falsePositives: create("false_positives"),
      falseNegatives: create("false_negatives"),
      intermediateWeights: create("intermediate_weights"),
    };
  }

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const where = `metric "${this.name}"`;
    const [y, scores] = [toTensor(yTrue, this.dtype, where), toTensor(yPred, this.dtype, where)];
    this.#state ??= this.#build(y, scores);
    const yes =
      this.threshold === null
        ? ops.logicalAnd(
            ops.greaterEqual(scores, ops.max(scores, { axis: -1, keepdims: true })),
            ops.greater(ops.abs(scores), 1e-9),
          )
        : ops.greater(scores, this.threshold);
    const p = ops.cast(yes, this.dtype);
    const weight = sampleWeight === null ? null : ops.expandDims(toTensor(sampleWeight, this.dtype, where), 1);
    const axis = this.average === "micro" ? null : 0;
    const total = (x: Tensor): Tensor => ops.sum(weight ? ops.multiply(x, weight) : x, { axis });
    const right = ops.multiply(p, y);
    this.#state.truePositives.assignAdd(total(right));
    this.#state.falsePositives.assignAdd(total(ops.subtract(p, right)));
    this.#state.falseNegatives.assignAdd(total(ops.subtract(y, right)));
    this.#state.intermediateWeights.assignAdd(total(y));
  }

  override result(): Tensor {
    if (!this.#state)
      throw new Error(`metric "${this.name}": no result before the first batch, which tells the classes`);
    const tp = this.#state.truePositives.value;
    const share = (other: Variable): Tensor => ops.divide(tp, ops.add(ops.add(tp, other.value), epsilon()));
    const precision = share(this.#state.falsePositives);
    const recall = share(this.#state.falseNegatives);
    const square = this.beta ** 2;
    const sum = ops.add(ops.add(ops.multiply(precision, square), recall), epsilon());
    const scores = ops.multiply(ops.divide(ops.multiply(precision, recall), sum), 1 + square);
    if (this.average === null) return scores;
    if (this.average !== "weighted") return ops.mean(scores);
    const weights = this.#state.intermediateWeights.value;
    return ops.sum(ops.multiply(scores, ops.divide(weights, ops.add(ops.sum(weights), epsilon()))));
  }
}

class F1ScoreBase extends FBetaScoreBase {
  static override readonly className = "F1Score";
  static override readonly modulePath = "keras.metrics";

  constructor(options: F1ScoreOptions = {}) {
    super({ ...options, name: options.name ?? "f1_score" });
    if ("beta" in options) {
      throw new TypeError("F1Score: unknown option `beta`. Use FBetaScore for another weight of recall");
    }
  }

  override getConfig(): Config {
    const { beta: _, ...config } = super.getConfig();
    return config;
  }
}

/** (1 + β²) · P · R / (β² P + R), with precision P and recall R, of one-hot labels. */
export const FBetaScore = callable(FBetaScoreBase);
export type FBetaScore = FBetaScoreBase;
/** 2 · P · R / (P + R), with precision P and recall R, of one-hot labels. */
export const F1Score = callable(F1ScoreBase);
export type F1Score = F1ScoreBase;
