/** Turns weights per class into weights per sample. */

import { floatx } from "../../core/config.ts";
import { allocate, fromElement } from "../../core/dtype.ts";
import { describe } from "../../core/errors.ts";
import { type HostStructure, hostLeaves } from "./arrayAdapter.ts";
import type { HostArray } from "./batchRows.ts";

/** Class index → weight; classes that are missing weigh 1. */
export type ClassWeight = Readonly<Record<number | string, number>>;

/** @throws RangeError or TypeError for keys that are no class, or labels of several outputs. */
export function classWeightsToSampleWeights(
  where: string,
  y: HostStructure | null,
  classWeight: ClassWeight,
): HostArray {
  for (const [key, weight] of Object.entries(classWeight)) {
    if (!/^\d+$/.test(key) || typeof weight !== "number") {
      throw new TypeError(
        `${where}: \`classWeight\` maps class numbers to numbers. Received: ${describe(key)}: ${describe(weight)}`,
      );
    }
  }
  const leaves = hostLeaves(y);
  if (leaves.length !== 1) {
    throw new RangeError(
      `${where}: \`classWeight\` needs labels of exactly one output. Received: ${leaves.length} label arrays`,
    );
  }
  const labels = leaves[0]!;
  const count = labels.shape[0]!;
  const width = labels.data.length / count;
  const oneHot = labels.shape.length > 1 && labels.shape.at(-1)! > 1;
  if (!oneHot && width !== 1) {
    throw new RangeError(
      `${where}: \`classWeight\` expects one label per sample. Received: labels of shape (${labels.shape.join(", ")})`,
    );
  }
  const weights = allocate(floatx(), count) as Float32Array;
  for (let i = 0; i < count; i++) {
    let label = 0;
    if (oneHot) {
      let best = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < width; k++) {
        const value = fromElement(labels.dtype, labels.data[i * width + k]!);
        if (value > best) {
          best = value;
          label = k;
        }
      }
    } else label = Math.round(fromElement(labels.dtype, labels.data[i]!));
    weights[i] = classWeight[label] ?? 1;
  }
  return { data: weights, shape: [count], dtype: floatx() };
}
