/** `keras.optimizers.schedules`: learning rates that depend on the step. */
import type { Config, SerializableClass } from "../../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../../serialization/serialize.ts";
import { CosineDecay, CosineDecayRestarts } from "./cosine.ts";
import { ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay } from "./decay.ts";
import { LearningRateSchedule } from "./learningRateSchedule.ts";

export * from "./cosine.ts";
export * from "./decay.ts";
export { LearningRateSchedule } from "./learningRateSchedule.ts";

/** Classes by their name in files. */
export const CLASSES = {
  ExponentialDecay,
  PiecewiseConstantDecay,
  PolynomialDecay,
  InverseTimeDecay,
  CosineDecay,
  CosineDecayRestarts,
} as unknown as Readonly<Record<string, SerializableClass>>;

export const serialize = (schedule: LearningRateSchedule): unknown => serializeObject(schedule);

/** @throws TypeError when the config describes something else. */
export function deserialize(config: Config): LearningRateSchedule {
  const revived = deserializeObject(config);
  if (revived instanceof LearningRateSchedule) return revived;
  throw new TypeError(`schedules.deserialize: expected the config of a schedule. Received: ${config.class_name}`);
}
