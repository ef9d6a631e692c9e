/**
 * Approximate quantiles of data that comes in batches: a summary of values and how many each stands for, kept small.
 *
 * @see keras/src/layers/preprocessing/discretization.py (Keras 3.x): same steps, so that the same bins come out.
 */

/** Values in rising order, and their weights. */
export interface Summary {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

export const EMPTY_SUMMARY: Summary = { values: new Float64Array(0), weights: new Float64Array(0) };

/** Every n-th of the sorted values. */
export function summarize(numbers: Float32Array, epsilon: number): Summary {
  const sorted = numbers.slice().sort();
  const step = Math.max(sorted.length * epsilon, 1);
  const stride = Math.trunc(step);
  const start = Math.trunc(step - 1);
  const values = Array.from(sorted).filter((_, i) => i >= start && (i - start) % stride === 0);
  return { values: Float64Array.from(values), weights: new Float64Array(values.length).fill(Math.fround(step)) };
}

export function mergeSummaries(a: Summary, b: Summary, epsilon: number): Summary {
  const values = [...a.values, ...b.values];
  const weights = [...a.weights, ...b.weights];
  const order = values.map((_, i) => i).sort((i, k) => values[i]! - values[k]! || i - k);
  const merged = {
    values: Float64Array.from(order, (i) => values[i]!),
    weights: Float64Array.from(order, (i) => weights[i]!),
  };
  return compress(merged, epsilon);
}

/** Linear interpolation between the points (xs, ys), as `numpy.interp`. */
function interpolate(x: number, xs: Float64Array, ys: Float64Array): number {
  if (x <= xs[0]!) return ys[0]!;
  if (x >= xs[xs.length - 1]!) return ys[ys.length - 1]!;
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= x) low = middle;
    else high = middle;
  }
  const slope = (ys[high]! - ys[low]!) / (xs[high]! - xs[low]!);
  return slope * (x - xs[low]!) + ys[low]!;
}

function compress(summary: Summary, epsilon: number): Summary {
  if (summary.values.length * epsilon < 1) return summary;
  const percents = Array.from({ length: Math.ceil(1 / epsilon) }, (_, i) => epsilon + i * epsilon);
  // Keras sums in float32.
  let sum = 0;
  const cumulative = summary.weights.map((weight) => {
    sum = Math.fround(sum + weight);
    return sum;
  });
  const shares = cumulative.map((x) => Math.fround(x / sum));
  const values = percents.map((p) => Math.fround(interpolate(p, shares, summary.values)));
  const ends = percents.map((p) => interpolate(p, shares, cumulative));
  const weights = ends.map((x, i) => Math.fround(x - (ends[i - 1] ?? 0)));
  return { values: Float64Array.from(values), weights: Float64Array.from(weights) };
}

/** The boundaries between so many bins of about equal weight. */
export const binBoundaries = (summary: Summary, bins: number): number[] =>
  Array.from(compress(summary, 1 / bins).values.subarray(0, -1));
