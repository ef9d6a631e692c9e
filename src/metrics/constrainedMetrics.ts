/** The best of one rate among thresholds that keep another. @see keras/src/metrics/confusion_metrics.py (Keras 3.x) */
import { type Callable, callable } from "../core/callable.ts";
import { describe } from "../core/errors.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { type CurveCounts, CurveMetric, evenThresholds, share } from "./curveMetric.ts";
import type { MetricOptions } from "./metric.ts";

export interface ConstrainedOptions extends MetricOptions {
  /** How many thresholds are tried. @defaultValue `200` */
  numThresholds?: number;
  /** Counts only this class. @defaultValue `null`, all */
  classId?: number | null;
}

type Rate = (counts: CurveCounts) => Tensor;
const recall: Rate = ({ tp, fn }) => share(tp, fn);
const precision: Rate = ({ tp, fp }) => share(tp, fp);
const specificity: Rate = ({ tn, fp }) => share(tn, fp);

/** The largest `wanted` among thresholds at which `constrained` is at least the number given. */
function defineConstrained<K extends string>(className: string, option: K, constrained: Rate, wanted: Rate) {
  class Constrained extends CurveMetric {
    static readonly className = className;
    static readonly modulePath = "keras.metrics";
    static override readonly configKeys: Readonly<Record<string, string>> = {
      classId: "class_id",
      numThresholds: "num_thresholds",
      [option]: option,
    };
    readonly numThresholds: number;
    readonly classId: number | null;
    readonly #least: number;
    readonly #values: readonly number[];

    constructor(
      least: number | (ConstrainedOptions & { readonly [key in K]: number }),
      options: ConstrainedOptions = {},
    ) {
      const given: ConstrainedOptions = typeof least === "object" ? least : { ...options, [option]: least };
      super(given, [option, "numThresholds", "classId"]);
      const value = (given as Record<string, unknown>)[option];
      if (typeof value !== "number" || !(value >= 0 && value <= 1)) {
        throw new RangeError(
          `${className}: expected \`${option}\` to be a number from 0 to 1. Received: ${describe(value)}`,
        );
      }
      const { numThresholds = 200, classId = null } = given;
      if (!Number.isInteger(numThresholds) || numThresholds < 1) {
        throw new RangeError(
          `${className}: expected \`numThresholds\` to be a positive integer. Received: ${describe(numThresholds)}`,
        );
      }
      this.#least = value;
      Object.assign(this, { [option]: value });
      this.numThresholds = numThresholds;
      this.classId = classId;
      this.#values = numThresholds === 1 ? [0.5] : evenThresholds(numThresholds);
      this.createState([numThresholds]);
    }

    override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
      this.count(yTrue, yPred, { thresholds: this.#values, classId: this.classId, sampleWeight });
    }

    override result(): Tensor {
      const counts = this.counts();
      return ops.max(ops.where(ops.greaterEqual(constrained(counts), this.#least), wanted(counts), 0));
    }
  }
  return callable(Constrained) as unknown as Callable<
    new (
      least: number | (ConstrainedOptions & { readonly [key in K]: number }),
      options?: ConstrainedOptions,
    ) => CurveMetric & { readonly [key in K]: number }
  >;
}

/** Best sensitivity (recall) at a specificity of at least the number given. */
export const SensitivityAtSpecificity = defineConstrained(
  "SensitivityAtSpecificity",
  "specificity",
  specificity,
  recall,
);
export type SensitivityAtSpecificity = InstanceType<typeof SensitivityAtSpecificity>;
/** Best specificity at a sensitivity (recall) of at least the number given. */
export const SpecificityAtSensitivity = defineConstrained(
  "SpecificityAtSensitivity",
  "sensitivity",
  recall,
  specificity,
);
export type SpecificityAtSensitivity = InstanceType<typeof SpecificityAtSensitivity>;
/** Best precision at a recall of at least the number given. */
export const PrecisionAtRecall = defineConstrained("PrecisionAtRecall", "recall", recall, precision);
export type PrecisionAtRecall = InstanceType<typeof PrecisionAtRecall>;
/** Best recall at a precision of at least the number given. */
export const RecallAtPrecision = defineConstrained("RecallAtPrecision", "precision", precision, recall);
export type RecallAtPrecision = InstanceType<typeof RecallAtPrecision>;
