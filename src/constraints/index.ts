/** `keras.constraints`: projections of weights after each update. */
import { callable } from "../core/callable.ts";
import { epsilon } from "../core/config.ts";
import { checkOptions } from "../core/errors.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { ConfigObject, type Family, resolveObject } from "../serialization/configObject.ts";
import type { Config, SerializableClass } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";

const MODULE = "keras.constraints";
type Axis = number | readonly number[];

export interface Constraint {
  (w: Tensor): Tensor;
}

/** @see keras/src/constraints/constraints.py (Keras 3.x) */
export abstract class Constraint extends ConfigObject {
  abstract override call(w: Tensor): Tensor;
}

const normOf = (w: Tensor, axis: Axis): Tensor => ops.sqrt(ops.sum(ops.square(w), { axis, keepdims: true }));

class MaxNormBase extends Constraint {
  static readonly className = "MaxNorm";
  static readonly modulePath = MODULE;
  static readonly configKeys = { maxValue: "max_value", axis: "axis" };
  readonly maxValue: number;
  readonly axis: Axis;
  /** @param maxValue - Largest norm along `axis`. @defaultValue `2` */
  constructor(maxValue: number | { maxValue?: number; axis?: Axis } = {}, options: { axis?: Axis } = {}) {
    super();
    const given = typeof maxValue === "number" ? { maxValue, ...options } : maxValue;
    checkOptions("MaxNorm", given, ["maxValue", "axis"]);
    this.maxValue = given.maxValue ?? 2;
    this.axis = given.axis ?? 0;
  }
  override call(w: Tensor): Tensor {
    const norms = normOf(w, this.axis);
    const desired = ops.clip(norms, 0, this.maxValue);
    return ops.multiply(w, ops.divide(desired, ops.add(norms, epsilon())));
  }
}

class NonNegBase extends Constraint {
  static readonly className = "NonNeg";
  static readonly modulePath = MODULE;
  override call(w: Tensor): Tensor {
    return ops.maximum(w, 0);
  }
}

class UnitNormBase extends Constraint {
  static readonly className = "UnitNorm";
  static readonly modulePath = MODULE;
  static readonly configKeys = { axis: "axis" };
  readonly axis: Axis;
  constructor(options: { axis?: Axis } = {}) {
    super();
    checkOptions("UnitNorm", options, ["axis"]);
    this.axis = options.axis ?? 0;
  }
  override call(w: Tensor): Tensor {
    return ops.divide(w, ops.add(normOf(w, this.axis), epsilon()));
  }
}

class MinMaxNormBase extends Constraint {
  static readonly className = "MinMaxNorm";
  static readonly modulePath = MODULE;
  static readonly configKeys = { minValue: "min_value", maxValue: "max_value", rate: "rate", axis: "axis" };
  readonly minValue: number;
  readonly maxValue: number;
  readonly rate: number;
  readonly axis: Axis;
  /** @param options - Norms are moved towards [minValue, maxValue] by the fraction `rate`. @defaultValue `0, 1, 1`, axis 0 */
  constructor(options: { minValue?: number; maxValue?: number; rate?: number; axis?: Axis } = {}) {
    super();
    checkOptions("MinMaxNorm", options, ["minValue", "maxValue", "rate", "axis"]);
    this.minValue = options.minValue ?? 0;
    this.maxValue = options.maxValue ?? 1;
    this.rate = options.rate ?? 1;
    this.axis = options.axis ?? 0;
  }
  override call(w: Tensor): Tensor {
    const norms = normOf(w, this.axis);
    const clipped = ops.multiply(ops.clip(norms, this.minValue, this.maxValue), this.rate);
    const desired = ops.add(clipped, ops.multiply(norms, 1 - this.rate));
    return ops.multiply(w, ops.divide(desired, ops.add(norms, epsilon())));
  }
}

export const MaxNorm = callable(MaxNormBase);
export type MaxNorm = MaxNormBase;
export const NonNeg = callable(NonNegBase);
export type NonNeg = NonNegBase;
export const UnitNorm = callable(UnitNormBase);
export type UnitNorm = UnitNormBase;
export const MinMaxNorm = callable(MinMaxNormBase);
export type MinMaxNorm = MinMaxNormBase;
/** Names of the classes as functions. */
export { MaxNorm as maxNorm, MinMaxNorm as minMaxNorm, NonNeg as nonNeg, UnitNorm as unitNorm };

export type ConstraintFunction = (w: Tensor) => Tensor;
export type ConstraintLike = string | Config | Constraint | ConstraintFunction;

/** Classes by their name in files. */
export const CLASSES = { MaxNorm, NonNeg, UnitNorm, MinMaxNorm } as unknown as Readonly<
  Record<string, SerializableClass>
>;

const family: Family<ConstraintFunction> = {
  what: "constraint",
  byName: {
    MaxNorm: () => new MaxNorm(),
    max_norm: () => new MaxNorm(),
    NonNeg: () => new NonNeg(),
    non_neg: () => new NonNeg(),
    UnitNorm: () => new UnitNorm(),
    unit_norm: () => new UnitNorm(),
    MinMaxNorm: () => new MinMaxNorm(),
    min_max_norm: () => new MinMaxNorm(),
  },
  accepts: (value): value is ConstraintFunction => typeof value === "function",
};

/** @throws RangeError for an unknown name, with the nearest one. */
export const get = (identifier: ConstraintLike | null): ConstraintFunction | null =>
  identifier === null ? null : resolveObject(family, identifier);
export const serialize = (constraint: ConstraintFunction): unknown => serializeObject(constraint);
export const deserialize = (config: Config): ConstraintFunction => resolveObject(family, config);
