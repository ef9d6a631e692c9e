/** Base of metrics along the curve of all thresholds, and rates that points on it have. */
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { type CountOptions, confusionCounts } from "./confusionCounts.ts";
import { Metric } from "./metric.ts";

const VARIABLES = { tp: "true_positives", fp: "false_positives", tn: "true_negatives", fn: "false_negatives" } as const;

/** The four counts, each per threshold. */
export type CurveCounts = Readonly<Record<keyof typeof VARIABLES, Tensor>>;

/** Keeps all four counts per threshold. */
export abstract class CurveMetric extends Metric {
  override readonly direction = "up";
  protected state: Readonly<Record<keyof typeof VARIABLES, Variable>> | null = null;

  protected createState(shape: readonly number[]): void {
    const create = (name: string): Variable => this.addVariable({ name, shape: [...shape] });
    this.state = {
      tp: create(VARIABLES.tp),
      fp: create(VARIABLES.fp),
      tn: create(VARIABLES.tn),
      fn: create(VARIABLES.fn),
    };
  }

  protected count(yTrue: Operand, yPred: Operand, options: Omit<CountOptions, "dtype">): void {
    const counts = confusionCounts(`metric "${this.name}"`, yTrue, yPred, { ...options, dtype: this.dtype });
    this.state!.tp.assignAdd(counts.truePositives());
    this.state!.fp.assignAdd(counts.falsePositives());
    this.state!.tn.assignAdd(counts.trueNegatives());
    this.state!.fn.assignAdd(counts.falseNegatives());
  }

  /** Current counts. */
  protected counts(): CurveCounts {
    if (!this.state) throw new Error(`metric "${this.name}": no result before the first batch, which tells the labels`);
    const { tp, fp, tn, fn } = this.state;
    return { tp: tp.value, fp: fp.value, tn: tn.value, fn: fn.value };
  }
}

/** a / (a + b), 0 where both are. */
export const share = (a: Tensor, b: Tensor): Tensor => ops.divideNoNan(a, ops.add(a, b));

/** n thresholds from 0 to 1. */
export const evenThresholds = (n: number): number[] => Array.from({ length: n }, (_, i) => i / (n - 1));
