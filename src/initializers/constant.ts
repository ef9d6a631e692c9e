/** Initializers without chance. */
import { callable } from "../core/callable.ts";
import { floatx } from "../core/config.ts";
import type { DType } from "../core/dtype.ts";
import { checkOptions, describe, ShapeError } from "../core/errors.ts";
import { formatShape, type StaticShape } from "../core/shape.ts";
import { isPlainObject } from "../core/tree.ts";
import * as ops from "../ops/index.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { Initializer } from "./initializer.ts";

const MODULE = "keras.initializers";

class ZerosBase extends Initializer {
  static readonly className = "Zeros";
  static readonly modulePath = MODULE;
  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    return ops.zeros(shape, { dtype });
  }
}

class OnesBase extends Initializer {
  static readonly className = "Ones";
  static readonly modulePath = MODULE;
  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    return ops.ones(shape, { dtype });
  }
}

class ConstantBase extends Initializer {
  static readonly className = "Constant";
  static readonly modulePath = MODULE;
  static readonly configKeys = { value: "value" };
  readonly value: Operand;

  /** @param value - A number, or values that broadcast to the weight's shape. @defaultValue `0` */
  constructor(value: Operand | { value?: Operand } = 0) {
    super();
    if (isPlainObject(value)) checkOptions("Constant", value, ["value"]);
    this.value = isPlainObject(value) ? ((value as { value?: Operand }).value ?? 0) : (value as Operand);
  }

  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    return ops.broadcastTo(ops.cast(this.value, dtype), shape);
  }
}

class IdentityBase extends Initializer {
  static readonly className = "Identity";
  static readonly modulePath = MODULE;
  static readonly configKeys: Readonly<Record<string, string>> = {};
  readonly gain: number;

  /** @param options - `gain` multiplies the matrix. @defaultValue `{ gain: 1 }` */
  constructor(options: { gain?: number } = {}) {
    super();
    checkOptions("Identity", options, ["gain"]);
    this.gain = options.gain ?? 1;
  }

  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    if (shape.length !== 2) {
      throw new ShapeError(
        `Identity: expected a shape of rank 2. Received: ${formatShape(shape)} (${describe(shape.length)})`,
      );
    }
    return ops.multiply(ops.eye(shape[0]!, { m: shape[1]!, dtype }), this.gain);
  }
}

/** All zeros. */
export const Zeros = callable(ZerosBase);
export type Zeros = ZerosBase;
/** All ones. */
export const Ones = callable(OnesBase);
export type Ones = OnesBase;
/** One value everywhere. */
export const Constant = callable(ConstantBase);
export type Constant = ConstantBase;
/** A matrix with ones on the diagonal. */
export const Identity = callable(IdentityBase);
export type Identity = IdentityBase;
