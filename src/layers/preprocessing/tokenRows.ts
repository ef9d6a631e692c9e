/**
 * What layers compute on the host: values in rows. The last axis may have another length in each row, as the words of
 * texts do; the axes before it are regular.
 */
import { fromElement, type TypedArray } from "../../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../../core/errors.ts";
import { formatShape, sizeOf } from "../../core/shape.ts";
import { peekValue } from "../../runtime/evaluate.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { activeTrace } from "../../runtime/trace.ts";
import { Variable } from "../../runtime/variable.ts";

/** An entry of a vocabulary. */
export type Token = string | number;

/** Values in rows. `outer` are the axes before the rows'; `null` for one value without any axis. */
export interface Rows<T> {
  readonly outer: readonly number[] | null;
  readonly rows: readonly (readonly T[])[];
}

/** One value: text, a number, or truth. */
export type HostValue = string | number | boolean;

/** Number of axes. */
export const rankOf = ({ outer }: Rows<unknown>): number => (outer === null ? 0 : outer.length + 1);

/** The shape if all rows are of one length, else `null`. */
export function shapeOf({ outer, rows }: Rows<unknown>): number[] | null {
  if (outer === null) return [];
  const width = rows[0]?.length ?? 0;
  return rows.every((row) => row.length === width) ? [...outer, width] : null;
}

/** Rows of a regular array in row-major order. */
export function rowsFromFlat<T>(values: readonly T[], shape: readonly number[]): Rows<T> {
  if (shape.length === 0) return { outer: null, rows: [values] };
  const outer = shape.slice(0, -1);
  const width = shape.at(-1)!;
  const rows = Array.from({ length: sizeOf(outer) }, (_, i) => values.slice(i * width, (i + 1) * width));
  return { outer, rows };
}

/** Every value replaced. */
export const mapRows = <T, U>({ outer, rows }: Rows<T>, fn: (value: T) => U): Rows<U> => ({
  outer,
  rows: rows.map((row) => row.map(fn)),
});

const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || ArrayBuffer.isView(value);

/** How deep arrays are nested. */
function depthOf(value: unknown): number {
  if (!isList(value)) return 0;
  let deepest = 0;
  for (let i = 0; i < value.length; i++) if (isList(value[i])) deepest = Math.max(deepest, depthOf(value[i]));
  return deepest + 1;
}

function toHostValue(value: unknown, where: string): HostValue {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") {
    if (Number.isSafeInteger(Number(value))) return Number(value);
    throw new RangeError(`${where}: integers beyond 2^53 are not exact here. Received: ${value}`);
  }
  const hint = value === null || value === undefined ? "Replace missing values, by the empty string for example" : "";
  throw new DTypeError(`${where}: expected strings or numbers. Received: ${describe(value)}. ${hint}`.trimEnd());
}

/** Numbers of a tensor that are on the host already. */
function valuesOfTensor(x: Tensor, where: string): HostValue[] {
  const data = peekValue(x.node);
  if (data === null) {
    throw new TypeError(
      activeTrace()
        ? `${where}: it works on the host, before a compiled program runs. In a model, call it on an Input (or on what ` +
            "another such layer made of one); elsewhere call it on the data, before `jit` or a step"
        : `${where}: it works on the host, and the numbers of this tensor are not computed yet. Compute them first: ` +
            "`await x.data()`",
    );
  }
  if (x.dtype === "string") return [...(data as unknown as string[])];
  const isBool = x.dtype === "bool";
  return Array.from(data as ArrayLike<number | bigint>, (element) => {
    if (typeof element === "bigint") return toHostValue(element, where);
    const number = fromElement(x.dtype, element);
    return isBool ? number !== 0 : number;
  });
}

/**
 * Values in rows from strings or numbers, nested arrays of them (whose innermost arrays may differ in length), typed
 * arrays, or a tensor whose numbers are on the host.
 *
 * @throws DTypeError for other values; ShapeError when outer arrays differ in length.
 */
export function readRows(data: unknown, where: string): Rows<HostValue> {
  if (data instanceof Variable) return readRows(data.value, where);
  if (data instanceof Tensor) return rowsFromFlat(valuesOfTensor(data, where), data.shape);
  const depth = depthOf(data);
  if (depth === 0) return { outer: null, rows: [[toHostValue(data, where)]] };
  const outer: number[] = [];
  const rows: HostValue[][] = [];
  const enter = (value: unknown, axis: number): void => {
    if (!isList(value)) {
      throw new ShapeError(
        `${where}: expected nested arrays of one depth. Received: ${describe(value)} where ${describe(data)} has arrays`,
      );
    }
    if (axis === depth - 1) {
      const row = new Array<HostValue>(value.length);
      for (let i = 0; i < value.length; i++) row[i] = toHostValue(value[i], where);
      rows.push(row);
      return;
    }
    outer[axis] ??= value.length;
    if (value.length !== outer[axis]) {
      throw new ShapeError(
        `${where}: only the innermost arrays may differ in length. Received: arrays of ${outer[axis]} and ${value.length} on axis ${axis}`,
      );
    }
    for (let i = 0; i < value.length; i++) enter(value[i], axis + 1);
  };
  enter(data, 0);
  return { outer, rows };
}

/** The rows as one array in row-major order. @throws ShapeError when they differ in length. */
export function flatValues<T>(values: Rows<T>, where: string): { flat: readonly T[]; shape: number[] } {
  const shape = shapeOf(values);
  if (shape) return { flat: values.rows.length === 1 ? values.rows[0]! : values.rows.flat(), shape };
  const lengths = [...new Set(values.rows.map((row) => row.length))].sort((a, b) => a - b);
  throw new ShapeError(
    `${where}: the rows differ in length, and tensors of rows of different lengths do not exist here. Received: rows of ` +
      `${lengths.slice(0, 6).join(", ")}${lengths.length > 6 ? ", …" : ""} values after axes ${formatShape(values.outer ?? [])}. ` +
      "Pad them to one length first",
  );
}

/** All values of typed storage as plain numbers. */
export const plainNumbers = (data: TypedArray): number[] => Array.from(data as ArrayLike<number | bigint>, Number);
