/** Counts of parameters and the memory that they take, as summaries state them. */
import { byteSize } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import type { ModelBase } from "../models/model.ts";
import type { Variable } from "../runtime/variable.ts";

/** A number of values and their bytes. */
export interface Size {
  readonly count: number;
  readonly bytes: number;
}

const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"] as const;

/** Two decimals; halves go to the even digit, as Python's `{:.2f}` does and `toFixed` does not. */
function twoDecimals(x: number): string {
  // Among binary fractions only odd eighths lie exactly between two hundredths.
  const isTie = Number.isInteger(x * 8) && !Number.isInteger(x * 4);
  if (!isTie) return x.toFixed(2);
  const below = Math.floor(x * 100);
  return ((below % 2 === 0 ? below : below + 1) / 100).toFixed(2);
}

/** Bytes for people: `196.25 KB`. */
export function readableMemorySize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  // Keras divides once more before it runs out of units.
  while (unit < UNITS.length && size >= 1024) {
    size /= 1024;
    unit++;
  }
  return `${twoDecimals(size)} ${UNITS[Math.min(unit, UNITS.length - 1)]}`;
}

/** With commas between thousands, whatever the language of the machine. */
export const readableCount = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

export function sizeOfVariables(variables: readonly Variable[]): Size {
  const unique = [...new Set(variables)];
  return {
    count: unique.reduce((sum, v) => sum + sizeOf(v.shape), 0),
    bytes: unique.reduce((sum, v) => sum + sizeOf(v.shape) * byteSize(v.dtype), 0),
  };
}

/** The lines under the table; the optimizer's only once it has state. */
export function sizesOfModel(model: ModelBase): [label: string, size: Size][] {
  const trainable = sizeOfVariables(model.trainableWeights);
  const nonTrainable = sizeOfVariables(model.nonTrainableWeights);
  const optimizer = model.optimizer?.built ? sizeOfVariables(model.optimizer.variables) : null;
  const parts = [trainable, nonTrainable, ...(optimizer ? [optimizer] : [])];
  const total = {
    count: parts.reduce((sum, part) => sum + part.count, 0),
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
  };
  return [
    ["Total", total],
    ["Trainable", trainable],
    ["Non-trainable", nonTrainable],
    ...(optimizer ? [["Optimizer", optimizer] as [string, Size]] : []),
  ];
}
