/** Tensors, typed arrays and slices as files hold them, and back. */
import { type DType, dtypeOfArray, fromElement, type TypedArray } from "../core/dtype.ts";
import { SerializationError } from "../core/errors.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { peekValue } from "../runtime/evaluate.ts";
import { fromNumbers, type Tensor } from "../runtime/tensor.ts";
import type { Config } from "./registry.ts";

export { ELLIPSIS, Slice } from "../ops/slice.ts";

type Plain = number | bigint | boolean | readonly Plain[];

/** An element as a JSON number: 64-bit integers stay exact. */
function plainElement(dtype: DType, element: number | bigint): number | bigint | boolean {
  if (dtype === "bool") return element !== 0;
  if (typeof element !== "bigint") return fromElement(dtype, element);
  return Number.isSafeInteger(Number(element)) ? Number(element) : element;
}

function nest(data: TypedArray, shape: readonly number[], dtype: DType): Plain {
  const go = (axis: number, from: number, count: number): Plain => {
    if (axis === shape.length) return plainElement(dtype, data[from]!);
    const step = count / shape[axis]!;
    return Array.from({ length: shape[axis]! }, (_, i) => go(axis + 1, from + i * step, step));
  };
  return go(0, 0, data.length);
}

/** @throws SerializationError for a tensor whose numbers are not computed yet. */
export function tensorConfig(tensor: Tensor, where: string): Config {
  const data = peekValue(tensor.node);
  if (!data) {
    throw new SerializationError(
      `${where}: a config cannot hold a tensor whose numbers are not at hand. ` +
        "Compute it before (`await tensor.data()`), or let getConfig return an array of numbers.",
    );
  }
  return {
    class_name: "__tensor__",
    config: { value: nest(data, tensor.shape, tensor.dtype), dtype: tensor.dtype },
  };
}

export function arrayConfig(array: ArrayBufferView): Config {
  const dtype = dtypeOfArray(array);
  const data = array as unknown as TypedArray;
  return { class_name: "__numpy__", config: { value: nest(data, [data.length], dtype), dtype } };
}

export function kerasTensorConfig(tensor: KerasTensor): Config {
  const history = tensor.kerasHistory;
  return {
    class_name: "__keras_tensor__",
    config: {
      shape: tensor.shape,
      dtype: tensor.dtype,
      keras_history: history ? [history.operation.name, history.nodeIndex, history.tensorIndex] : null,
    },
  };
}

/** A tensor from `{value, dtype}`; text stays an array, for there are no tensors of text here. */
export function tensorFromConfig(config: Config, where: string): unknown {
  const holdsText = (value: unknown): boolean =>
    Array.isArray(value) ? value.some(holdsText) : typeof value === "string";
  if (holdsText(config.value)) return config.value;
  try {
    return fromNumbers(config.value, null, (config.dtype ?? null) as DType | null, where);
  } catch (cause) {
    throw new SerializationError(`${where}: not a readable tensor: ${(cause as Error).message}`, { cause });
  }
}

/** A symbolic tensor from a TensorSpec or a KerasTensor's config; where it came from is for the graph's reader to say. */
export function symbolicFromConfig(shape: unknown, dtype: unknown, where: string): KerasTensor {
  if (!Array.isArray(shape)) throw new SerializationError(`${where}: a symbolic tensor without a shape`);
  return new KerasTensor(shape as (number | null)[], typeof dtype === "string" ? { dtype } : {});
}
