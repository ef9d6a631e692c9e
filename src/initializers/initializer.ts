/** The base of initializers: functions from shape and dtype to the first value of a weight. */
import type { DType } from "../core/dtype.ts";
import type { StaticShape } from "../core/shape.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { ConfigObject } from "../serialization/configObject.ts";

export interface Initializer {
  (shape: StaticShape, dtype?: DType): Tensor;
}

/** @see keras/src/initializers/initializer.py (Keras 3.x) */
export abstract class Initializer extends ConfigObject {
  abstract override call(shape: StaticShape, dtype?: DType): Tensor;
}
