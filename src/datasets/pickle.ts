/**
 * Python pickles as data sets of Python 2's time have them: dicts, lists, numbers, byte strings and NumPy arrays of bytes,
 * in protocol 2. A pickle is a program; of its instructions only those run here that put such values together, and
 * of what it may call only what NumPy's arrays need, so nothing in a file can make anything else happen.
 */
import { SerializationError } from "../core/errors.ts";

/** A NumPy array of dtype uint8, in row-major order. */
export class PickledArray {
  shape: number[] = [];
  data: Uint8Array = new Uint8Array(0);
}

/** A value in a pickle: tuples are arrays, strings are bytes, dicts have their string keys as text. */
export type PickleValue =
  | null
  | boolean
  | number
  | Uint8Array
  | PickledArray
  | Map<string, PickleValue>
  | PickleValue[];

/** The names that these pickles call, and what stands for them here. */
const GLOBALS = {
  "numpy.core.multiarray _reconstruct": "reconstruct",
  "numpy ndarray": "ndarray",
  "numpy dtype": "dtype",
} as const;

class Global {
  readonly name: (typeof GLOBALS)[keyof typeof GLOBALS];
  constructor(name: Global["name"]) {
    this.name = name;
  }
}

/** `numpy.dtype("u1")`. */
class ByteType {}

const MARK = Symbol("mark");
type Item = PickleValue | Global | ByteType | typeof MARK;

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const isBytes = (value: unknown, text: string): boolean =>
  value instanceof Uint8Array && value.length === text.length && latin1(value) === text;

/**
 * Reads a pickle.
 *
 * @param where - The file's name, for error messages.
 * @throws SerializationError when it is cut short, damaged, or holds anything else than named above.
 * @see Lib/pickletools.py (CPython): what each instruction does.
 */
