/** Reads a whole HDF5 file into a tree, refusing what a weight file never holds and an attack would. */
import { allocate, type DType, type TypedArray, viewBytes } from "../../core/dtype.ts";
import { SerializationError } from "../../core/errors.ts";
import { type H5Module, h5Reason, withH5Module } from "./h5Sandbox.ts";
import { emptyGroup, type H5Attribute, type H5Dataset, type H5Group } from "./h5Tree.ts";
import { looksLike } from "./looksLike.ts";
import { findSignature, MESSAGE, readHeaderMessages, SHARED } from "./objectHeader.ts";
import { findDamagedTextHeap } from "./textHeaps.ts";

type Metadata = ReturnType<H5Module["get_dataset_metadata"]>;

const GIB = 2 ** 30;
const MAX_DEPTH = 256;
/** libhdf5's type classes. */
const CLASS = { integer: 0, float: 1, string: 3, opaque: 5, enumeration: 8 } as const;
const CLASS_NAMES = "integer float time string bitfield opaque compound reference enum vlen array".split(" ");

/**
 * Reads an HDF5 file: every group, numeric dataset and simple attribute.
 *
 * Numbers of either byte order, chunked and compressed (gzip, shuffle, szip) datasets are read; h5py's bool enums
 * become `bool`, two opaque bytes with an attribute `dtype="bfloat16"` become `bfloat16`. Attributes that are
 * neither text nor numbers (references, compounds) are left out.
 *
 * @param where - The file's name, for error messages.
 * @throws SerializationError when the bytes are no intact HDF5 file, or when it holds links to elsewhere, external or
 * virtual storage, a dataset whose declared size is out of all proportion, or a dataset of a type without a dtype.
 */
export async function readH5(bytes: Uint8Array, where: string): Promise<H5Group> {
  const base = findSignature(bytes);
  if (base < 0) {
    throw new SerializationError(
      `${where}: not an HDF5 file. Received: ${looksLike(bytes)}; expected the signature "\\x89HDF" at its start. ` +
        "Check that the path is right and that the download or copy is complete.",
    );
  }
  const damaged = findDamagedTextHeap(bytes);
  if (damaged !== null) {
    throw new SerializationError(
      `${where}: the HDF5 file is damaged. Received: a heap of texts at byte ${damaged} whose sizes do not add up. ` +
        "Save or download it again.",
    );
  }
  try {
    return await withH5Module(bytes, where, (module, file) => new Reader(module, file, bytes, base, where).read());
  } catch (error) {
    if (error instanceof SerializationError) throw error;
    throw new SerializationError(
      `${where}: the HDF5 file is damaged or cut short. Received: ${bytes.length} bytes, in which libhdf5 reports ` +
        `"${h5Reason(error)}". Save or download it again.`,
      { cause: error },
    );
  }
}

class Reader {
  private readonly module: H5Module;
  private readonly file: bigint;
  private readonly bytes: Uint8Array;
  private readonly base: number;
  private readonly where: string;
  /** Objects by header address: one that is hard-linked twice is read once. `null` while a group is being read. */
  private readonly groups = new Map<number, H5Group | null>();
  private readonly datasets = new Map<number, H5Dataset>();

  constructor(module: H5Module, file: bigint, bytes: Uint8Array, base: number, where: string) {
    this.module = module;
    this.file = file;
    this.bytes = bytes;
    this.base = base;
    this.where = where;
  }

  read(): H5Group {
    return this.readGroup("/", 0);
  }

  private fail(path: string, problem: string): never {
    throw new SerializationError(`${this.where}: ${JSON.stringify(path)} ${problem}`);
  }

  private addressOf(path: string): number {
    const reference = Uint8Array.from(this.module.create_object_reference(this.file, path));
    return Number(new DataView(reference.buffer).getBigUint64(0, true));
  }

