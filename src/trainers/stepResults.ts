/** What steps and losses of the user's own return: checked where it is returned, in words that name the method. */
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { isPlainObject } from "../core/tree.ts";
import { toTensor } from "../ops/define.ts";
import { Tensor } from "../runtime/tensor.ts";

/** @throws TypeError for a promise, for nothing, and for what is no dict of scalars. */
export function stepLogs(where: string, result: unknown): Record<string, Tensor> {
  if (result instanceof Promise) {
    result.catch(() => undefined); // it may have awaited a traced tensor; one error is enough
    throw new TypeError(
      `${where} must be synchronous, for it is recorded once and compiled. Received: a promise. ` +
        "Compute with ops, and read results (`await tensor.data()`) in a callback",
    );
  }
  if (!isPlainObject(result)) {
    const missing = result === undefined ? "; is a `return` missing?" : "";
    throw new TypeError(
      `${where} must return the values to log, such as { loss: this.lossMean.result() }. ` +
        `Received: ${describe(result)}${missing}`,
    );
  }
  return Object.fromEntries(
    Object.entries(result).map(([name, value]) => [name, scalar(`${where}: \`${name}\``, value)]),
  );
}

/** A loss that can be differentiated. @throws ShapeError when it is no scalar. */
export function scalarLoss(where: string, loss: unknown): Tensor {
  if (loss === undefined || loss === null) {
    throw new TypeError(`${where} must return a scalar tensor. Received: ${loss}; is a \`return\` missing?`);
  }
  return scalar(`${where}: the loss`, loss);
}

function scalar(what: string, value: unknown): Tensor {
  const isNumber = typeof value === "number" || (typeof value === "object" && value !== null && "value" in value);
  if (!(value instanceof Tensor) && !isNumber) {
    throw new TypeError(`${what} must be a scalar tensor. Received: ${describe(value)}`);
  }
  const tensor = toTensor(value, null, what);
  if (tensor.size === 1) return tensor;
  throw new ShapeError(
    `${what} must be a scalar. Received: shape ${formatShape(tensor.shape)}; reduce it, for example with ops.mean`,
  );
}
