/** The area under the curve of all thresholds. @see keras/src/metrics/confusion_metrics.py (Keras 3.x) */
import { callable } from "../core/callable.ts";
import { epsilon } from "../core/config.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import type { Config } from "../serialization/registry.ts";
import { readThresholds } from "./confusionCounts.ts";
import { CurveMetric, evenThresholds, share } from "./curveMetric.ts";
import type { MetricOptions } from "./metric.ts";

type Curve = "ROC" | "PR" | "PRGAIN";
type Summation = "interpolation" | "minoring" | "majoring";
const CURVES: readonly string[] = ["ROC", "PR", "PRGAIN"];
const SUMMATIONS: readonly string[] = ["interpolation", "minoring", "majoring"];

export interface AUCOptions extends MetricOptions {
  /** How many thresholds, evenly spaced over [0, 1]. @defaultValue `200` */
  numThresholds?: number;
  /** `"ROC"`: recall against false positive rate. `"PR"`: precision against recall. @defaultValue `"ROC"` */
  curve?: Curve;
  /** Height between two thresholds: between, the lower, the higher. @defaultValue `"interpolation"` */
  summationMethod?: Summation;
  /** Thresholds between 0 and 1, instead of `numThresholds`. @defaultValue `null` */
  thresholds?: readonly number[] | null;
  /** Whether the area is that of each label, averaged. @defaultValue `false` */
  multiLabel?: boolean;
  /** Number of labels, so that the state exists before the first batch. @defaultValue `null` */
  numLabels?: number | null;
  /** Weight of each label. @defaultValue `null` */
  labelWeights?: readonly number[] | null;
  /** Whether predictions are logits rather than probabilities. @defaultValue `false` */
  fromLogits?: boolean;
}

const AUC_KEYS = {
  numThresholds: "num_thresholds",
  curve: "curve",
  summationMethod: "summation_method",
  multiLabel: "multi_label",
  numLabels: "num_labels",
  labelWeights: "label_weights",
  fromLogits: "from_logits",
  thresholds: "thresholds",
} as const;

class AUCBase extends CurveMetric {
  static readonly className = "AUC";
  static readonly modulePath = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = AUC_KEYS;
  readonly numThresholds: number;
  readonly curve: Curve;
  readonly summationMethod: Summation;
  readonly thresholds: readonly number[] | null;
  readonly multiLabel: boolean;
  readonly numLabels: number | null;
  readonly labelWeights: readonly number[] | null;
  readonly fromLogits: boolean;
  readonly #values: readonly number[];