  private readGroup(path: string, depth: number): H5Group {
    const address = this.addressOf(path);
    const known = this.groups.get(address);
    if (known) return known;
    if (known === null) this.fail(path, "leads back to a group that contains it. Refused: no weight file has cycles.");
    if (depth > MAX_DEPTH) this.fail(path.slice(0, 60), `is nested deeper than ${MAX_DEPTH} groups. Refused.`);
    this.groups.set(address, null);
    const group = emptyGroup();
    group.attributes = this.readAttributes(path);
    for (const name of this.module.get_names(this.file, path, false)) {
      const child = path === "/" ? `/${name}` : `${path}/${name}`;
      this.refuseLinks(child);
      const type = this.module.get_type(this.file, child);
      if (type === this.module.H5G_GROUP) group.groups.set(name, this.readGroup(child, depth + 1));
      else if (type === this.module.H5G_DATASET) group.datasets.set(name, this.readDataset(child));
      else if (type !== this.module.H5G_TYPE) this.fail(child, "is neither a group nor a dataset. Refused.");
    }
    this.groups.set(address, group);
    return group;
  }

  private refuseLinks(path: string): void {
    const soft: string | null = this.module.get_symbolic_link(this.file, path);
    if (soft !== null) {
      this.fail(
        path,
        `is a soft link (to ${JSON.stringify(soft)}). Refused: weight files hold their data themselves. ` +
          "Copy the data in its place (h5py: file.copy with expand_soft=True).",
      );
    }
    const external: { filename?: string } = this.module.get_external_link(this.file, path);
    if (external.filename !== undefined) {
      this.fail(
        path,
        `is an external link (to the file ${JSON.stringify(external.filename)}). Refused: weight files hold their ` +
          "data themselves. Copy the data in its place (h5py: file.copy with expand_external=True).",
      );
    }
  }

  private readDataset(path: string): H5Dataset {
    const address = this.addressOf(path);
    const known = this.datasets.get(address);
    if (known) return known;
    const halfFloat = this.inspectHeader(path, address);
    const metadata = this.module.get_dataset_metadata(this.file, path);
    const dtype = this.dtypeOf(path, metadata, halfFloat);
    // An "empty" dataset (no dataspace at all) has no shape; an array without elements says the same.
    const shape = metadata.shape ?? [0];
    const length = shape.reduce((product, size) => product * size, 1);
    const declared = length * metadata.size;
    if (declared > 4 * GIB && declared > 1000 * this.bytes.length) {
      this.fail(
        path,
        `declares ${declared} bytes of data in a file of ${this.bytes.length} bytes. ` +
          "Refused: reading it would fill the memory with nothing.",
      );
    }
    const data = length === 0 ? allocate(dtype, 0) : this.readElements(path, dtype, length, metadata.size);
    const dataset = { shape: [...shape], dtype, data };
    this.datasets.set(address, dataset);
    return dataset;
  }

  /** Refuses storage outside of the dataset; tells which 16-bit float a float of two bytes is. */
  private inspectHeader(path: string, address: number): "float16" | "bfloat16" | null {
    const { bytes } = this;
    let halfFloat: "float16" | "bfloat16" | null = "float16";
    for (const { type, flags, start } of readHeaderMessages(bytes, this.base, address)) {
      if (type === MESSAGE.externalFiles) {
        this.fail(path, "keeps its data in external files. Refused: weight files hold their data themselves.");
      }
      if (type === MESSAGE.layout && bytes[start]! >= 3 && bytes[start + 1] === 3) {
        this.fail(path, "is a virtual dataset. Refused: weight files hold their data themselves.");
      }
      if (type === MESSAGE.datatype && (flags & SHARED) === 0 && (bytes[start]! & 0x0f) === CLASS.float) {
        const exponentBits = bytes[start + 13];
        halfFloat = exponentBits === 5 ? "float16" : exponentBits === 8 ? "bfloat16" : null;
      }
    }
    return halfFloat;
  }

  private dtypeOf(path: string, metadata: Metadata, halfFloat: "float16" | "bfloat16" | null): DType {
    const { type, size, signed } = metadata;
    if (type === CLASS.float) {
      if (size === 8) return "float64";
      if (size === 4) return "float32";
      if (size === 2 && halfFloat) return halfFloat;
    }
    const members = metadata.enum_type?.members;
    if (members && size === 1 && Object.keys(members).length === 2 && members.FALSE === 0 && members.TRUE === 1) {
      return "bool";
    }
    if ((type === CLASS.integer || metadata.enum_type?.type === CLASS.integer) && [1, 2, 4, 8].includes(size)) {
      return `${signed ? "int" : "uint"}${size * 8}` as DType;
    }
    if (type === CLASS.opaque && size === 2 && this.readAttributes(path).get("dtype") === "bfloat16") return "bfloat16";
    return this.fail(
      path,
      `has an HDF5 type without a dtype here. Received: ${CLASS_NAMES[type] ?? `class ${type}`} of ${size} bytes; ` +
        "expected integers, floats of 2, 4 or 8 bytes, bool, or bfloat16. A weight file holds numbers only.",
    );
  }

