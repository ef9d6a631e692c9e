/** Text of tensors for people: NumPy's nesting, long axes cut in the middle. */
import { type DType, fromElement, isFloat, type TypedArray } from "../core/dtype.ts";
import { formatShape, type StaticShape, sizeOf } from "../core/shape.ts";

const EDGE = 3;
const FULL_SIZE = 1000;

function formatNumber(x: number, dtype: DType, scientific: boolean): string {
  if (dtype === "bool") return x ? "true" : "false";
  if (!isFloat(dtype)) return String(x);
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (scientific) return x.toExponential(4);
  if (Number.isInteger(x)) return `${Object.is(x, -0) ? "-0" : x}.`;
  return x.toFixed(4).replace(/0+$/, "");
}

/**
 * `Tensor(shape=(2, 2), dtype=float32)` followed by the numbers when they are computed.
 *
 * @param data - Host storage, or null when the tensor has not been computed yet.
 */
export function formatTensor(shape: StaticShape, dtype: DType, data: TypedArray | null): string {
  const head = `Tensor(shape=${formatShape(shape)}, dtype=${dtype})`;
  if (data === null) return `${head} (not computed yet: await tensor.data(), .array() or .print())`;
  const cut = sizeOf(shape) > FULL_SIZE;
  const shown: number[] = [];
  const visit = (axis: number, offset: number, size: number, use: (i: number) => void): void => {
    if (axis === shape.length) {
      use(offset);
      return;
    }
    const n = shape[axis]!;
    for (let i = 0; i < n; i++) {
      if (cut && n > 2 * EDGE && i === EDGE) i = n - EDGE;
      visit(axis + 1, offset + (i * size) / n, size / n, use);
    }
  };
  visit(0, 0, data.length, (i) => shown.push(fromElement(dtype, data[i]!)));
  const magnitudes = shown.filter((x) => x !== 0 && Number.isFinite(x)).map(Math.abs);
  const scientific =
    isFloat(dtype) && magnitudes.length > 0 && (Math.max(...magnitudes) >= 1e8 || Math.min(...magnitudes) < 1e-4);
  const width = Math.max(0, ...shown.map((x) => formatNumber(x, dtype, scientific).length));
  const text = (axis: number, offset: number, size: number): string => {
    if (axis === shape.length)
      return formatNumber(fromElement(dtype, data[offset]!), dtype, scientific).padStart(width);
    const n = shape[axis]!;
    const items: string[] = [];
    for (let i = 0; i < n; i++) {
      if (cut && n > 2 * EDGE && i === EDGE) {
        items.push("...");
        i = n - EDGE;
      }
      items.push(text(axis + 1, offset + (i * size) / n, size / n));
    }
    const innermost = axis === shape.length - 1;
    const separator = innermost ? ", " : `,${"\n".repeat(shape.length - axis - 1)}${" ".repeat(axis + 1)}`;
    return `[${items.join(separator)}]`;
  };
  return `${head}\n${shape.length === 0 ? text(0, 0, 1).trim() : text(0, 0, data.length)}`;
}
