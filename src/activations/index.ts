/** `keras.activations`: elementwise functions by name, function or config. */
import { describe, didYouMean } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import * as ops from "../ops/index.ts";
import type { Result, TensorLike } from "../ops/kerasTensor.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Config } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";

export {
  celu,
  elu,
  glu,
  hardShrink,
  hardSigmoid,
  hardSilu,
  hardSilu as hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  relu6,
  selu,
  sigmoid,
  silu,
  silu as swish,
  softmax,
  softplus,
  softShrink,
  softsign,
  sparsemax,
  sparsePlus,
  sparseSigmoid,
  squareplus,
  tanh,
  tanhShrink,
  threshold,
} from "../ops/index.ts";

/** The input itself. */
export function linear<X extends TensorLike>(x: X): Result<X> {
  return x as unknown as Result<X>;
}

/** e^x. */
export const exponential = <X extends TensorLike>(x: X): Result<X> => ops.exp(x);

/** x · Φ(x), by the error function unless `approximate`. @param options - @defaultValue `{ approximate: false }` */
export const gelu = <X extends TensorLike>(x: X, options: { approximate?: boolean } = {}): Result<X> =>
  ops.gelu(x, { approximate: options.approximate ?? false });

/** x · tanh(softplus(x)). */
export function mish<X extends TensorLike>(x: X): Result<X> {
  return ops.multiply(x, ops.tanh(ops.softplus(x))) as Result<X>;
}

export interface ReluOptions {
  /** Slope below the threshold. @defaultValue `0` */
  negativeSlope?: number;
  /** Largest value. @defaultValue `null` */
  maxValue?: number | null;
  /** Values up to it count as negative. @defaultValue `0` */
  threshold?: number;
}

/**
 * f(x) = maxValue for x ≥ maxValue, x for threshold ≤ x, negativeSlope · (x − threshold) below.
 *
 * @see keras/src/activations/activations.py `ReLU` (Keras 3.x)
 */
export function relu<X extends TensorLike>(x: X, options: ReluOptions = {}): Result<X> {
  const { negativeSlope = 0, maxValue = null, threshold = 0 } = options;
  if (maxValue === null && threshold === 0)
    return negativeSlope === 0 ? ops.relu(x) : ops.leakyRelu(x, { negativeSlope });
  if (maxValue === null && threshold === 0) return ops.leakyRelu(x, { negativeSlope });
  const six = maxValue === 6 && threshold === 0;
  const above = threshold !== 0 ? ops.where(ops.greater(x, threshold), x, 0) : six ? ops.relu6(x) : ops.relu(x);
  const capped = maxValue === null || six ? above : ops.clip(above, 0, maxValue);
  if (negativeSlope === 0) return capped as Result<X>;
  const below = ops.relu(ops.subtract(threshold, x));
  return ops.subtract(capped, ops.multiply(below, negativeSlope)) as Result<X>;
}

export type ActivationFunction = (x: Tensor) => Tensor;
/** An activation by name, config or function; a layer is a function too. `null` means linear. */
export type ActivationLike = string | Config | ActivationFunction;

const FUNCTIONS: Readonly<Record<string, unknown>> = {
  celu: ops.celu,
  elu: ops.elu,
  exponential,
  gelu,
  glu: ops.glu,
  hard_shrink: ops.hardShrink,
  hard_sigmoid: ops.hardSigmoid,
  hard_silu: ops.hardSilu,
  hard_swish: ops.hardSilu,
  hard_tanh: ops.hardTanh,
  leaky_relu: ops.leakyRelu,
  linear,
  log_sigmoid: ops.logSigmoid,
  log_softmax: ops.logSoftmax,
  mish,
  relu,
  relu6: ops.relu6,
  selu: ops.selu,
  sigmoid: ops.sigmoid,
  silu: ops.silu,
  swish: ops.silu,
  soft_shrink: ops.softShrink,
  softmax: ops.softmax,
  softplus: ops.softplus,
  softsign: ops.softsign,
  sparse_plus: ops.sparsePlus,
  sparse_sigmoid: ops.sparseSigmoid,
  sparsemax: ops.sparsemax,
  squareplus: ops.squareplus,
  tanh: ops.tanh,
  tanh_shrink: ops.tanhShrink,
};

// First name wins: aliases are read and never written.
const NAMES = new Map<unknown, string>();
for (const [name, fn] of Object.entries(FUNCTIONS)) if (!NAMES.has(fn)) NAMES.set(fn, name);
// The plain op is the default form of the activation.
NAMES.set(ops.relu, "relu");

/** Built-in functions by their name in files. */
export const functionsByName = FUNCTIONS as Readonly<Record<string, (...args: never[]) => unknown>>;

/**
 * The function that a name, a config or a function stands for; `null` gives `linear`.
 *
 * @throws RangeError for an unknown name, with the nearest one.
 */
export function get(identifier: ActivationLike | null | undefined): ActivationFunction {
  if (identifier === null || identifier === undefined) return linear;
  if (typeof identifier === "function") return identifier as ActivationFunction;
  if (typeof identifier === "string") {
    if (Object.hasOwn(FUNCTIONS, identifier)) return FUNCTIONS[identifier] as ActivationFunction;
    const known = Object.keys(FUNCTIONS);
    throw new RangeError(
      `unknown activation ${describe(identifier)}.${didYouMean(identifier, known)} Known: ${known.join(", ")}`,
    );
  }
  if (isPlainObject(identifier) && "class_name" in identifier) {
    const revived = deserializeObject(identifier);
    if (typeof revived === "function" || typeof revived === "string") return get(revived as ActivationLike);
  }
  throw new TypeError(
    `expected an activation: a name, a config, a function or a layer. Received: ${describe(identifier)}`,
  );
}

/** Name of a built-in activation, else the config of the function or layer. */
export const serialize = (activation: ActivationFunction): unknown =>
  NAMES.get(activation) ?? serializeObject(activation);
export const deserialize = (config: Config | string): ActivationFunction => get(config);

/** Name to show for an activation in plots and messages. */
export const nameOf = (activation: ActivationFunction): string =>
  NAMES.get(activation) ?? ((activation as { name?: string }).name || "function");
