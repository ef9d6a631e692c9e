/** Keras's choice of an engine for LSTM and GRU, which programs carry along. */
import { describe } from "../../core/errors.ts";
import type { Operation } from "../../ops/operation.ts";
import { placeOf } from "../errorTrail.ts";

export interface CudnnOption {
  /** Accepted so that programs written for Keras run; the engine chooses for itself. @defaultValue `"auto"` */
  useCudnn?: "auto" | boolean;
}

/** @throws RangeError unless it is a value that Keras knows. */
export function checkCudnn(layer: Operation, value: unknown): "auto" | boolean {
  if (value === "auto" || typeof value === "boolean") return value;
  throw new RangeError(
    `${placeOf(layer)}: expected \`useCudnn\` to be "auto" or a boolean. Received: useCudnn=${describe(value)}`,
  );
}
