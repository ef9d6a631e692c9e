/** Process-wide settings, as `keras.config`. */
import { DTYPES, type DType, isFloat, standardizeDType } from "./dtype.ts";
import { DTypeError, describe } from "./errors.ts";

export type DataFormat = "channels_last" | "channels_first";

const state = { floatx: "float32" as DType, epsilon: 1e-7, imageDataFormat: "channels_last" as DataFormat };

/** The dtype that floats get by default. @defaultValue `"float32"` */
export const floatx = (): DType => state.floatx;

/**
 * Sets the dtype of floats made from now on.
 *
 * @throws DTypeError when `dtype` is not a float type.
 */
export function setFloatx(dtype: string): void {
  const standard = standardizeDType(dtype);
  if (!isFloat(standard)) {
    const floats = DTYPES.filter(isFloat).map((name) => `"${name}"`);
    throw new DTypeError(`setFloatx: expected a float dtype (${floats.join(", ")}). Received: ${describe(dtype)}`);
  }
  state.floatx = standard;
}

/** The small number that keeps divisions and logarithms finite. @defaultValue `1e-7` */
export const epsilon = (): number => state.epsilon;

/** @throws RangeError when `value` is not a positive number. */
export function setEpsilon(value: number): void {
  if (typeof value !== "number" || !(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`setEpsilon: expected a positive number. Received: ${describe(value)}`);
  }
  state.epsilon = value;
}

/** Where images keep their channels by default. @defaultValue `"channels_last"` */
export const imageDataFormat = (): DataFormat => state.imageDataFormat;

/** @throws RangeError for anything but the two formats. */
export function setImageDataFormat(value: DataFormat): void {
  state.imageDataFormat = standardizeDataFormat(value);
}

/** `value`, or the configured default when it is null; anything else throws. */
export function standardizeDataFormat(value: string | null | undefined): DataFormat {
  if (value === null || value === undefined) return state.imageDataFormat;
  if (value === "channels_last" || value === "channels_first") return value;
  const text = `expected "channels_last" or "channels_first". Received: ${describe(value)}`;
  throw new RangeError(`data format: ${text}`);
}