  private readElements(path: string, dtype: DType, length: number, size: number): TypedArray {
    const { module } = this;
    const pointer = this.reserve(path, length * size);
    try {
      const status = module.get_dataset_data(this.file, path, null, null, null, BigInt(pointer));
      if (status < 0) this.fail(path, "cannot be read: its stored data is damaged or uses an unknown compression.");
      const copy = module.HEAPU8.slice(pointer, pointer + length * size);
      return viewBytes(dtype, copy.buffer, 0, length);
    } finally {
      module._free(pointer);
    }
  }

  private reserve(path: string, byteLength: number): number {
    const pointer = byteLength < Number(this.module.MAXIMUM_MEMORY) ? this.module._malloc(byteLength) : 0;
    if (pointer === 0) {
      this.fail(
        path,
        `needs ${byteLength} bytes at once, more than the HDF5 reader's memory. Save it in smaller parts.`,
      );
    }
    return pointer >>> 0;
  }

  private readAttributes(path: string): Map<string, H5Attribute> {
    const attributes = new Map<string, H5Attribute>();
    for (const name of this.module.get_attribute_names(this.file, path)) {
      const value = this.readAttribute(path, name);
      if (value !== null) attributes.set(name, value);
    }
    return attributes;
  }

  private readAttribute(path: string, name: string): H5Attribute | null {
    const { module } = this;
    const metadata = module.get_attribute_metadata(this.file, path, name);
    const { shape, size, vlen } = metadata;
    const kind = metadata.enum_type?.type ?? metadata.type;
    if (!shape || (kind !== CLASS.string && kind !== CLASS.integer && kind !== CLASS.float)) return null;
    const length = shape.reduce((product, n) => product * n, 1);
    if (length === 0) return [];
    if (length * size > Math.max(this.bytes.length, 1 << 16)) {
      this.fail(path, `declares ${length * size} bytes for its attribute ${JSON.stringify(name)}. Refused.`);
    }
    const pointer = this.reserve(path, length * size);
    try {
      module.get_attribute_data(this.file, path, name, BigInt(pointer));
      const raw = module.HEAPU8.slice(pointer, pointer + length * size);
      let values: string[] | number[];
      if (kind === CLASS.string && vlen) {
        values = [...new Uint32Array(raw.buffer)].map((at) => (at === 0 ? "" : textAt(module.HEAPU8, at)));
        module.reclaim_vlen_memory(this.file, path, name, BigInt(pointer));
      } else if (kind === CLASS.string) {
        const trim = metadata.strpad === 2 ? / +$/ : /$/; // space-padded, as Fortran writes
        values = Array.from({ length }, (_, i) => textAt(raw.subarray(i * size, (i + 1) * size), 0).replace(trim, ""));
      } else {
        const numbers = numberReader(kind, size, metadata.signed);
        if (!numbers) return null;
        const view = new DataView(raw.buffer);
        values = Array.from({ length }, (_, i) => numbers(view, i * size));
      }
      return shape.length === 0 ? values[0]! : values;
    } finally {
      module._free(pointer);
    }
  }
}

/** The text from `at` to the next zero byte or the end. Python writes UTF-8 whatever the declared character set. */
function textAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return new TextDecoder().decode(bytes.slice(at, end < 0 ? bytes.length : end));
}

/** Reads one attribute number at an offset; `null` for widths that JavaScript cannot read. */
function numberReader(kind: number, size: number, signed: boolean): ((view: DataView, at: number) => number) | null {
  if (kind === CLASS.float) {
    if (size === 8) return (view, at) => view.getFloat64(at, true);
    if (size === 4) return (view, at) => view.getFloat32(at, true);
    return null;
  }
  if (size === 1) return (view, at) => (signed ? view.getInt8(at) : view.getUint8(at));
  if (size === 2) return (view, at) => (signed ? view.getInt16(at, true) : view.getUint16(at, true));
  if (size === 4) return (view, at) => (signed ? view.getInt32(at, true) : view.getUint32(at, true));
  if (size === 8) return (view, at) => Number(signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true));
  return null;
}
