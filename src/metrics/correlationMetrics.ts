/** How far predictions and labels vary together. @see keras/src/metrics/correlation_metrics.py (Keras 3.x) */
import { epsilon } from "../core/config.ts";
import { alignRanks } from "../losses/reduction.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { defineMeanMetric } from "./define.ts";

interface Axis {
  /** Axis over which values vary. @defaultValue `-1` */
  axis?: number;
}

function pair(yTrue: Operand, yPred: Operand): [Tensor, Tensor] {
  const p = toTensor(yPred);
  return alignRanks(ops.cast(toTensor(yTrue), p.dtype), p);
}

/** Pearson's r: mean of the product of standardised values. */
export function pearsonCorrelation(yTrue: Operand, yPred: Operand, options: Axis = {}): Tensor {
  const { axis = -1 } = options;
  const standardised = pair(yTrue, yPred).map((x) => {
    const centred = ops.subtract(x, ops.mean(x, { axis, keepdims: true }));
    return ops.divide(centred, ops.std(centred, { axis, keepdims: true }));
  }) as [Tensor, Tensor];
  return ops.mean(ops.multiply(...standardised), { axis });
}

/** Lin's ρ: 2 cov / (var + var + (difference of means)² + ε). */
export function concordanceCorrelation(yTrue: Operand, yPred: Operand, options: Axis = {}): Tensor {
  const { axis = -1 } = options;
  const [y, p] = pair(yTrue, yPred);
  const kept = { axis, keepdims: true };
  const [yMean, pMean] = [ops.mean(y, kept), ops.mean(p, kept)];
  const covariance = ops.multiply(ops.subtract(y, pMean), ops.subtract(p, pMean));
  const spread = ops.add(ops.add(ops.variance(y, kept), ops.variance(p, kept)), ops.square(ops.subtract(yMean, pMean)));
  return ops.mean(ops.divide(ops.multiply(covariance, 2), ops.add(spread, epsilon())), { axis });
}

const AXIS = { axis: { key: "axis", default: -1 } } as const;

/** Pearson's correlation, −1 to 1. */
export const PearsonCorrelation = defineMeanMetric<Axis>(
  "PearsonCorrelation",
  pearsonCorrelation,
  "pearson_correlation",
  "up",
  AXIS,
);
export type PearsonCorrelation = InstanceType<typeof PearsonCorrelation>;

/** Concordance correlation: 1 only where predictions equal labels. */
export const ConcordanceCorrelation = defineMeanMetric<Axis>(
  "ConcordanceCorrelation",
  concordanceCorrelation,
  "concordance_correlation",
  "up",
  AXIS,
);
export type ConcordanceCorrelation = InstanceType<typeof ConcordanceCorrelation>;
