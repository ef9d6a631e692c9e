/** `keras.optimizers`. */
import { isPlainObject } from "../core/tree.ts";
import { type Family, resolveObject } from "../serialization/configObject.ts";
import type { Config, SerializableClass } from "../serialization/registry.ts";
import { serializeObject } from "../serialization/serialize.ts";
import { Adadelta } from "./adadelta.ts";
import { Adafactor } from "./adafactor.ts";
import { Adagrad } from "./adagrad.ts";
import { Adam, AdamW } from "./adam.ts";
import { Adamax } from "./adamax.ts";
import { Ftrl } from "./ftrl.ts";
import { Lamb } from "./lamb.ts";
import { Lion } from "./lion.ts";
import { LossScaleOptimizer } from "./lossScaleOptimizer.ts";
import { Nadam } from "./nadam.ts";
import { Optimizer } from "./optimizer.ts";
import { RMSprop } from "./rmsprop.ts";
import { SGD } from "./sgd.ts";

export { Adadelta, type AdadeltaOptions } from "./adadelta.ts";
export { Adafactor, type AdafactorOptions } from "./adafactor.ts";
export { Adagrad, type AdagradOptions } from "./adagrad.ts";
export { Adam, type AdamOptions, AdamW, type AdamWOptions } from "./adam.ts";
export { Adamax, type AdamaxOptions } from "./adamax.ts";
export { Ftrl, type FtrlOptions } from "./ftrl.ts";
export { Lamb, type LambOptions } from "./lamb.ts";
export { Lion, type LionOptions } from "./lion.ts";
export { LossScaleOptimizer, type LossScaleOptimizerOptions } from "./lossScaleOptimizer.ts";
export { Nadam, type NadamOptions } from "./nadam.ts";
export { type GradientAndVariable, Optimizer } from "./optimizer.ts";
export type { LearningRate, OptimizerOptions } from "./optimizerOptions.ts";
export type { OptimizerVariableOptions } from "./optimizerState.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export * as schedules from "./schedules/index.ts";
export { SGD, type SGDOptions } from "./sgd.ts";

/** An optimizer by name (`"rmsprop"`, in any case), config or object. */
export type OptimizerLike = string | Config | Optimizer;

const OPTIMIZERS: Readonly<Record<string, () => Optimizer>> = {
  SGD,
  RMSprop,
  Adam,
  AdamW,
  Adagrad,
  Adadelta,
  Adamax,
  Nadam,
  Ftrl,
  Lion,
  Adafactor,
  Lamb,
};

/** Classes by their name in files. */
export const CLASSES = { ...OPTIMIZERS, LossScaleOptimizer } as unknown as Readonly<Record<string, SerializableClass>>;

const family: Family<Optimizer> = {
  what: "optimizer",
  byName: Object.fromEntries(Object.entries(OPTIMIZERS).map(([name, make]) => [name.toLowerCase(), () => make()])),
  accepts: (value): value is Optimizer => value instanceof Optimizer,
};

const officialNames = new Map(Object.keys(CLASSES).map((name) => [name.toLowerCase(), name]));

/**
 * The optimizer that a name, a config or an object stands for.
 *
 * @throws RangeError for an unknown name, with the nearest one; TypeError for anything else.
 */
export function get(identifier: OptimizerLike): Optimizer {
  if (typeof identifier === "string") {
    const name = identifier.toLowerCase();
    return resolveObject(family, Object.hasOwn(family.byName, name) ? name : identifier);
  }
  if (isPlainObject(identifier) && typeof identifier.class_name === "string") {
    const official = officialNames.get(identifier.class_name.toLowerCase());
    return resolveObject(family, official === undefined ? identifier : { ...identifier, class_name: official });
  }
  return resolveObject(family, identifier);
}

export const serialize = (optimizer: Optimizer): unknown => serializeObject(optimizer);
export const deserialize = (config: Config): Optimizer => get(config);
