/**
 * Small variables that a compiled function keeps in one array. Each of them stays a variable of its own: reading one gives
 * a view of its part, assigning one takes it out, and the next run puts its new value in again.
 */
import type { Backend, BackendBuffer } from "../backend/contract.ts";
import { allocate, type DType, type TypedArray } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { TensorBuffer } from "./buffer.ts";
import type { Variable } from "./variable.ts";

export class VariablePack {
  readonly variables: readonly Variable[];
  readonly dtype: DType;
  readonly size: number;
  /** The variables that the function assigns: after a run they live here. */
  readonly #written: readonly Variable[];
  readonly #offsets: readonly number[];
  readonly #index: ReadonlyMap<Variable, number>;
  /** What each part was filled from, to see that it is no longer current. */
  #sources: object[] = [];
  #array: BackendBuffer | null = null;
  #data: TypedArray | null = null;
  /** The array of the run before, to receive the next one. */
  #spare: BackendBuffer | null = null;
  /** Whether a view of the array may be held outside. */
  #exposed = false;

  constructor(variables: readonly Variable[], written: ReadonlySet<Variable>) {
    this.variables = variables;
    this.dtype = variables[0]!.dtype;
    this.#written = variables.filter((v) => written.has(v));
    let offset = 0;
    this.#offsets = variables.map((v) => {
      const start = offset;
      offset += sizeOf(v.shape);
      return start;
    });
    this.size = offset;
    this.#index = new Map(variables.map((v, i) => [v, i]));
  }

  /** Identity of the current contents: another object after each run and each filling. */
  get contents(): object {
    invariant(this.#array, "a pack that variables live in has an array");
    return this.#array;
  }

  /** The part of one variable. */
  part(variable: Variable): TypedArray {
    const i = this.#index.get(variable)!;
    const start = this.#offsets[i]!;
    return (this.#data as Float32Array).subarray(start, start + sizeOf(variable.shape));
  }

  /** The part as a buffer that outlives later runs. */
  view(variable: Variable): TensorBuffer {
    this.#exposed = true;
    return TensorBuffer.fromHost(this.part(variable), variable.shape, variable.dtype);
  }

  #isCurrent(backend: Backend): boolean {
    if (this.#array?.backend !== backend.name) return false;
    return this.variables.every((v, i) => v.home === this || v.contents === this.#sources[i]);
  }

  /** The array with the current value of every variable. Their values are computed before. */
  async current(backend: Backend): Promise<BackendBuffer> {
    if (!this.#isCurrent(backend)) {
      // A fresh array: views of the old one keep their numbers.
      const data = allocate(this.dtype, this.size) as Float32Array;
      for (const [i, variable] of this.variables.entries()) {
        data.set((await variable.hostData()) as Float32Array, this.#offsets[i]!);
      }
      this.#sources = this.variables.map((v) => v.contents);
      this.#install(backend, backend.upload(data, [this.size], this.dtype));
      this.#spare = null;
    }
    return this.#array!;
  }

  #install(backend: Backend, array: BackendBuffer): void {
    this.#array = array;
    this.#data = backend.peek(array);
    this.#exposed = false;
    invariant(this.#data, "variables are packed where the engine's memory is the host's");
  }

  /** An array that the next contents may be written to. */
  target(backend: Backend): BackendBuffer {
    const spare = this.#spare;
    this.#spare = null;
    return spare?.backend === backend.name ? spare : backend.empty([this.size], this.dtype);
  }

  /** Takes what a run wrote. */
  adopt(backend: Backend, next: BackendBuffer): void {
    this.#spare = this.#exposed ? null : this.#array;
    this.#install(backend, next);
    for (const variable of this.#written) variable.moveInto(this);
  }
}

const shared = new WeakMap<Backend, boolean>();

/** Whether results of an engine lie in memory that JavaScript reads without waiting: only then are packs worth it. */
export function sharesMemory(backend: Backend): boolean {
  let answer = shared.get(backend);
  if (answer === undefined) {
    const probe = backend.upload(new Float32Array(1), [1], "float32");
    answer = backend.peek(probe) !== null;
    backend.release(probe);
    shared.set(backend, answer);
  }
  return answer;
}

/** Largest number of elements of a packed variable: beyond, copying it costs more than handing it over. */
const LARGEST = 8192;

/** Variables that go into packs: those that are written first, in the order in which they are assigned. */
export function choosePacks(reads: readonly Variable[], writes: readonly Variable[]): VariablePack[] {
  const written = new Set(writes);
  const byDType = new Map<DType, Variable[]>();
  for (const variable of [...writes, ...reads.filter((v) => !written.has(v))]) {
    // bfloat16 has other storage inside the engines.
    if (variable.size > LARGEST || variable.size === 0 || variable.dtype === "bfloat16") continue;
    const list = byDType.get(variable.dtype);
    if (list) list.push(variable);
    else byDType.set(variable.dtype, [variable]);
  }
  return [...byDType.values()].filter((list) => list.length > 1).map((list) => new VariablePack(list, written));
}
