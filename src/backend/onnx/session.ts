/** The backend on any of the ONNX Runtime packages: sessions, buffers, runs. What differs between them is passed in. */
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import { explainIdError } from "../../core/computedIds.ts";
import { allocate, convertArray, type DType, type TypedArray } from "../../core/dtype.ts";
import { BackendError, invariant } from "../../core/errors.ts";
import { type StaticShape, sizeOf } from "../../core/shape.ts";
import type { Program } from "../../ir/program.ts";
import type { ValueType } from "../../ir/value.ts";
import type { Backend, BackendBuffer, CompileOptions, Executable } from "../contract.ts";
import { lower } from "./lowering.ts";
import { engineDType } from "./model.ts";
import type { NativeKernels } from "./nativeKernels.ts";
import { SINGLE_THREAD_WORK } from "./work.ts";

/** What a session is told. */
export interface EngineOptions extends InferenceSession.SessionOptions {
  /** Whether kernels of our own, where the package has them, share their work with a thread of ours (native/src/companion.h). */
  readonly companion?: boolean;
}

/** What is used of an ONNX Runtime package. */
export interface OrtModule {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options?: EngineOptions): Promise<InferenceSession>;
  };
  readonly Tensor: TensorConstructor;
  /** Kernels of our own, where the package has them. */
  readonly kernels?: NativeKernels;
}

const NAME = "onnx";

/** Data in host memory, wrapped once for the engine. */
class OnnxBuffer implements BackendBuffer {
  readonly backend = NAME;
  readonly shape: StaticShape;
  readonly dtype: DType;
  readonly ort: OrtTensor;

  constructor(shape: StaticShape, dtype: DType, ort: OrtTensor) {
    this.shape = shape;
    this.dtype = dtype;
    this.ort = ort;
  }
}

function sessionOptions(heaviest: number, runs: "once" | "many", most: number): EngineOptions {
  const threads = heaviest < SINGLE_THREAD_WORK || runs === "once" ? 1 : most;
  return {
    graphOptimizationLevel: runs === "once" ? "disabled" : "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    enableCpuMemArena: true,
    enableMemPattern: runs === "many",
    // What goes wrong is thrown; the engine would print it too.
    logSeverityLevel: 4,
    // The engine would move zeros of Pad into the pooling after it, where they count as −∞ in a maximum; and it refuses
    // windows that lie in the padding altogether.
    extra: { optimization: { disable_specified_optimizers: "Pad_Fusion" } },
    companion: threads === 1 && most > 1 && runs === "many",
  };
}

type Feeds = Record<string, OrtTensor>;
type Outputs = readonly (BackendBuffer | null)[] | undefined;

class OnnxExecutable implements Executable {
  readonly #session: InferenceSession;
  readonly #label: string;
  readonly #inputNames: readonly string[];
  readonly #outputNames: readonly string[];
  readonly #outputs: readonly { shape: StaticShape; dtype: DType }[];
  readonly #unread: Feeds = {};
  readonly #backend: OnnxBackend;
  readonly work: number;
  #disposed = false;

  constructor(
    backend: OnnxBackend,
    session: InferenceSession,
    label: string,
    lowered: { inputNames: readonly string[]; outputNames: readonly string[]; work: number },
    outputs: readonly ValueType[],
  ) {
    this.#backend = backend;
    this.#session = session;
    this.#label = label;
    this.work = lowered.work;
    this.#inputNames = lowered.inputNames;
    this.#outputNames = lowered.outputNames;
    this.#outputs = outputs.map(({ shape, dtype }) => ({ shape, dtype }));
    // What a program that updates tables returns beside its results.
    for (const name of lowered.outputNames.slice(outputs.length))
      this.#unread[name] = ortOf(backend.empty([1], "int32"));
  }

