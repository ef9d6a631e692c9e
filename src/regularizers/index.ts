/** `keras.regularizers`: extra loss of a weight or an output. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { ConfigObject, type Family, resolveObject } from "../serialization/configObject.ts";
import type { Config, SerializableClass } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";

const MODULE = "keras.regularizers";

export interface Regularizer {
  (x: Tensor): Tensor;
}

/** @see keras/src/regularizers/regularizers.py (Keras 3.x) */
export abstract class Regularizer extends ConfigObject {
  abstract override call(x: Tensor): Tensor;
}

function coefficient(where: string, name: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw new RangeError(
      `${where}: expected \`${name}\` to be a finite non-negative number. Received: ${describe(value)}`,
    );
  }
  return value;
}

const absoluteSum = (x: Tensor, factor: number): Tensor => ops.multiply(ops.sum(ops.abs(x)), factor);
const squareSum = (x: Tensor, factor: number): Tensor => ops.multiply(ops.sum(ops.square(x)), factor);

/** The number given alone or as the option of its name. */
function single<K extends string>(
  where: string,
  name: K,
  given: number | { [key in K]?: number } | undefined,
  fallback: number,
): number {
  if (typeof given === "object" && given !== null) checkOptions(where, given, [name]);
  const value = typeof given === "object" && given !== null ? given[name] : given;
  return coefficient(where, name, value ?? fallback);
}

class L1Base extends Regularizer {
  static readonly className = "L1";
  static readonly modulePath = MODULE;
  static readonly configKeys = { l1: "l1" };
  readonly l1: number;
  /** @param l1 - Factor of the sum of absolute values. @defaultValue `0.01` */
  constructor(l1?: number | { l1?: number }) {
    super();
    this.l1 = single("L1", "l1", l1, 0.01);
  }
  override call(x: Tensor): Tensor {
    return absoluteSum(x, this.l1);
  }
}

class L2Base extends Regularizer {
  static readonly className = "L2";
  static readonly modulePath = MODULE;
  static readonly configKeys = { l2: "l2" };
  readonly l2: number;
  /** @param l2 - Factor of the sum of squares. @defaultValue `0.01` */
  constructor(l2?: number | { l2?: number }) {
    super();
    this.l2 = single("L2", "l2", l2, 0.01);
  }
  override call(x: Tensor): Tensor {
    return squareSum(x, this.l2);
  }
}

class L1L2Base extends Regularizer {
  static readonly className = "L1L2";
  static readonly modulePath = MODULE;
  static readonly configKeys = { l1: "l1", l2: "l2" };
  readonly l1: number;
  readonly l2: number;
  constructor(options: { l1?: number; l2?: number } = {}) {
    super();
    checkOptions("L1L2", options, ["l1", "l2"]);
    this.l1 = coefficient("L1L2", "l1", options.l1 ?? 0);
    this.l2 = coefficient("L1L2", "l2", options.l2 ?? 0);
  }
  override call(x: Tensor): Tensor {
    if (this.l1 === 0 && this.l2 === 0) return ops.zeros([], { dtype: x.dtype });
    if (this.l2 === 0) return absoluteSum(x, this.l1);
    if (this.l1 === 0) return squareSum(x, this.l2);
    return ops.add(absoluteSum(x, this.l1), squareSum(x, this.l2));
  }
}

class OrthogonalRegularizerBase extends Regularizer {
  static readonly className = "OrthogonalRegularizer";
  static readonly modulePath = MODULE;
  static readonly configKeys = { factor: "factor", mode: "mode" };
  readonly factor: number;
  readonly mode: "rows" | "columns";
  constructor(options: { factor?: number; mode?: "rows" | "columns" } = {}) {
    super();
    checkOptions("OrthogonalRegularizer", options, ["factor", "mode"]);
    this.factor = coefficient("OrthogonalRegularizer", "factor", options.factor ?? 0.01);
    this.mode = options.mode ?? "rows";
    if (this.mode !== "rows" && this.mode !== "columns") {
      throw new RangeError(
        `OrthogonalRegularizer: expected \`mode\` to be "rows" or "columns". Received: ${describe(this.mode)}`,
      );
    }
  }
  override call(x: Tensor): Tensor {
    if (x.ndim !== 2)
      throw new ShapeError(`OrthogonalRegularizer: expected a matrix. Received: shape ${formatShape(x.shape)}`);
    const rows = this.mode === "rows";
    const size = x.shape[rows ? 0 : 1]!;
    const unit = ops.normalize(x, { axis: rows ? 1 : 0 });
    const gram = rows ? ops.matmul(unit, ops.transpose(unit)) : ops.matmul(ops.transpose(unit), unit);
    const offDiagonal = ops.multiply(gram, ops.subtract(1, ops.eye(size, { dtype: x.dtype })));
    const pairs = (size * (size - 1)) / 2;
    return ops.multiply(ops.sum(ops.abs(offDiagonal)), (this.factor * 0.5) / pairs);
  }
}

/** l1 · Σ|x|. */
export const L1 = callable(L1Base);
export type L1 = L1Base;
/** l2 · Σx². */
export const L2 = callable(L2Base);
export type L2 = L2Base;
/** l1 · Σ|x| + l2 · Σx². */
export const L1L2 = callable(L1L2Base);
export type L1L2 = L1L2Base;
/** Pushes the rows (or columns) of a matrix to be orthogonal. */
export const OrthogonalRegularizer = callable(OrthogonalRegularizerBase);
export type OrthogonalRegularizer = OrthogonalRegularizerBase;
/** Lower-case names that Keras offers as well. */
export { L1 as l1, L1L2 as l1L2, L2 as l2 };

export type RegularizerFunction = (x: Tensor) => Tensor;
export type RegularizerLike = string | Config | Regularizer | RegularizerFunction;

/** Classes by their name in files. */
export const CLASSES = { L1, L2, L1L2, OrthogonalRegularizer } as unknown as Readonly<
  Record<string, SerializableClass>
>;

const family: Family<RegularizerFunction> = {
  what: "regularizer",
  byName: {
    L1: () => new L1(),
    l1: () => new L1(),
    L2: () => new L2(),
    l2: () => new L2(),
    L1L2: () => new L1L2(),
    l1l2: () => new L1L2(),
    OrthogonalRegularizer: () => new OrthogonalRegularizer(),
    orthogonal_regularizer: () => new OrthogonalRegularizer(),
  },
  accepts: (value): value is RegularizerFunction => typeof value === "function",
};

/** @throws RangeError for an unknown name, with the nearest one. */
export const get = (identifier: RegularizerLike | null): RegularizerFunction | null =>
  identifier === null ? null : resolveObject(family, identifier);
export const serialize = (regularizer: RegularizerFunction): unknown => serializeObject(regularizer);
export const deserialize = (config: Config): RegularizerFunction => resolveObject(family, config);