  constructor(options: AUCOptions = {}) {
    super(options, Object.keys(AUC_KEYS));
    const { numThresholds = 200, curve = "ROC", summationMethod = "interpolation", thresholds = null } = options;
    this.curve = oneOf("curve", curve, CURVES) as Curve;
    this.summationMethod = oneOf("summationMethod", summationMethod, SUMMATIONS) as Summation;
    if (thresholds === null && (!Number.isInteger(numThresholds) || numThresholds < 2)) {
      throw new RangeError(
        `AUC: expected \`numThresholds\` to be an integer larger than 1. Received: ${describe(numThresholds)}`,
      );
    }
    this.thresholds = thresholds && readThresholds("AUC", thresholds, 0).toSorted((a, b) => a - b);
    this.numThresholds = this.thresholds ? this.thresholds.length + 2 : numThresholds;
    const inner = this.thresholds ?? evenThresholds(this.numThresholds).slice(1, -1);
    this.#values = [-epsilon(), ...inner, 1 + epsilon()];
    this.multiLabel = options.multiLabel ?? false;
    this.numLabels = options.numLabels ?? null;
    this.labelWeights = options.labelWeights ?? null;
    this.fromLogits = options.fromLogits ?? false;
    if (!this.multiLabel && this.numLabels !== null) {
      throw new RangeError("AUC: `numLabels` is for `multiLabel: true` only");
    }
    if (!this.multiLabel) this.createState([this.numThresholds]);
    else if (this.numLabels !== null) this.createState([this.numThresholds, this.numLabels]);
  }

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const { multiLabel, labelWeights } = this;
    const given = toTensor(yPred, this.dtype, `metric "${this.name}"`);
    if (!this.state) {
      if (given.ndim !== 2) {
        throw new ShapeError(
          `metric "${this.name}": \`multiLabel\` needs predictions (samples, labels). Received: shape ${formatShape(given.shape)}`,
        );
      }
      this.createState([this.numThresholds, given.shape[1]!]);
    }
    this.count(yTrue, this.fromLogits ? ops.sigmoid(given) : given, {
      thresholds: this.#values,
      multiLabel,
      sampleWeight,
      labelWeights: multiLabel || labelWeights === null ? null : [...labelWeights],
    });
  }

  override result(): Tensor {
    const areas =
      this.curve === "PR" && this.summationMethod === "interpolation" ? this.#interpolatedPR() : this.#riemann();
    if (!this.multiLabel) return ops.sum(areas);
    const perLabel = ops.sum(areas, { axis: 0 });
    if (this.labelWeights === null) return ops.mean(perLabel);
    const weights = toTensor([...this.labelWeights], this.dtype);
    return ops.divideNoNan(ops.sum(ops.multiply(perLabel, weights)), ops.sum(weights));
  }

  /** All but the last, and all but the first. */
  #ends(x: Tensor): [Tensor, Tensor] {
    const size = [this.numThresholds - 1, ...x.shape.slice(1)];
    const from = (first: number): number[] => [first, ...x.shape.slice(1).map(() => 0)];
    return [ops.slice(x, from(0), size), ops.slice(x, from(1), size)];
  }

  /** Σ width · height between neighbouring thresholds. */
  #riemann(): Tensor {
    const { x, y } = this.#points();
    const [left, right] = this.#ends(x);
    const [a, b] = this.#ends(y);
    const heights = {
      interpolation: () => ops.divide(ops.add(a, b), 2),
      minoring: () => ops.minimum(a, b),
      majoring: () => ops.maximum(a, b),
    } satisfies Record<Summation, () => Tensor>;
    return ops.multiply(ops.subtract(left, right), heights[this.summationMethod]());
  }

  #points(): { x: Tensor; y: Tensor } {
    const { tp, fp, tn, fn } = this.counts();
    if (this.curve === "ROC") return { x: share(fp, tn), y: share(tp, fn) };
    if (this.curve === "PR") return { x: share(tp, fn), y: share(tp, fp) };
    // Flach & Kull 2015: precision and recall relative to always saying yes.
    const scale = ops.divideNoNan(ops.add(tp, fn), ops.add(tn, fp));
    const gain = (wrong: Tensor, atZero: number): Tensor =>
      ops.where(ops.equal(tp, 0), atZero, ops.subtract(1, ops.multiply(scale, ops.divideNoNan(wrong, tp))));
    return { x: ops.maximum(gain(fn, 0), 0), y: gain(fp, 1) };
  }

  /** Interpolates true positives rather than precision. Davis & Goadrich 2006. */
  #interpolatedPR(): Tensor {
    const { tp, fp, fn } = this.counts();
    const [tpLeft, tpRight] = this.#ends(tp);
    const [pLeft, pRight] = this.#ends(ops.add(tp, fp));
    const [, fnRight] = this.#ends(fn);
    const dtp = ops.subtract(tpLeft, tpRight);
    const slope = ops.divideNoNan(dtp, ops.maximum(ops.subtract(pLeft, pRight), 0));
    const intercept = ops.subtract(tpRight, ops.multiply(slope, pRight));
    const both = ops.logicalAnd(ops.greater(pLeft, 0), ops.greater(pRight, 0));
    const ratio = ops.where(both, ops.divideNoNan(pLeft, ops.maximum(pRight, 0)), 1);
    const rise = ops.multiply(slope, ops.add(dtp, ops.multiply(intercept, ops.log(ratio))));
    return ops.divideNoNan(rise, ops.maximum(ops.add(tpRight, fnRight), 0));
  }

  override getConfig(): Config {
    const { thresholds, ...config } = super.getConfig();
    return this.thresholds === null ? config : { ...config, thresholds };
  }
}

/** Area under the curve of all thresholds: how well predictions separate yes from no, whatever the threshold. */
export const AUC = callable(AUCBase);
export type AUC = AUCBase;

function oneOf(name: string, value: unknown, known: readonly string[]): string {
  if (typeof value === "string" && known.includes(value)) return value;
  throw new RangeError(
    `AUC: expected \`${name}\` to be one of ${known.map(describe).join(", ")}. Received: ${describe(value)}`,
  );
}
