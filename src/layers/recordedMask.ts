/**
 * Which calls state their mask in a graph and its files, as Keras does for layers whose `call` has a parameter of that name.
 * A mask that is stated holds whatever became of the tensor's own: see docs/decisions/0009-masks.md.
 */
import { isNested } from "../core/tree.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { classNameOf, type Operation } from "../ops/operation.ts";
import { isBuiltin } from "../serialization/registry.ts";
import type { CallOptions, Mask } from "./callArguments.ts";
import { attachedMasks } from "./implicitMask.ts";

const RECORDS_MASK: ReadonlySet<string> = new Set([
  "BatchNormalization",
  "Bidirectional",
  "ConvLSTM1D",
  "ConvLSTM2D",
  "ConvLSTM3D",
  "GRU",
  "GlobalAveragePooling1D",
  "LSTM",
  "RNN",
  "Sequential",
  "SimpleRNN",
  "Softmax",
  "TimeDistributed",
]);

/**
 * Whether a call states its mask, `null` where there is none. Keras does in every call of a model made from a graph, and in
 * calls of other layers on one tensor and nothing else that needs no cast: otherwise what it adds to the call's arguments gets
 * lost in a copy.
 */
export function recordsMask(operation: Operation, inputs: readonly unknown[], options: CallOptions): boolean {
  if (!isBuiltin(operation.constructor)) return false;
  const name = classNameOf(operation);
  if (name === "Functional") return inputs.length === 1;
  const [input, ...more] = inputs;
  if (!RECORDS_MASK.has(name) || more.length > 0 || Object.keys(options).length > 0) return false;
  return input instanceof KerasTensor && input.dtype === (operation as { computeDtype?: string }).computeDtype;
}

/** The masks to record with a call; `null` where it has none, was given one, or states none. */
export function maskToRecord(operation: Operation, inputs: readonly unknown[], options: CallOptions): Mask {
  if ((options.mask ?? null) !== null || !recordsMask(operation, inputs, options)) return null;
  const [input] = inputs;
  return input instanceof KerasTensor || isNested(input) ? attachedMasks(input) : null;
}
