/** Variables: the only mutable state of the library. Weights, optimizer slots, metric counters and seeds are variables. */

import type { Backend, BackendBuffer } from "../backend/contract.ts";
import { floatx } from "../core/config.ts";
import { allocate, byteSize, type DType, isFloat, standardizeDType, type TypedArray } from "../core/dtype.ts";
import { checkOptions, DTypeError, describe, invariant, ShapeError } from "../core/errors.ts";
import { uniqueName } from "../core/names.ts";
import { formatShape, type StaticShape, shapesEqual, sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { bufferValue, type Value } from "../ir/value.ts";
import { autocastDType } from "./autocast.ts";
import { TensorBuffer } from "./buffer.ts";
import { addPending, evaluate, peekValue, removePending } from "./evaluate.ts";
import type { TensorMethods } from "./methods.ts";
import { currentPath } from "./nameScope.ts";
import { fromNumbers, type NestedArray, type Operand, Tensor, type TensorHolder } from "./tensor.ts";
import { activeTrace, withTrace } from "./trace.ts";
import type { VariablePack } from "./variablePack.ts";

/** Stands where a variable's own value is not used, because it lives in a pack. */
const UNUSED = build.scalar(0, "float32");

/** Makes the first value of a variable of a given shape and dtype. */
export type VariableInitializer = (shape: StaticShape, dtype: DType) => Tensor;
/** Extra loss of a weight. */
export type VariableRegularizer = (weight: Tensor) => Tensor;
/** Projection of a weight after each update. */
export type VariableConstraint = (weight: Tensor) => Tensor;

export interface VariableOptions {
  /** Needed when the initializer is a function. */
  shape?: StaticShape;
  /** @defaultValue floatx, or the dtype of the initial tensor */
  dtype?: string;
  /** Whether optimizers may update it. @defaultValue `true` */
  trainable?: boolean;
  /** Whether layers read it in their compute dtype. @defaultValue `true` */
  autocast?: boolean;
  name?: string;
  regularizer?: VariableRegularizer | null;
  constraint?: VariableConstraint | null;
}

/** Told of each variable that is made. */
export type VariableWatcher = (variable: Variable) => void;

let watcher: VariableWatcher | null = null;

/** Runs `fn` and tells `next` of the variables made meanwhile, or nobody. */
export function watchingVariables<T>(next: VariableWatcher | null, fn: () => T): T {
  const outer = watcher;
  watcher = next;
  try {
    return fn();
  } finally {
    watcher = outer;
  }
}

const OPTIONS = ["shape", "dtype", "trainable", "autocast", "name", "regularizer", "constraint"] as const;

// The class below is completed by the methods of tensors, which ops/methods.ts puts on its prototype: of the current value.
export interface Variable extends TensorMethods<Tensor> {}

/**
 * A tensor that can be assigned. It computes like one: `w.add(1)` is `w.value.add(1)`, a tensor.
 *
 * Its first value is computed when it is first needed. Inside `jit` and training steps, reads and assignments become
 * inputs and outputs of the compiled program, whose buffers are swapped between steps.
 *
 * @param initializer - A tensor or numbers, or a function of (shape, dtype) that makes one.
 * @throws ShapeError when the initial value does not have the given shape.
 * @see keras/src/backend/common/variables.py (Keras 3.x)
 */
export class Variable implements TensorHolder {
  readonly name: string;
  readonly path: string;
  readonly shape: number[];
  readonly dtype: DType;
  readonly autocast: boolean;
  /** Whether it was created to be trained; unlike `trainable`, freezing does not change it. Decides the order in files. */
  readonly createdTrainable: boolean;
  regularizer: VariableRegularizer | null;
  constraint: VariableConstraint | null;
  #trainable: boolean;
  #value: Value;
  /** Buffer of the previous step, to receive the next one. */
  #spare: BackendBuffer | null = null;
  /** Whether a tensor outside may still hold the current buffer. */
  #exposed = false;
  /** Whether a run that is under way changes the numbers where they lie. */
  #isChanging = false;
  /** Where the value is kept together with others, or `null` when it has a buffer of its own. */
  #home: VariablePack | null = null;

  constructor(initializer: VariableInitializer | Operand, options: VariableOptions = {}) {
    checkOptions("Variable", options, OPTIONS);
    this.name = options.name ?? uniqueName("variable");
    if (this.name.includes("/")) {
      throw new RangeError(`Variable: a name may not contain "/". Received: ${describe(this.name)}`);
    }
    const scope = currentPath();
    this.path = scope === "" ? this.name : `${scope}/${this.name}`;
    this.createdTrainable = options.trainable ?? true;
    this.#trainable = this.createdTrainable;
    this.autocast = options.autocast ?? true;
    this.regularizer = options.regularizer ?? null;
    this.constraint = options.constraint ?? null;
    const dtype = options.dtype === undefined ? null : standardizeDType(options.dtype);
    let initial: Tensor;
    if (typeof initializer === "function") {
      if (!options.shape) throw new ShapeError(`Variable "${this.path}": an initializer function needs \`shape\``);
      const make = initializer as VariableInitializer;
      // The first value must not depend on a trace: it is computed once, before the program that is being recorded.
      initial = withTrace(null, () => make(options.shape!, dtype ?? floatx()));
    } else {
      initial = asTensor(initializer as Operand, dtype, `Variable "${this.path}"`);
    }
    if (options.shape && !shapesEqual(initial.shape, options.shape)) {
      throw new ShapeError(
        `Variable "${this.path}": the initial value has shape ${formatShape(initial.shape)}, expected ${formatShape(options.shape)}`,
      );
    }
    this.shape = initial.shape;
    this.dtype = dtype ?? initial.dtype;
    this.#value = build.cast(initial.node, this.dtype);
    this.#exposed = true;
    watcher?.(this);
  }

  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Bytes of the value. */
  get bytes(): number {
    return this.size * byteSize(this.dtype);
  }

  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(value: boolean) {
    this.#trainable = Boolean(value);
  }

  /** The current value. Tensors are immutable: a later assignment does not change one that was read before. */
  get value(): Tensor {
    const trace = activeTrace();
    if (!trace && !this.#isChanging) this.#exposed = true;
    const node = trace ? trace.read(this) : this.#isChanging ? this.#copy() : this.#ownValue();
    const scope = this.autocast && isFloat(this.dtype) ? autocastDType() : null;
    return new Tensor(scope ? build.cast(node, scope) : node);
  }

  /** Replaces the value. @throws ShapeError when the shape differs. */
  assign(value: Operand): this {
    const next = asTensor(value, this.dtype, `assign to "${this.path}"`);
    if (!shapesEqual(next.shape, this.shape)) {
      throw new ShapeError(
        `assign to variable "${this.path}": shapes differ. Expected ${formatShape(this.shape)}. Received: ${formatShape(next.shape)}`,
      );
    }
    const node = build.cast(next.node, this.dtype);
    const trace = activeTrace();
    if (trace) {
      trace.write(this, node);
      return this;
    }
    this.#value = node;
    this.#home = null;
    this.#exposed = true;
    if (node.node) addPending(this);
    else removePending(this);
    return this;
  }

  assignAdd(value: Operand): this {
    return this.assign(new Tensor(build.binary("add", this.value.node, asTensor(value, this.dtype, "assignAdd").node)));
  }

  assignSub(value: Operand): this {
    return this.assign(new Tensor(build.binary("sub", this.value.node, asTensor(value, this.dtype, "assignSub").node)));
  }

  /** Computes the value and returns its elements. Do not write to the array. */
  data(): Promise<TypedArray> {
    return this.value.data();
  }

  /** Computes the value and returns nested arrays of numbers. */
  array(): Promise<NestedArray> {
    return this.value.array();
  }

  /** Computes the value of a variable of one element and returns it as a number. */
  item(): Promise<number> {
    return this.value.item();
  }

  /** Computes the value and prints it, as NumPy would lay it out. */
  print(): Promise<void> {
    return this.value.print();
  }

  toString(): string {
    return `Variable(path=${this.path}, shape=${formatShape(this.shape)}, dtype=${this.dtype}, trainable=${this.trainable})`;
  }

  /** Text, but never a number: `w * 2` and `w < 1` would silently be NaN and false. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint !== "number") return this.toString();
    throw new TypeError(
      `variable "${this.path}" is not a number: use its methods (w.mul(2), w.less(1)) or ops, or read it first ` +
        "(await w.item())",
    );
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** The value with a buffer of its own. */
  #ownValue(): Value {
    if (this.#home) {
      this.#value = bufferValue(this.#home.view(this));
      // Read once, it is likely read again: it stays out of the pack until the next run.
      this.#home = null;
      this.#exposed = true;
    }
    return this.#value;
  }

  #copy(): Value {
    const data = peekValue(this.#value);
    invariant(data, `variable "${this.path}" is changed in place, and not in host memory`);
    return bufferValue(TensorBuffer.fromHost(data.slice(), this.shape, this.dtype));
  }

  /** @internal The value if it is assigned but not computed. */
  get pendingValue(): Value | null {
    if (this.#home) return null;
    if (this.#value.node === null) removePending(this);
    return this.#value;
  }

  /** @internal Where the value lives together with others. */
  get home(): VariablePack | null {
    return this.#home;
  }

  /** @internal From now on the value is the part of a pack. */
  moveInto(pack: VariablePack): void {
    if (this.#home === pack) return;
    this.#home = pack;
    this.#value = UNUSED;
    this.#spare = null;
    this.#exposed = false;
  }

  /** @internal Identity of the current value: another object whenever it may have changed. */
  get contents(): object {
    return this.#home ? this.#home.contents : this.#value;
  }

  /** @internal The numbers of a computed value, to be copied at once. */
  async hostData(): Promise<TypedArray> {
    return this.#home ? this.#home.part(this) : this.buffer.host();
  }

  /** @internal The numbers if they are at hand without waiting. */
  peekData(): TypedArray | null {
    return this.#home ? this.#home.part(this) : peekValue(this.#value);
  }

  /** @internal Computed buffer of the current value; call `materializeVariables` before. */
  get buffer(): TensorBuffer {
    const { source } = this.#ownValue();
    if (source.kind === "constant") {
      this.#value = bufferValue(TensorBuffer.fromHost(source.data, this.shape, this.dtype));
      return this.buffer;
    }
    invariant(source.kind === "buffer", `variable "${this.path}" is not computed`);
    return source.buffer as TensorBuffer;
  }

  /** @internal A buffer that may be overwritten with the next value, or `null`. */
  takeSpare(backendName: string): BackendBuffer | null {
    const spare = this.#spare;
    this.#spare = null;
    return spare?.backend === backendName ? spare : null;
  }

  /**
   * @internal The numbers, to be changed where they lie; first copied when a tensor outside may still hold them. Until `wasRewritten`
   * who reads the value gets a copy.
   */
  ownBuffer(backend: Backend): BackendBuffer {
    let buffer = this.buffer.on(backend);
    if (this.#exposed) {
      const data = backend.peek(buffer);
      invariant(data, `variable "${this.path}" is not in host memory`);
      buffer = backend.upload(data.slice(), this.shape, this.dtype);
      this.wasRewritten(buffer);
    }
    this.#isChanging = true;
    return buffer;
  }

  /** @internal What `ownBuffer` gave holds the next value: for others it is one that they do not know. */
  wasRewritten(buffer: BackendBuffer): void {
    this.#exposed = false;
    this.#isChanging = false;
    this.#value = bufferValue(TensorBuffer.fromDevice(buffer));
  }

  /** @internal Installs the buffer that a step wrote, and keeps the old one for the step after unless it is in use. */
  swap(next: BackendBuffer): void {
    const { source } = this.#ownValue();
    const previous = source.kind === "buffer" ? (source.buffer as TensorBuffer).device(next.backend) : null;
    this.#spare = this.#exposed ? null : previous;
    this.#exposed = false;
    this.#value = bufferValue(TensorBuffer.fromDevice(next));
  }
}

/** Computes the values of all given variables in one program. */
export async function materializeVariables(variables: readonly Variable[]): Promise<void> {
  const lazy = variables.map((v) => v.pendingValue).filter((v) => v !== null && v.node !== null) as Value[];
  if (lazy.length > 0) await evaluate(lazy);
}

/** An operand as a tensor; numbers take `dtype`, tensors keep theirs unless one is given. */
function asTensor(x: Operand, dtype: DType | null, where: string): Tensor {
  if (x instanceof Tensor) return dtype && x.dtype !== dtype ? new Tensor(build.cast(x.node, dtype)) : x;
  if (x instanceof Variable) return asTensor(x.value, dtype, where);
  if (typeof x === "object" && x !== null && "value" in x) return asTensor(x.value, dtype, where);
  if (x === null || x === undefined)
    throw new DTypeError(`${where}: expected a tensor or numbers. Received: ${describe(x)}`);
  return fromNumbers(x, null, dtype, where);
}

/** A variable of zeros. */
export function zerosVariable(shape: StaticShape, options: Omit<VariableOptions, "shape"> = {}): Variable {
  const dtype = options.dtype === undefined ? floatx() : standardizeDType(options.dtype);
  const data = allocate(dtype, sizeOf(shape));
  return new Variable(new Tensor(bufferValue(TensorBuffer.fromHost(data, shape, dtype))), { ...options, shape, dtype });
}
