/**
 * Writes HDF5 files with the layout that h5py gives Keras's: version 0 superblock, version 1 object headers, groups as
 * B-trees over symbol tables, contiguous datasets, text in global heaps. Every HDF5 library since 1.0 reads that.
 *
 * Space is handed out first, while walking the tree; the bytes are filled in afterwards, when every address is known.
 *
 * @see HDF5 File Format Specification, sections II.A (superblock), III (groups), IV.A (object headers).
 */
import { SerializationError } from "../../core/errors.ts";
import {
  align8,
  concat,
  dataspace,
  datatype,
  type Message,
  objectHeader,
  pack,
  padded,
  TEXT_ELEMENT_BYTES,
  textType,
  UNDEFINED_ADDRESS,
} from "./h5Encoding.ts";
import type { H5Attribute, H5Dataset, H5Group } from "./h5Tree.ts";

const SUPERBLOCK_BYTES = 96;
/** Entries of a symbol table node and children of a B-tree node: twice the "K" values of the superblock. */
const LEAF_ENTRIES = 8;
const NODE_CHILDREN = 32;
const MESSAGE = { dataspace: 0x01, datatype: 0x03, fill: 0x05, layout: 0x08, attribute: 0x0c, symbolTable: 0x11 };
/** A header message says its size in two bytes. */
const MAX_MESSAGE_BYTES = 65_528;

/**
 * The bytes of an HDF5 file that holds `root`.
 *
 * float16 is written as IEEE half precision, bool as h5py's enum, bfloat16 as two opaque bytes with the attribute
 * `dtype="bfloat16"`, text as variable-length UTF-8: what Python Keras and h5py read back as the same dtype.
 *
 * @throws SerializationError when a name is not possible in HDF5, a dataset's data does not fit its shape, or an
 * attribute is larger than the 64 KiB that HDF5 allows.
 */
export async function writeH5(root: H5Group): Promise<Uint8Array> {
  return new Writer().write(root);
}

interface GroupPlace {
  readonly header: number;
  readonly tree: number;
  readonly heap: number;
}

class Writer {
  private end = SUPERBLOCK_BYTES;
  private readonly fills: ((file: Uint8Array) => void)[] = [];
  private readonly texts = new TextHeap();

  write(root: H5Group): Uint8Array {
    const place = this.group(root, "/");
    for (const { size, at } of this.texts.collections()) at(this.reserve(size));
    const file = new Uint8Array(this.end);
    file.set(superblock(place, this.end));
    for (const fill of this.fills) fill(file);
    this.texts.fill(file);
    return file;
  }

  private reserve(size: number): number {
    const at = this.end;
    this.end += align8(size);
    return at;
  }

  /** Reserves room for bytes that can only be made once all addresses are known. */
  private place(size: number, make: () => Uint8Array): number {
    const at = this.reserve(size);
    this.fills.push((file) => file.set(make(), at));
    return at;
  }

  private header(messages: () => Message[]): number {
    return this.place(objectHeader(messages()).length, () => objectHeader(messages()));
  }

  private group(group: H5Group, path: string): GroupPlace {
    const children = new Map<string, number>();
    for (const [name, dataset] of group.datasets) {
      children.set(checkName(name, path), this.dataset(dataset, join(path, name)));
    }
    for (const [name, child] of group.groups) {
      if (children.has(name))
        throw new SerializationError(`HDF5 ${path}: both a group and a dataset are called "${name}"`);
      children.set(checkName(name, path), this.group(child, join(path, name)).header);
    }
    const attributes = this.attributes(group.attributes, path);
    const { tree, heap } = this.symbols(children);
    const table: Message = { type: MESSAGE.symbolTable, flags: 0, body: pack([8, tree], [8, heap]) };
    return { header: this.header(() => [table, ...attributes()]), tree, heap };
  }

