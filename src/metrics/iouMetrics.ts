/** Overlap of predicted and labelled regions, class by class. @see keras/src/metrics/iou_metrics.py (Keras 3.x) */
import { callable } from "../core/callable.ts";
import { epsilon } from "../core/config.ts";
import { checkOptions, describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { classNameOf } from "../ops/operation.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { Metric, type MetricOptions } from "./metric.ts";

/** Options of the metrics whose labels are one-hot. */
export interface OneHotOptions extends MetricOptions {
  /** Label whose positions are left out. @defaultValue `null` */
  ignoreClass?: number | null;
  /** Whether predictions are class numbers rather than scores per class. @defaultValue depends on the metric */
  sparseYPred?: boolean;
  /** Axis of the classes where labels or predictions have one. @defaultValue `-1` */
  axis?: number;
}

export interface IoUOptions extends OneHotOptions {
  /** Whether labels are class numbers rather than one-hot. @defaultValue `true` */
  sparseYTrue?: boolean;
}

type Full = IoUOptions & { numClasses: number; targetClassIds: readonly number[] };

/** Intersection over union of the classes in `targetClassIds`, from one confusion matrix (labels, predictions). */
export class IoUBase extends Metric {
  readonly numClasses: number;
  readonly targetClassIds: readonly number[];
  readonly ignoreClass: number | null;
  readonly sparseYTrue: boolean;
  readonly sparseYPred: boolean;
  readonly axis: number;
  readonly totalCm: Variable;

  /** @param given - What the user wrote, of the options in `known`. */
  constructor(options: Full, given: object, known: object) {
    super({ name: options.name ?? null, dtype: options.dtype ?? "int32" });
    const where = classNameOf(this);
    checkOptions(where, given, ["name", "dtype", ...Object.keys(known)]);
    const { numClasses, targetClassIds } = options;
    if (!Number.isInteger(numClasses) || numClasses < 1) {
      throw new RangeError(
        `${where}: expected \`numClasses\` to be a positive integer. Received: ${describe(numClasses)}`,
      );
    }
    if (!Array.isArray(targetClassIds) || targetClassIds.some((id) => !(id >= 0 && id < numClasses))) {
      throw new RangeError(
        `${where}: expected \`targetClassIds\` to be class numbers from 0 to ${numClasses - 1}. Received: ${describe(targetClassIds)}`,
      );
    }
    this.direction = "up";
    this.numClasses = numClasses;
    this.targetClassIds = [...targetClassIds];
    this.ignoreClass = options.ignoreClass ?? null;
    this.sparseYTrue = options.sparseYTrue ?? true;
    this.sparseYPred = options.sparseYPred ?? true;
    this.axis = options.axis ?? -1;
    this.totalCm = this.addVariable({ name: "total_confusion_matrix", shape: [numClasses, numClasses] });
  }

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const where = `metric "${this.name}"`;
    const classes = (given: Operand, sparse: boolean): Tensor => {
      const x = toTensor(given, null, where);
      return ops.reshape(sparse ? ops.cast(x, "int32") : ops.argmax(x, { axis: this.axis }), [-1]);
    };
    const [y, p] = [classes(yTrue, this.sparseYTrue), classes(yPred, this.sparseYPred)];
    if (y.size !== p.size) {
      throw new ShapeError(
        `${where}: expected as many labels as predictions. Received: targets ${formatShape(toTensor(yTrue).shape)}, ` +
          `predictions ${formatShape(toTensor(yPred).shape)}`,
      );
    }
    // A class number out of range has no one in its row, so it drops out by itself.
    let rows: Tensor = ops.oneHot(y, this.numClasses, { dtype: "float32" });
    if (this.ignoreClass !== null) {
      const kept = ops.cast(ops.notEqual(y, this.ignoreClass), "float32");
      rows = ops.multiply(rows, ops.expandDims(kept, -1));
    }
    if (sampleWeight !== null) {
      // Weights are counted in the dtype of the matrix, as Keras does: whole numbers unless `dtype` says otherwise.
      const weight = ops.cast(ops.reshape(toTensor(sampleWeight, this.dtype, where), [-1, 1]), "float32");
      rows = ops.multiply(rows, weight);
    }
    const columns = ops.oneHot(p, this.numClasses, { dtype: "float32" });
    this.totalCm.assignAdd(ops.cast(ops.matmul(ops.transpose(rows), columns), this.dtype));
  }

  override result(): Tensor {
    const matrix = ops.cast(this.totalCm.value, "float32");
    const hits = ops.diagonal(matrix);
    const union = ops.subtract(ops.add(ops.sum(matrix, { axis: 0 }), ops.sum(matrix, { axis: 1 })), hits);
    const all = this.targetClassIds.length === this.numClasses;
    const chosen = (x: Tensor): Tensor => (all ? x : ops.take(x, toTensor([...this.targetClassIds], "int32")));
    const [numerator, denominator] = [chosen(hits), chosen(union)];
    const present = ops.greater(denominator, 1e-9);
    const shares = ops.where(present, ops.divide(numerator, ops.add(denominator, epsilon())), 0);
    return ops.divide(ops.sum(shares), ops.add(ops.sum(ops.cast(present, "float32")), epsilon()));
  }
}

