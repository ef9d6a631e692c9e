/** The methods that tensors, symbolic tensors and variables share. `ops/methods.ts` implements them for all at once. */
import type { Operand } from "./tensor.ts";

/** An operand of a method: anything that can become a tensor, or a tensor of the same kind. */
type Other<Self> = Self | Operand;

/**
 * One index of `get`: a position, a range `[start, stop, step?]` (`null` for an open end), `null` for the whole axis, or
 * `"..."` for all axes that the other indices do not name. Negative numbers count from the end.
 */
export type Index = number | null | "..." | readonly [start: number | null, stop: number | null, step?: number];

export interface AxisOptions {
  /** Axis or axes to reduce; negative counts from the end. @defaultValue `null` (all) */
  axis?: number | readonly number[] | null;
  /** Keeps reduced axes with size 1. @defaultValue `false` */
  keepdims?: boolean;
}

export interface TensorMethods<Self> {
  add(other: Other<Self>): Self;
  sub(other: Other<Self>): Self;
  mul(other: Other<Self>): Self;
  /** True division: integers give floats. */
  div(other: Other<Self>): Self;
  floorDivide(other: Other<Self>): Self;
  mod(other: Other<Self>): Self;
  pow(other: Other<Self>): Self;
  neg(): Self;
  abs(): Self;
  matmul(other: Other<Self>): Self;
  equal(other: Other<Self>): Self;
  notEqual(other: Other<Self>): Self;
  less(other: Other<Self>): Self;
  lessEqual(other: Other<Self>): Self;
  greater(other: Other<Self>): Self;
  greaterEqual(other: Other<Self>): Self;
  /** One size may be -1. */
  reshape(shape: readonly number[]): Self;
  squeeze(axis?: number | readonly number[]): Self;
  expandDims(axis: number | readonly number[]): Self;
  transpose(axes?: readonly number[]): Self;
  astype(dtype: string): Self;
  /** Basic indexing: `x.get(0)`, `x.get([1, 3])`, `x.get(null, -1)`, `x.get("...", 0)`. */
  get(...indices: Index[]): Self;
  sum(options?: AxisOptions): Self;
  mean(options?: AxisOptions): Self;
  max(options?: AxisOptions): Self;
  min(options?: AxisOptions): Self;
  /** Product over axes. */
  prod(options?: AxisOptions): Self;
  /** Biased variance over axes. */
  var(options?: AxisOptions): Self;
  /** Biased standard deviation over axes. */
  std(options?: AxisOptions): Self;
  /** Whether all elements over axes are not zero. */
  all(options?: AxisOptions): Self;
  /** Whether any element over axes is not zero. */
  any(options?: AxisOptions): Self;
  /** Running sums along an axis. */
  cumsum(options?: { axis?: number | null }): Self;
  exp(): Self;
  log(): Self;
  sqrt(): Self;
  square(): Self;
  /** Halves to the even neighbour. */
  round(options?: { decimals?: number }): Self;
  /** Values between two bounds, the nearer of them outside. */
  clip(low: number, high: number): Self;
  /** All elements in one axis. */
  ravel(): Self;
  swapaxes(axis1: number, axis2: number): Self;
  argmin(options?: { axis?: number | null; keepdims?: boolean }): Self;
  argmax(options?: { axis?: number | null; keepdims?: boolean }): Self;
}