export function readPickle(bytes: Uint8Array, where: string): PickleValue {
  return new Unpickler(bytes, where).run();
}

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, Item>();
  #at = 0;

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
  }

  run(): PickleValue {
    if (this.#bytes[0] !== 0x80 || this.#bytes[1] !== 2) {
      this.#refuse("bytes that do not start as a pickle of protocol 2 does");
    }
    this.#at = 2;
    for (;;) {
      const code = this.#unsigned(1);
      if (code === 0x2e) break; // STOP
      const instruction = INSTRUCTIONS.get(code);
      if (!instruction) this.#refuse(`instruction 0x${code.toString(16).padStart(2, "0")} at byte ${this.#at - 1}`);
      instruction(this);
    }
    const value = this.pop();
    if (this.#stack.length > 0 || this.#at !== this.#bytes.length) this.#refuse("values or bytes that are left over");
    return this.#plain(value);
  }

  #refuse(found: string): never {
    throw new SerializationError(
      `${this.#where}: not a pickle that can be read: damaged, or of another kind. Received: ${found}; expected dicts, lists, ` +
        "numbers, byte strings and NumPy arrays of dtype uint8. Download the file again.",
    );
  }

  /** What a list, a dict or a caller may hold. */
  #plain(item: Item | undefined): PickleValue {
    if (item === undefined || item === MARK || item instanceof Global || item instanceof ByteType) {
      this.#refuse(`an instruction without its operand before byte ${this.#at}`);
    }
    return item;
  }

  #need(length: number): number {
    const from = this.#at;
    if (length < 0 || from + length > this.#bytes.length) {
      this.#refuse(`${this.#bytes.length} bytes, of which the last instruction asks for more`);
    }
    this.#at += length;
    return from;
  }

  #unsigned(width: 1 | 2 | 4): number {
    const from = this.#need(width);
    if (width === 1) return this.#bytes[from]!;
    return width === 2 ? this.#view.getUint16(from, true) : this.#view.getUint32(from, true);
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end - this.#at > 100) this.#refuse("a name without an end");
    const text = latin1(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  push(item: Item): void {
    this.#stack.push(item);
  }

  pop(): Item {
    const item = this.#stack.pop();
    return item === undefined ? this.#refuse(`an instruction without its operand before byte ${this.#at}`) : item;
  }

  /** Everything above the last mark. */
  popToMark(): PickleValue[] {
    const from = this.#stack.lastIndexOf(MARK);
    if (from < 0) this.#refuse(`a list without a beginning before byte ${this.#at}`);
    const items = this.#stack.splice(from).slice(1);
    // Tuples of arguments hold globals and dtypes; nobody sees those but `reduce` and `build`.
    return items as PickleValue[];
  }

  pushNumber(width: 1 | 2 | 4): void {
    const value = this.#unsigned(width);
    this.push(width === 4 ? value | 0 : value);
  }

  pushBytes(width: 1 | 4): void {
    const length = this.#unsigned(width);
    const from = this.#need(length);
    this.push(this.#bytes.subarray(from, from + length));
  }

  pushTuple(length: number): void {
    const items = Array.from({ length }, () => this.pop()).reverse();
    this.push(items as PickleValue[]);
  }

  append(values: readonly PickleValue[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) this.#refuse("elements of something that is no list");
    for (const value of values) list.push(this.#plain(value));
  }

  setItems(pairs: readonly PickleValue[]): void {
    const dict = this.#stack.at(-1);
    if (!(dict instanceof Map) || pairs.length % 2 !== 0) this.#refuse("entries of something that is no dict");
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i];
      if (!(key instanceof Uint8Array) || key.length > 100) this.#refuse("a dict with a key that is no short string");
      dict.set(latin1(key), this.#plain(pairs[i + 1]));
    }
  }

  remember(width: 1 | 4): void {
    const item = this.#stack.at(-1);
    const index = this.#unsigned(width);
    if (item === undefined || item === MARK) this.#refuse("nothing to remember");
    this.#memo.set(index, item);
  }

  recall(width: 1 | 4): void {
    const item = this.#memo.get(this.#unsigned(width));
    this.push(item === undefined ? this.#refuse("a reference to nothing") : item);
  }

  pushGlobal(): void {
    const name = `${this.#line()} ${this.#line()}`;
    if (!Object.hasOwn(GLOBALS, name)) this.#refuse(`a reference to Python's ${name.replace(" ", ".").slice(0, 60)}`);
    this.push(new Global(GLOBALS[name as keyof typeof GLOBALS]));
  }

  /** Calls a global on a tuple: `_reconstruct(ndarray, (0,), "b")` or `dtype("u1", 0, 1)`. */
  reduce(): void {
    const args = this.pop() as Item[];
    const fn = this.pop();
    if (!(fn instanceof Global) || !Array.isArray(args)) this.#refuse("a call of something that is no function");
    const [first] = args;
    if (fn.name === "reconstruct" && first instanceof Global && first.name === "ndarray") this.push(new PickledArray());
    else if (fn.name === "dtype" && isBytes(first, "u1")) this.push(new ByteType());
    else this.#refuse("an array that is not of dtype uint8");
  }

  /** Gives an array its shape and elements; a dtype's further state says nothing new about bytes. */
  build(): void {
    const state = this.pop();
    const object = this.#stack.at(-1);
    if (object instanceof ByteType) return;
    if (!(object instanceof PickledArray) || !Array.isArray(state)) this.#refuse("the state of an unknown object");
    const [version, shape, dtype, isFortran, data] = state as readonly Item[];
    const isShape = Array.isArray(shape) && shape.every((d) => Number.isInteger(d) && (d as number) >= 0);
    const fits = isShape && data instanceof Uint8Array;
    if (version !== 1 || !(dtype instanceof ByteType) || isFortran || !fits) {
      this.#refuse("an array that is not of dtype uint8 in row-major order");
    }
    object.shape = shape as number[];
    object.data = data as Uint8Array;
    const size = object.shape.reduce((n, d) => n * d, 1);
    if (size !== object.data.length) {
      this.#refuse(`an array of shape (${object.shape.join(", ")}) with ${object.data.length} elements`);
    }
  }
}

type Instruction = (reader: Unpickler) => void;

const INSTRUCTIONS: ReadonlyMap<number, Instruction> = new Map<number, Instruction>([
  // EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, MARK
  [0x7d, (reader) => reader.push(new Map())],
  [0x5d, (reader) => reader.push([])],
  [0x29, (reader) => reader.push([])],
  [0x28, (reader) => reader.push(MARK)],
  // NONE, NEWTRUE, NEWFALSE
  [0x4e, (reader) => reader.push(null)],
  [0x88, (reader) => reader.push(true)],
  [0x89, (reader) => reader.push(false)],
  // BININT1, BININT2, BININT
  [0x4b, (reader) => reader.pushNumber(1)],
  [0x4d, (reader) => reader.pushNumber(2)],
  [0x4a, (reader) => reader.pushNumber(4)],
  // SHORT_BINSTRING, BINSTRING
  [0x55, (reader) => reader.pushBytes(1)],
  [0x54, (reader) => reader.pushBytes(4)],
  // TUPLE1, TUPLE2, TUPLE3, TUPLE
  [0x85, (reader) => reader.pushTuple(1)],
  [0x86, (reader) => reader.pushTuple(2)],
  [0x87, (reader) => reader.pushTuple(3)],
  [0x74, (reader) => reader.push(reader.popToMark())],
  // APPEND, APPENDS, SETITEM, SETITEMS
  [0x61, (reader) => reader.append([reader.pop() as PickleValue])],
  [0x65, (reader) => reader.append(reader.popToMark())],
  [0x73, (reader) => reader.setItems([reader.pop(), reader.pop()].reverse() as PickleValue[])],
  [0x75, (reader) => reader.setItems(reader.popToMark())],
  // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
  [0x71, (reader) => reader.remember(1)],
  [0x72, (reader) => reader.remember(4)],
  [0x68, (reader) => reader.recall(1)],
  [0x6a, (reader) => reader.recall(4)],
  // GLOBAL, REDUCE, BUILD
  [0x63, (reader) => reader.pushGlobal()],
  [0x52, (reader) => reader.reduce()],
  [0x62, (reader) => reader.build()],
]);