const KEYS = {
  numClasses: "num_classes",
  targetClassIds: "target_class_ids",
  ignoreClass: "ignore_class",
  sparseYTrue: "sparse_y_true",
  sparseYPred: "sparse_y_pred",
  axis: "axis",
} as const;

/** Options with what came by position, by its names. */
function positional<O extends object>(first: unknown, names: readonly string[], rest: readonly unknown[]): O {
  if (typeof first === "object" && first !== null) return first as O;
  const args = [first, ...rest];
  const options = (args[names.length] ?? {}) as object;
  return { ...options, ...Object.fromEntries(names.map((name, i) => [name, args[i]])) } as O;
}

const range = (n: number): number[] => (Number.isInteger(n) && n > 0 ? Array.from({ length: n }, (_, i) => i) : []);

class IoUMetric extends IoUBase {
  static readonly className = "IoU";
  static readonly modulePath = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = KEYS;

  constructor(numClasses: number | Full, targetClassIds?: readonly number[], options?: IoUOptions) {
    const all = positional<Full>(numClasses, ["numClasses", "targetClassIds"], [targetClassIds, options]);
    super(all, all, KEYS);
  }
}

class MeanIoUMetric extends IoUBase {
  static readonly className = "MeanIoU";
  static readonly modulePath = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = without(KEYS, "targetClassIds");

  constructor(numClasses: number | Omit<Full, "targetClassIds">, options?: IoUOptions) {
    const all = positional<Omit<Full, "targetClassIds">>(numClasses, ["numClasses"], [options]);
    super({ ...all, targetClassIds: range(all.numClasses) }, all, MeanIoUMetric.configKeys);
  }
}

class OneHotIoUMetric extends IoUBase {
  static readonly className = "OneHotIoU";
  static readonly modulePath = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = without(KEYS, "sparseYTrue");

  constructor(numClasses: number | Full, targetClassIds?: readonly number[], options?: OneHotOptions) {
    const all = positional<Full>(numClasses, ["numClasses", "targetClassIds"], [targetClassIds, options]);
    super({ sparseYPred: false, ...all, sparseYTrue: false }, all, OneHotIoUMetric.configKeys);
  }
}

class OneHotMeanIoUMetric extends IoUBase {
  static readonly className = "OneHotMeanIoU";
  static readonly modulePath = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = without(
    without(KEYS, "sparseYTrue"),
    "targetClassIds",
  );

  constructor(numClasses: number | Omit<Full, "targetClassIds">, options?: OneHotOptions) {
    const all = positional<Omit<Full, "targetClassIds">>(numClasses, ["numClasses"], [options]);
    const targetClassIds = range(all.numClasses);
    super({ sparseYPred: false, ...all, targetClassIds, sparseYTrue: false }, all, OneHotMeanIoUMetric.configKeys);
  }
}

class BinaryIoUMetric extends IoUBase {
  static readonly className = "BinaryIoU";
  static readonly modulePath = "keras.metrics";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    targetClassIds: "target_class_ids",
    threshold: "threshold",
  };
  readonly threshold: number;

  constructor(options: MetricOptions & { targetClassIds?: readonly number[]; threshold?: number } = {}) {
    const { threshold = 0.5, targetClassIds = [0, 1], ...rest } = options;
    super({ ...rest, numClasses: 2, targetClassIds }, options, BinaryIoUMetric.configKeys);
    this.threshold = threshold;
  }

  override updateState(yTrue: Operand, yPred: Operand, sampleWeight: Operand | null = null): void {
    const p = ops.greaterEqual(toTensor(yPred, "float32", `metric "${this.name}"`), this.threshold);
    super.updateState(yTrue, ops.cast(p, "int32"), sampleWeight);
  }
}

function without(keys: Readonly<Record<string, string>>, dropped: string): Record<string, string> {
  return Object.fromEntries(Object.entries(keys).filter(([option]) => option !== dropped));
}

/** Mean intersection over union of some classes: |Y ∩ P| / |Y ∪ P|. `IoU(numClasses, targetClassIds)` */
export const IoU = callable(IoUMetric);
export type IoU = IoUMetric;
/** Mean intersection over union of all classes. `MeanIoU(numClasses)` */
export const MeanIoU = callable(MeanIoUMetric);
export type MeanIoU = MeanIoUMetric;
/** {@link IoU} of one-hot labels and scores per class. */
export const OneHotIoU = callable(OneHotIoUMetric);
export type OneHotIoU = OneHotIoUMetric;
/** {@link MeanIoU} of one-hot labels and scores per class. */
export const OneHotMeanIoU = callable(OneHotMeanIoUMetric);
export type OneHotMeanIoU = OneHotMeanIoUMetric;
/** {@link IoU} of yes-or-no labels and of predictions that are a yes from a threshold on. */
export const BinaryIoU = callable(BinaryIoUMetric);
export type BinaryIoU = BinaryIoUMetric;
