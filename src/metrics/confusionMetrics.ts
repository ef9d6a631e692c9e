/** Counts of right and wrong yes-or-no predictions, precision and recall. */
import { type Callable, callable } from "../core/callable.ts";
import { describe } from "../core/errors.ts";
import * as ops from "../ops/index.ts";
import { classNameOf } from "../ops/operation.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { type Counts, confusionCounts, NEVER, readThresholds } from "./confusionCounts.ts";
import { Metric, type MetricOptions } from "./metric.ts";

export interface ThresholdOptions extends MetricOptions {
  /** Predictions larger than it are a yes; several give a vector of results. @defaultValue `0.5` */
  thresholds?: number | readonly number[] | null;
}

/** One value for one threshold, a vector for several. */
function perThreshold(values: Tensor): Tensor {
  return values.shape[0] === 1 ? ops.reshape(values, values.shape.slice(1)) : values;
}

/** Counts one kind of predictions. */
export abstract class ConfusionCount extends Metric {
  static override readonly configKeys: Readonly<Record<string, string>> = { thresholds: "thresholds" };
  readonly thresholds: number | readonly number[] | null;
  readonly accumulator: Variable;
  readonly #values: readonly number[];

  constructor(options: ThresholdOptions = {}) {
    super(options, ["thresholds"]);
    this.thresholds = options.thresholds ?? null;
    this.#values = readThresholds(classNameOf(this), this.thresholds, 0.5);
    this.accumulator = this.addVariable({ name: "accumulator", shape: [this.#values.length] });
  }

  protected abstract pick(counts: Counts): Tensor;

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const counts = confusionCounts(`metric "${this.name}"`, yTrue, yPred, {
      dtype: this.dtype,
      thresholds: this.#values,
      sampleWeight,
    });
    this.accumulator.assignAdd(this.pick(counts));
  }

  override result(): Tensor {
    return perThreshold(this.accumulator.value);
  }
}

function defineCount(
  className: string,
  pick: (counts: Counts) => Tensor,
): Callable<new (options?: ThresholdOptions) => ConfusionCount> {
  class Count extends ConfusionCount {
    static readonly className = className;
    static readonly modulePath = "keras.metrics";

    protected override pick(counts: Counts): Tensor {
      return pick(counts);
    }
  }
  return callable(Count);
}

/** How many yes labels were predicted yes. */
export const TruePositives = defineCount("TruePositives", (counts) => counts.truePositives());
export type TruePositives = InstanceType<typeof TruePositives>;
/** How many no labels were predicted no. */
export const TrueNegatives = defineCount("TrueNegatives", (counts) => counts.trueNegatives());
export type TrueNegatives = InstanceType<typeof TrueNegatives>;
/** How many no labels were predicted yes. */
export const FalsePositives = defineCount("FalsePositives", (counts) => counts.falsePositives());
export type FalsePositives = InstanceType<typeof FalsePositives>;
/** How many yes labels were predicted no. */
export const FalseNegatives = defineCount("FalseNegatives", (counts) => counts.falseNegatives());
export type FalseNegatives = InstanceType<typeof FalseNegatives>;

export interface PrecisionOptions extends ThresholdOptions {
  /** Counts only the k largest predictions of each row as a yes. @defaultValue `null` */
  topK?: number | null;
  /** Counts only this class. @defaultValue `null`, all */
  classId?: number | null;
}

/** What precision and recall share: right yeses among something. */
export abstract class RightYeses extends Metric {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    thresholds: "thresholds",
    topK: "top_k",
    classId: "class_id",
  };
  readonly thresholds: number | readonly number[] | null;
  readonly topK: number | null;
  readonly classId: number | null;
  readonly truePositives: Variable;
  /** What the right yeses are among, besides themselves. */
  protected readonly wrong: Variable;
  readonly #values: readonly number[];

  constructor(options: PrecisionOptions, wrong: string) {
    super(options, ["thresholds", "topK", "classId"]);
    const where = classNameOf(this);
    this.direction = "up";
    this.thresholds = options.thresholds ?? null;
    this.topK = wholeNumber(where, "topK", options.topK, 1);
    this.classId = wholeNumber(where, "classId", options.classId, 0);
    // Without a threshold of its own, each of the k largest counts as a yes.
    this.#values = readThresholds(where, this.thresholds, this.topK === null ? 0.5 : NEVER);
    this.truePositives = this.addVariable({ name: "true_positives", shape: [this.#values.length] });
    this.wrong = this.addVariable({ name: wrong, shape: [this.#values.length] });
  }

  protected abstract pick(counts: Counts): Tensor;

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const { dtype, topK, classId } = this;
    const counts = confusionCounts(`metric "${this.name}"`, yTrue, yPred, {
      dtype,
      thresholds: this.#values,
      topK,
      classId,
      sampleWeight,
    });
    this.truePositives.assignAdd(counts.truePositives());
    this.wrong.assignAdd(this.pick(counts));
  }

  override result(): Tensor {
    const right = this.truePositives.value;
    return perThreshold(ops.divideNoNan(right, ops.add(right, this.wrong.value)));
  }
}

class PrecisionBase extends RightYeses {
  static readonly className = "Precision";
  static readonly modulePath = "keras.metrics";

  constructor(options: PrecisionOptions = {}) {
    super(options, "false_positives");
  }

  get falsePositives(): Variable {
    return this.wrong;
  }

  protected override pick(counts: Counts): Tensor {
    return counts.falsePositives();
  }
}

class RecallBase extends RightYeses {
  static readonly className = "Recall";
  static readonly modulePath = "keras.metrics";

  constructor(options: PrecisionOptions = {}) {
    super(options, "false_negatives");
  }

  get falseNegatives(): Variable {
    return this.wrong;
  }

  protected override pick(counts: Counts): Tensor {
    return counts.falseNegatives();
  }
}

/** How many of the predicted yeses are right: TP / (TP + FP); 0 when there are none. */
export const Precision = callable(PrecisionBase);
export type Precision = PrecisionBase;
/** How many of the yes labels are found: TP / (TP + FN); 0 when there are none. */
export const Recall = callable(RecallBase);
export type Recall = RecallBase;

function wholeNumber(where: string, name: string, value: number | null | undefined, least: number): number | null {
  if (value === null || value === undefined) return null;
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${where}: expected \`${name}\` to be an integer from ${least}. Received: ${describe(value)}`);
  }
  return value;
}
