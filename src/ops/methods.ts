/** Gives tensors, symbolic tensors and variables their methods, one implementation for all: each calls the op of that meaning. */
import type { AxisOptions, Index, TensorMethods } from "../runtime/methods.ts";
import { type Operand, Tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { add, clip, divide, floorDivide, mod, multiply, power, subtract } from "./arithmetic.ts";
import { equal, greater, greaterEqual, less, lessEqual, notEqual } from "./comparison.ts";
import { absolute, cast, exp, log, negative, round, sqrt, square } from "./elementwise.ts";
import { getItem } from "./indexing.ts";
import { KerasTensor } from "./kerasTensor.ts";
import { matmul } from "./linear.ts";
import { all, any, argmax, argmin, cumsum, max, mean, min, prod, std, sum, variance } from "./reduction.ts";
import { expandDims, ravel, reshape, squeeze, swapaxes, transpose } from "./shaping.ts";

type Any = Tensor & KerasTensor;

const methods = {
  add(this: Any, other: Operand) {
    return add(this, other);
  },
  sub(this: Any, other: Operand) {
    return subtract(this, other);
  },
  mul(this: Any, other: Operand) {
    return multiply(this, other);
  },
  div(this: Any, other: Operand) {
    return divide(this, other);
  },
  floorDivide(this: Any, other: Operand) {
    return floorDivide(this, other);
  },
  mod(this: Any, other: Operand) {
    return mod(this, other);
  },
  pow(this: Any, other: Operand) {
    return power(this, other);
  },
  neg(this: Any) {
    return negative(this);
  },
  abs(this: Any) {
    return absolute(this);
  },
  matmul(this: Any, other: Operand) {
    return matmul(this, other);
  },
  equal(this: Any, other: Operand) {
    return equal(this, other);
  },
  notEqual(this: Any, other: Operand) {
    return notEqual(this, other);
  },
  less(this: Any, other: Operand) {
    return less(this, other);
  },
  lessEqual(this: Any, other: Operand) {
    return lessEqual(this, other);
  },
  greater(this: Any, other: Operand) {
    return greater(this, other);
  },
  greaterEqual(this: Any, other: Operand) {
    return greaterEqual(this, other);
  },
  reshape(this: Any, shape: readonly number[]) {
    return reshape(this, shape);
  },
  squeeze(this: Any, axis?: number | readonly number[]) {
    return axis === undefined ? squeeze(this) : squeeze(this, { axis });
  },
  expandDims(this: Any, axis: number | readonly number[]) {
    return expandDims(this, axis);
  },
  transpose(this: Any, axes?: readonly number[]) {
    return axes === undefined ? transpose(this) : transpose(this, { axes });
  },
  astype(this: Any, dtype: string) {
    return cast(this, dtype);
  },
  get(this: Any, ...indices: Index[]) {
    return getItem(this, indices);
  },
  sum(this: Any, options?: AxisOptions) {
    return sum(this, options);
  },
  mean(this: Any, options?: AxisOptions) {
    return mean(this, options);
  },
  max(this: Any, options?: AxisOptions) {
    return max(this, options);
  },
  min(this: Any, options?: AxisOptions) {
    return min(this, options);
  },
  argmax(this: Any, options?: { axis?: number | null; keepdims?: boolean }) {
    return argmax(this, options);
  },
  argmin(this: Any, options?: { axis?: number | null; keepdims?: boolean }) {
    return argmin(this, options);
  },
  prod(this: Any, options?: AxisOptions) {
    return prod(this, options);
  },
  var(this: Any, options?: AxisOptions) {
    return variance(this, options);
  },
  std(this: Any, options?: AxisOptions) {
    return std(this, options);
  },
  all(this: Any, options?: AxisOptions) {
    return all(this, options);
  },
  any(this: Any, options?: AxisOptions) {
    return any(this, options);
  },
  cumsum(this: Any, options?: { axis?: number | null }) {
    return cumsum(this, options);
  },
  exp(this: Any) {
    return exp(this);
  },
  log(this: Any) {
    return log(this);
  },
  sqrt(this: Any) {
    return sqrt(this);
  },
  square(this: Any) {
    return square(this);
  },
  round(this: Any, options?: { decimals?: number }) {
    return round(this, options);
  },
  clip(this: Any, low: number, high: number) {
    return clip(this, low, high);
  },
  ravel(this: Any) {
    return ravel(this);
  },
  swapaxes(this: Any, axis1: number, axis2: number) {
    return swapaxes(this, axis1, axis2);
  },
} satisfies Record<keyof TensorMethods<unknown>, unknown>;

for (const prototype of [Tensor.prototype, KerasTensor.prototype, Variable.prototype]) {
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}
