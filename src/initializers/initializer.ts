/** The base of initializers: functions from shape and dtype to the first value of a weight. */
import type { DType } from "../core/dtype.ts";
import type { StaticShape } from "../core/shape.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { ConfigObject } from "../serialization/configObject.ts";
import type { Config } from "../serialization/registry.ts";
import type { InitializerFunction } from "./index.ts";

export interface Initializer {
  (shape: StaticShape, dtype?: DType): Tensor;
}

/** @see keras/src/initializers/initializer.py (Keras 3.x) */
export abstract class Initializer extends ConfigObject {
  abstract override call(shape: StaticShape, dtype?: DType): Tensor;
}

/** An initializer of the same config, changed by `changes`, which draws numbers of its own; a plain function as it is. */
export function renewed(initializer: InitializerFunction, changes: Config = {}): InitializerFunction {
  if (!(initializer instanceof Initializer)) return initializer;
  const cls = initializer.constructor as unknown as { fromConfig(config: Config): InitializerFunction };
  return cls.fromConfig({ ...initializer.getConfig(), ...changes });
}