  /** The B-tree and the heap of names that list a group's members. */
  private symbols(children: ReadonlyMap<string, number>): { tree: number; heap: number } {
    const encoder = new TextEncoder();
    const entries = [...children].map(([name, header]) => ({ name: encoder.encode(name), header, offset: 0 }));
    entries.sort((a, b) => compareBytes(a.name, b.name));
    let offset = 8; // offset 0 is the empty name, the lower bound of every tree
    for (const entry of entries) {
      entry.offset = offset;
      offset += align8(entry.name.length + 1);
    }
    const names = concat([new Uint8Array(8), ...entries.map(({ name }) => padded(concat([name, new Uint8Array(1)])))]);
    const namesAt = this.place(names.length, () => names);
    const heap = this.place(32, () => concat([ascii("HEAP"), pack([4, 0], [8, names.length], [8, 1], [8, namesAt])]));

    // Leaves are symbol table nodes; each level above holds the addresses of the one below and the largest name in each.
    let level = inParts(entries, LEAF_ENTRIES).map((part) => {
      const rows = part.map((entry) => pack([8, entry.offset], [8, entry.header], [4, 0], [4, 0], [8, 0], [8, 0]));
      const at = this.place(8 + LEAF_ENTRIES * 40, () =>
        concat([ascii("SNOD"), pack([2, 1], [2, part.length]), ...rows]),
      );
      return { at, first: 0, last: part.at(-1)!.offset };
    });
    for (let i = 1; i < level.length; i++) level[i]!.first = level[i - 1]!.last;
    for (let depth = 0; ; depth++) {
      const parts = level.length === 0 ? [[]] : inParts(level, NODE_CHILDREN);
      const size = 24 + NODE_CHILDREN * 8 + (NODE_CHILDREN + 1) * 8;
      const start = this.reserve(size * parts.length);
      const nodes = parts.map((part, i) => {
        const at = start + i * size;
        const left = i === 0 ? UNDEFINED_ADDRESS : at - size;
        const right = i === parts.length - 1 ? UNDEFINED_ADDRESS : at + size;
        const bytes = concat([
          ascii("TREE"),
          pack([1, 0], [1, depth], [2, part.length], [8, left], [8, right], [8, part[0]?.first ?? 0]),
          ...part.map((child) => pack([8, child.at], [8, child.last])),
        ]);
        this.fills.push((file) => file.set(bytes, at));
        return { at, first: part[0]?.first ?? 0, last: part.at(-1)?.last ?? 0 };
      });
      if (nodes.length === 1) return { tree: nodes[0]!.at, heap };
      level = nodes;
    }
  }

  private dataset({ shape, dtype, data }: H5Dataset, path: string): number {
    const length = shape.reduce((product, size) => product * size, 1);
    if (length !== data.length) {
      throw new SerializationError(
        `HDF5 ${path}: the data does not fit its shape. Received: shape=(${shape.join(", ")}) and ${data.length} ` +
          `elements; expected ${length}.`,
      );
    }
    const type = datatype(dtype);
    const at = data.byteLength === 0 ? UNDEFINED_ADDRESS : this.reserve(data.byteLength);
    if (typeof at === "number") {
      this.fills.push((file) => file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at));
    }
    const own = new Map<string, H5Attribute>(dtype === "bfloat16" ? [["dtype", "bfloat16"]] : []);
    const attributes = this.attributes(own, path);
    return this.header(() => [
      { type: MESSAGE.dataspace, flags: 0, body: dataspace(shape) },
      { type: MESSAGE.datatype, flags: 1, body: type },
      { type: MESSAGE.fill, flags: 1, body: Uint8Array.of(2, 2, 2, 1, 0, 0, 0, 0) }, // late allocation, default fill
      { type: MESSAGE.layout, flags: 0, body: concat([Uint8Array.of(3, 1), pack([8, at], [8, data.byteLength])]) },
      ...attributes(),
    ]);
  }

  /** Puts texts into the heap now; the messages can be made once the heap has its place. */
  private attributes(attributes: ReadonlyMap<string, H5Attribute>, path: string): () => Message[] {
    const makers = [...attributes].map(([name, value]) => {
      const list = Array.isArray(value) ? (value as readonly (string | number)[]) : null;
      const values = list ?? [value as string | number];
      const isText = typeof values[0] === "string";
      const type = isText ? textType : datatype(values.every((v) => Number.isSafeInteger(v)) ? "int64" : "float64");
      const space = dataspace(list ? [list.length] : []);
      const references = isText ? values.map((text) => this.texts.add(text as string)) : [];
      const label = new TextEncoder().encode(name);
      const plain = label.length === name.length;
      const length = label.length + 1;
      // Version 1 pads its parts and knows only ASCII names; version 3 adds the character set.
      const head = plain
        ? [pack([1, 1], [1, 0], [2, length], [2, type.length], [2, space.length])]
        : [pack([1, 3], [1, 0], [2, length], [2, type.length], [2, space.length], [1, 1])];
      const pad = plain ? padded : (bytes: Uint8Array) => bytes;
      const front = concat([...head, pad(concat([label, new Uint8Array(1)])), pad(type), pad(space)]);
      const dataBytes = values.length * (isText ? TEXT_ELEMENT_BYTES : 8);
      if (front.length + dataBytes > MAX_MESSAGE_BYTES) {
        throw new SerializationError(
          `HDF5 ${path}: attribute "${name}" is too large. Received: ${front.length + dataBytes} bytes; expected at ` +
            `most ${MAX_MESSAGE_BYTES}. Split it into several attributes.`,
        );
      }
      const numbers = isText ? null : attributeNumbers(values as number[]);
      return (): Message => ({
        type: MESSAGE.attribute,
        flags: 0,
        body: concat([front, ...(numbers ? [numbers] : references.map((reference) => reference()))]),
      });
    });
    return () => makers.map((make) => make());
  }
}

