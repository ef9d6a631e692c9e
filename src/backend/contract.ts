/**
 * What an engine must offer. A backend compiles programs and moves data; it does not know layers, gradients, variables
 * or when a program runs. Adding one means implementing these methods and registering it (`registry.ts`).
 */
import type { DType, TypedArray } from "../core/dtype.ts";
import type { StaticShape } from "../core/shape.ts";
import type { Program } from "../ir/program.ts";
import type { BufferHandle } from "../ir/value.ts";

/** Data in the engine's memory. Each backend has its own subtype. */
export interface BackendBuffer extends BufferHandle {
  /** Name of the backend that owns the data. */
  readonly backend: string;
}

/** A compiled program. */
export interface Executable {
  /**
   * Runs once.
   *
   * @param inputs - One buffer per program input, of its shape and dtype.
   * @param outputs - Where results may be written: a buffer made by `empty`, or null for a fresh one. A buffer given
   *   here is never one of the inputs. Without the list all results are fresh.
   * @returns One buffer per program output; the one given for it if there was one.
   */
  run(inputs: readonly BackendBuffer[], outputs?: readonly (BackendBuffer | null)[]): Promise<BackendBuffer[]>;
  /** Rough number of floating-point operations of one run, to tell small programs from large ones. */
  readonly work: number;
  /** Frees the engine's resources; running afterwards is an error. */
  dispose(): void;
}

/**
 * A table among the inputs that a run changes in place, when all results are there: table = factor · table, then `rows` are added
 * where `indices` say. Inputs and outputs of the program by their numbers.
 */
export interface TableUpdate {
  readonly input: number;
  readonly factor: number;
  readonly indices: number;
  readonly rows: number;
}

/** Tables that a program updates. Outputs from `results` on are for them alone: they come last, and are not returned. */
export interface TableUpdates {
  readonly results: number;
  readonly updates: readonly TableUpdate[];
}

export interface CompileOptions {
  /** For messages and profiles. */
  readonly label?: string;
  /** How often the program will run: once (build fast) or many times (run fast). @defaultValue `"many"` */
  readonly runs?: "once" | "many";
  /** Only for backends that say `updatesTables`. @defaultValue none */
  readonly tables?: TableUpdates;
}

export interface Backend {
  readonly name: string;
  /** Whether convolutions and pools run channels last; the compiler then hands them over so. */
  readonly channelsLast?: boolean;
  /** Whether it computes loops over time well by itself; else the compiler looks for those that an engine has a kernel for. */
  readonly ownLoops?: boolean;
  /**
   * Whether programs may change tables in place. A row that is not there then fails the run before anything is written, with the
   * words "table <number> has no row <index>".
   */
  readonly updatesTables?: boolean;
  /** Gives host data to the engine. It may keep the array itself: the caller writes to it only when no run that uses the
   * buffer is still to come. */
  upload(data: TypedArray, shape: StaticShape, dtype: DType): BackendBuffer;
  /** An uninitialised buffer to receive results. */
  empty(shape: StaticShape, dtype: DType): BackendBuffer;
  /** A host copy, or the engine's own array where memory is shared: the caller does not write to it. */
  download(buffer: BackendBuffer): Promise<TypedArray>;
  /** The data without waiting, where the engine's memory is the host's; else null. */
  peek(buffer: BackendBuffer): TypedArray | null;
  /** @throws BackendError when a primitive or dtype of the program is not supported, naming it. */
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
  /** Frees a buffer's memory at once. Buffers that are simply dropped are collected. */
  release(buffer: BackendBuffer): void;
}
