/** Text of tensors for people: NumPy's nesting, long axes cut in the middle. */
import { type DType, fromElement, is64BitInteger, isFloat, type TypedArray } from "../core/dtype.ts";
import { formatShape, type StaticShape, sizeOf } from "../core/shape.ts";

/** How many entries are shown at either end of an axis that is cut. */
const EDGE = 3;
/** Tensors of more elements are cut. */
const FULL_SIZE = 1000;

function formatElement(element: number | bigint, dtype: DType, scientific: boolean): string {
  if (dtype === "string") return JSON.stringify(element);
  if (is64BitInteger(dtype)) return String(element); // all digits
  const x = fromElement(dtype, element);
  if (dtype === "bool") return x ? "true" : "false";
  if (!isFloat(dtype)) return String(x);
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (scientific) return x.toExponential(4);
  if (Number.isInteger(x)) return `${Object.is(x, -0) ? "-0" : x}.`;
  return x.toFixed(4).replace(/0+$/, "");
}

/** Whether floats of these sizes are easier to read with exponents. */
function spreadsWide(shown: readonly number[]): boolean {
  return shown.some((x) => Number.isFinite(x) && x !== 0 && (Math.abs(x) >= 1e8 || Math.abs(x) < 1e-4));
}

/**
 * `Tensor(shape=(2, 2), dtype=float32)` followed by the numbers when they are there.
 *
 * @param data - Host storage, or null when there is none.
 * @param why - Shown instead of the numbers.
 */
export function formatTensor(shape: StaticShape, dtype: DType, data: TypedArray | null, why = "no data"): string {
  const head = `Tensor(shape=${formatShape(shape)}, dtype=${dtype})`;
  if (data === null) return `${head} (${why})`;
  const cut = sizeOf(shape) > FULL_SIZE;
  /** Shown positions along an axis of n, -1 where some are left out. */
  const positions = (n: number): number[] => {
    const all = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
    return cut && n > 2 * EDGE ? [...all(0, EDGE), -1, ...all(n - EDGE, n)] : all(0, n);
  };
  const shown: (number | bigint)[] = [];
  const collect = (axis: number, offset: number, size: number): void => {
    if (axis === shape.length) {
      shown.push(data[offset]!);
      return;
    }
    const step = size / shape[axis]!;
    for (const i of positions(shape[axis]!)) if (i >= 0) collect(axis + 1, offset + i * step, step);
  };
  collect(0, 0, data.length);
  const scientific = isFloat(dtype) && spreadsWide(shown.map((x) => fromElement(dtype, x)));
  const texts = shown.map((x) => formatElement(x, dtype, scientific));
  const width = texts.reduce((w, text) => Math.max(w, text.length), 0);
  if (shape.length === 0) return `${head}\n${texts[0]}`;
  let next = 0;
  const nest = (axis: number): string => {
    if (axis === shape.length) return texts[next++]!.padStart(width);
    const items = positions(shape[axis]!).map((i) => (i < 0 ? "..." : nest(axis + 1)));
    const innermost = axis === shape.length - 1;
    const separator = innermost ? ", " : `,${"\n".repeat(shape.length - axis - 1)}${" ".repeat(axis + 1)}`;
    return `[${items.join(separator)}]`;
  };
  return `${head}\n${nest(0)}`;
}
