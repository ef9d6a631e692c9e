/** Which calls state their mask in a graph and its files, as Keras does for layers whose `call` has a parameter of that name. */
import { KerasTensor } from "../ops/kerasTensor.ts";
import { classNameOf, type Operation } from "../ops/operation.ts";
import { isBuiltin } from "../serialization/registry.ts";

const RECORDS_MASK: ReadonlySet<string> = new Set([
  "BatchNormalization",
  "Bidirectional",
  "Functional",
  "GRU",
  "GlobalAveragePooling1D",
  "LSTM",
  "RNN",
  "Sequential",
  "SimpleRNN",
  "Softmax",
  "TimeDistributed",
]);

/** Whether files hold `mask` in every call of the operation, `null` where there is none. */
export const recordsMask = (operation: Operation): boolean =>
  RECORDS_MASK.has(classNameOf(operation)) && isBuiltin(operation.constructor);

/** The mask to record with a call on `inputs`: that of its only tensor. Others reach the layer with the data. */
export function maskToRecord(operation: Operation, inputs: readonly unknown[]): KerasTensor | null {
  const [input] = inputs;
  return inputs.length === 1 && input instanceof KerasTensor && recordsMask(operation) ? input.mask : null;
}