  async run(inputs: readonly BackendBuffer[], outputs?: readonly (BackendBuffer | null)[]): Promise<BackendBuffer[]> {
    if (this.#disposed) throw new BackendError(`${this.#label}: the program was disposed and cannot run`);
    const feeds: Feeds = {};
    for (let i = 0; i < this.#inputNames.length; i++) feeds[this.#inputNames[i]!] = ortOf(inputs[i]!);
    try {
      return await (this.#backend.writesOutputs ? this.#runInto(feeds, outputs) : this.#runAndCopy(feeds, outputs));
    } catch (cause) {
      const message = messageOf(cause);
      const meaning = explainIdError(message);
      throw new BackendError(`${this.#label}: ${meaning ? `${meaning}. ` : ""}the ONNX engine failed: ${message}`, {
        cause,
      });
    }
  }

  /** Without a buffer to write to, the engine allocates and copies out; a fresh buffer saves the copy. */
  async #runInto(feeds: Feeds, outputs: Outputs): Promise<BackendBuffer[]> {
    const buffers = this.#outputs.map(({ shape, dtype }, i) => outputs?.[i] ?? this.#backend.empty(shape, dtype));
    const fetches: Feeds = { ...this.#unread };
    for (let i = 0; i < buffers.length; i++) fetches[this.#outputNames[i]!] = ortOf(buffers[i]!);
    await this.#session.run(feeds, fetches);
    return buffers;
  }

  async #runAndCopy(feeds: Feeds, outputs: Outputs): Promise<BackendBuffer[]> {
    const results = await this.#session.run(feeds);
    return this.#outputs.map(({ shape, dtype }, i) => {
      const result = results[this.#outputNames[i]!]!;
      const target = outputs?.[i];
      if (!target) return new OnnxBuffer(shape, dtype, result);
      (ortOf(target).data as Float32Array).set(result.data as Float32Array);
      return target;
    });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    void this.#session.release();
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function ortOf(buffer: BackendBuffer): OrtTensor {
  invariant(buffer instanceof OnnxBuffer, `a buffer of backend "${buffer.backend}" reached the ONNX backend`);
  return buffer.ort;
}

export interface OnnxBackendOptions {
  /** For programs that are worth it. */
  readonly threads: number;
  /** Whether the package writes results into tensors of host memory that it is given; WebAssembly leaves them as they are. */
  readonly writesOutputs: boolean;
}

export class OnnxBackend implements Backend {
  readonly name = NAME;
  readonly #ort: OrtModule;
  readonly #threads: number;
  readonly writesOutputs: boolean;
  readonly channelsLast: boolean;
  readonly updatesTables: boolean;
  readonly ownLoops: boolean;

  constructor(ort: OrtModule, { threads, writesOutputs }: OnnxBackendOptions) {
    this.#ort = ort;
    this.#threads = threads;
    this.writesOutputs = writesOutputs;
    this.channelsLast = ort.kernels !== undefined;
    this.updatesTables = ort.kernels !== undefined;
    this.ownLoops = ort.kernels !== undefined;
  }

  upload(data: TypedArray, shape: StaticShape, dtype: DType): BackendBuffer {
    const engine = engineDType(dtype);
    return this.#wrap(dtype === engine ? data : convertArray(data, dtype, engine), shape, dtype);
  }

  empty(shape: StaticShape, dtype: DType): BackendBuffer {
    return this.#wrap(allocate(engineDType(dtype), sizeOf(shape)), shape, dtype);
  }

  #wrap(data: TypedArray, shape: StaticShape, dtype: DType): BackendBuffer {
    const type = engineDType(dtype);
    const Constructor = this.#ort.Tensor as unknown as new (
      type: unknown,
      data: TypedArray,
      dims: readonly number[],
    ) => OrtTensor;
    return new OnnxBuffer(shape, dtype, new Constructor(type, data, shape));
  }

  peek(buffer: BackendBuffer): TypedArray | null {
    const data = ortOf(buffer).data as TypedArray;
    return convertArray(data, engineDType(buffer.dtype), buffer.dtype);
  }

  async download(buffer: BackendBuffer): Promise<TypedArray> {
    return this.peek(buffer)!;
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    const label = options.label ?? "program";
    const { runs = "many", tables } = options;
    const lowered = lower(program, label, this.#ort.kernels ?? null, tables);
    const settings = { ...sessionOptions(lowered.heaviest, runs, this.#threads), logId: label };
    if (lowered.external.length > 0) settings.externalData = lowered.external;
    try {
      const session = await this.#ort.InferenceSession.create(lowered.bytes, settings);
      return new OnnxExecutable(this, session, label, lowered, program.outputs.slice(0, tables?.results));
    } catch (cause) {
      throw new BackendError(`${label}: the ONNX engine rejected the program: ${messageOf(cause)}`, { cause });
    }
  }

  release(_buffer: BackendBuffer): void {
    // Host memory: the garbage collector frees it with the last reference.
  }
}