function superblock(root: GroupPlace, fileSize: number): Uint8Array {
  return concat([
    Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a),
    Uint8Array.of(0, 0, 0, 0, 0, 8, 8, 0), // versions; addresses and lengths of 8 bytes
    pack([2, LEAF_ENTRIES / 2], [2, NODE_CHILDREN / 2], [4, 0]),
    pack([8, 0], [8, UNDEFINED_ADDRESS], [8, fileSize], [8, UNDEFINED_ADDRESS]),
    pack([8, 0], [8, root.header], [4, 1], [4, 0], [8, root.tree], [8, root.heap]),
  ]);
}

/**
 * Texts of variable length, in collections of a global heap. Each text is numbered within its collection, so a
 * collection ends at a size or at the highest number.
 */
class TextHeap {
  private readonly heaps: { address: number; size: number; texts: Uint8Array[] }[] = [];

  /** Adds a text; the returned function gives its 16-byte reference once collections have addresses. */
  add(text: string): () => Uint8Array {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length === 0) return () => new Uint8Array(TEXT_ELEMENT_BYTES);
    let heap = this.heaps.at(-1);
    if (!heap || heap.size > 1 << 20 || heap.texts.length >= 60_000) {
      heap = { address: 0, size: 16, texts: [] };
      this.heaps.push(heap);
    }
    const owner = heap;
    const index = owner.texts.push(bytes);
    owner.size += 16 + align8(bytes.length);
    return () => pack([4, bytes.length], [8, owner.address], [4, index]);
  }

  *collections(): Generator<{ size: number; at: (address: number) => void }> {
    for (const heap of this.heaps) {
      heap.size = Math.max(4096, heap.size + 16); // the format's smallest; the rest is one free object
      yield {
        size: heap.size,
        at: (address) => {
          heap.address = address;
        },
      };
    }
  }

  fill(file: Uint8Array): void {
    for (const { address, size, texts } of this.heaps) {
      const objects = texts.flatMap((text, i) => [pack([2, i + 1], [2, 0], [4, 0], [8, text.length]), padded(text)]);
      const used = 16 + objects.reduce((sum, part) => sum + part.length, 0);
      file.set(
        concat([ascii("GCOL"), pack([4, 1], [8, size]), ...objects, pack([2, 0], [2, 0], [4, 0], [8, size - used])]),
        address,
      );
    }
  }
}

function attributeNumbers(values: readonly number[]): Uint8Array {
  const whole = values.every((value) => Number.isSafeInteger(value));
  const data = whole ? BigInt64Array.from(values, BigInt) : Float64Array.from(values);
  return new Uint8Array(data.buffer);
}

function inParts<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

/** Order of names in a symbol table: by their UTF-8 bytes. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const join = (path: string, name: string): string => (path === "/" ? `/${name}` : `${path}/${name}`);

function checkName(name: string, path: string): string {
  if (name === "" || name === "." || name.includes("/") || name.includes("\0")) {
    throw new SerializationError(
      `HDF5 ${path}: ${JSON.stringify(name)} cannot be a name; expected text without "/" and zero bytes that is not ".".`,
    );
  }
  return name;
}
