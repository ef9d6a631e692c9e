/** NumPy's array files (`.npy`) and archives of them (`.npz`) as typed arrays. Pickled objects are refused. */
import { type DType, type TypedArray, viewBytes } from "../core/dtype.ts";
import { SerializationError } from "../core/errors.ts";
import { readArchive } from "../saving/archive.ts";
import { looksLike } from "../saving/h5/looksLike.ts";

export interface NpyArray {
  /** Elements in row-major order: text for dtype `string`, else the dtype's host storage. */
  readonly data: TypedArray | string[];
  readonly shape: number[];
  readonly dtype: DType;
}

const MAGIC = "\x93NUMPY";

/**
 * The arrays of a `.npz` archive by name (without `.npy`), as `numpy.load` names them.
 *
 * @param where - The file's name, for error messages.
 * @throws SerializationError when the bytes are no intact archive or an array in it cannot be read.
 */
export function readNpz(bytes: Uint8Array, where: string): Map<string, NpyArray> {
  const arrays = new Map<string, NpyArray>();
  for (const [name, content] of readArchive(bytes, where)) {
    arrays.set(name.replace(/\.npy$/, ""), readNpy(content, `${where}: "${name}"`));
  }
  return arrays;
}

/**
 * One array from the bytes of a `.npy` file: all integer and float types, bool, and text (`U`, `S`), in C or Fortran
 * order and of either byte order.
 *
 * @throws SerializationError for other files, and for objects, complex numbers, dates and structures.
 * @see numpy/lib/_format_impl.py (NumPy 2.x): format versions 1 to 3.
 */
export function readNpy(bytes: Uint8Array, where: string): NpyArray {
  if (String.fromCharCode(...bytes.subarray(0, 6)) !== MAGIC || bytes.length < 12) {
    throw new SerializationError(`${where}: not a NumPy array file. Received: ${looksLike(bytes)}.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! > 1; // version 1 has a 16-bit header length
  const headerStart = wide ? 12 : 10;
  const start = headerStart + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(bytes.subarray(headerStart, start));
  const descr = /'descr':\s*'([<>|=]?)([a-zA-Z])(\d*)/.exec(header);
  const order = /'fortran_order':\s*(True|False)/.exec(header);
  const axes = /'shape':\s*\(([\d,\s]*)\)/.exec(header);
  if (!descr || !order || !axes) {
    throw new SerializationError(
      `${where}: cannot read this NumPy header. Received: ${header.trim().slice(0, 120)}; expected a plain dtype. ` +
        "Save it as numbers or text.",
    );
  }
  const shape = axes[1]!.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  const length = shape.reduce((product, size) => product * size, 1);
  const [, byteOrder, kind, width] = descr as unknown as [string, string, string, string];
  const size = kind === "U" ? 4 * Number(width) : Number(width);
  const dtype = dtypeOf(kind, Number(width), where);
  if (start + length * size > bytes.length) {
    throw new SerializationError(
      `${where}: cut short. Received: ${Math.max(0, bytes.length - start)} bytes of data; expected ${length * size} for ` +
        `shape (${shape.join(", ")}). Save, copy or download it again.`,
    );
  }
  const raw = new Uint8Array(bytes.subarray(start, start + length * size)); // a copy, also of a Buffer
  if (byteOrder === ">") swap(raw, kind === "U" ? 4 : size);
  const data = dtype === "string" ? texts(raw, kind, size, length) : viewBytes(dtype, raw.buffer, 0, length);
  return { data: order[1] === "True" ? toRowMajor(data, shape) : data, shape, dtype };
}

function dtypeOf(kind: string, width: number, where: string): DType {
  if (kind === "U" || kind === "S") return "string";
  if (kind === "b" && width === 1) return "bool";
  const name = { f: "float", i: "int", u: "uint" }[kind];
  const widths = kind === "f" ? [2, 4, 8] : [1, 2, 4, 8];
  if (name && widths.includes(width)) return `${name}${width * 8}` as DType;
  const what = kind === "O" ? "Python objects (a pickle, which could run code)" : `NumPy type "${kind}${width}"`;
  throw new SerializationError(
    `${where}: cannot read this array. Received: ${what}; expected integers, floats of 2, 4 or 8 bytes, bool or text. ` +
      "Convert it in Python with `array.astype(...)` and save it again.",
  );
}

function swap(raw: Uint8Array, size: number): void {
  for (let at = 0; at < raw.length; at += size) raw.subarray(at, at + size).reverse();
}

/** Texts of a fixed number of code points (`U`, UTF-32) or bytes (`S`), padded with zeros. */
function texts(raw: Uint8Array, kind: string, size: number, length: number): string[] {
  const decoder = new TextDecoder();
  return Array.from({ length }, (_, i) => {
    const bytes = raw.slice(i * size, (i + 1) * size);
    const text = kind === "U" ? String.fromCodePoint(...new Uint32Array(bytes.buffer)) : decoder.decode(bytes);
    return text.replace(/\0+$/, "");
  });
}

/** Reorders elements whose first axis runs fastest. */
function toRowMajor<T extends TypedArray | string[]>(data: T, shape: readonly number[]): T {
  const out = data.slice() as T;
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape) {
    strides.push(stride);
    stride *= size;
  }
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
