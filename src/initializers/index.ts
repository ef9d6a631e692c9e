/** `keras.initializers`. */
import type { DType } from "../core/dtype.ts";
import { toSnakeCase } from "../core/names.ts";
import type { StaticShape } from "../core/shape.ts";
import { Tensor } from "../runtime/tensor.ts";
import { type Family, resolveObject } from "../serialization/configObject.ts";
import type { Config, SerializableClass } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import { Constant, Identity, Ones, Zeros } from "./constant.ts";
import type { Initializer } from "./initializer.ts";
import {
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  LecunNormal,
  LecunUniform,
  Orthogonal,
  RandomNormal,
  RandomUniform,
  TruncatedNormal,
  VarianceScaling,
} from "./random.ts";
import { STFT } from "./stft.ts";

export {
  Constant,
  Constant as constant,
  Identity,
  Identity as IdentityInitializer,
  Identity as identity,
  Ones,
  Ones as ones,
  Zeros,
  Zeros as zeros,
} from "./constant.ts";
export { Initializer } from "./initializer.ts";
export * from "./random.ts";
export {
  GlorotNormal as glorotNormal,
  GlorotUniform as glorotUniform,
  HeNormal as heNormal,
  HeUniform as heUniform,
  LecunNormal as lecunNormal,
  LecunUniform as lecunUniform,
  Orthogonal as OrthogonalInitializer,
  Orthogonal as orthogonal,
  RandomNormal as randomNormal,
  RandomUniform as randomUniform,
  TruncatedNormal as truncatedNormal,
  VarianceScaling as varianceScaling,
} from "./random.ts";
export { STFT, STFT as STFTInitializer, STFT as stft, type STFTOptions } from "./stft.ts";

/** A function that makes the first value of a weight. */
export type InitializerFunction = (shape: StaticShape, dtype?: DType) => Tensor;
/** An initializer by name, config, object, function, or the value itself. */
export type InitializerLike = string | Config | Initializer | InitializerFunction | Tensor;

/** Classes by their name in files. */
export const CLASSES = {
  Constant,
  Identity,
  Ones,
  Zeros,
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  LecunNormal,
  LecunUniform,
  Orthogonal,
  RandomNormal,
  RandomUniform,
  TruncatedNormal,
  VarianceScaling,
  STFT,
} as unknown as Readonly<Record<string, SerializableClass & (() => Initializer)>>;

const byName: Record<string, () => InitializerFunction> = {};
for (const [name, cls] of Object.entries(CLASSES)) {
  const make = (): InitializerFunction => new (cls as unknown as new () => Initializer)();
  byName[name] = make;
  byName[toSnakeCase(name)] = make;
}
Object.assign(byName, {
  normal: byName.random_normal,
  uniform: byName.random_uniform,
  one: byName.ones,
  zero: byName.zeros,
  IdentityInitializer: byName.identity,
  OrthogonalInitializer: byName.orthogonal,
  STFTInitializer: byName.stft,
});

const family: Family<InitializerFunction> = {
  what: "initializer",
  byName,
  accepts: (value): value is InitializerFunction => typeof value === "function",
};

/** @throws RangeError for an unknown name, with the nearest one. */
export function get(identifier: InitializerLike): InitializerFunction {
  if (identifier instanceof Tensor) return new Constant(identifier) as unknown as InitializerFunction;
  return resolveObject(family, identifier);
}

export const serialize = (initializer: InitializerFunction): unknown => serializeObject(initializer);
export const deserialize = (config: Config): InitializerFunction => resolveObject(family, config);
