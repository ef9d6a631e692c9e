/**
 * ONNX Runtime through a binding of our own (native/src): the same library that onnxruntime-node ships, with kernels of ours
 * registered in it, and runs that cost a few microseconds. Where it was not built, or does not work, callers use
 * onnxruntime-node's binding.
 */
import type { InferenceSession, TensorConstructor } from "onnxruntime-common";
import type { TypedArray } from "../../core/dtype.ts";
import { invariant } from "../../core/errors.ts";
import { encodeModel } from "./encode.ts";
import { NATIVE_OPERATORS, type NativeKernels } from "./nativeKernels.ts";
import type { EngineOptions, OrtModule } from "./session.ts";

/** What the library exports (native/src/module.cc). Sessions are opaque. */
interface NativeLibrary {
  /** Loads ONNX Runtime; its version. */
  start(libraryPath: string): string;
  create(
    bytes: Uint8Array,
    settings: NativeSettings,
  ): [session: object, inputs: string[], outputs: string[], bytes: number[]];
  /** Addresses of the inputs, then of the outputs. */
  run(session: object, addresses: Float64Array): void;
  release(session: object): void;
  /** Stays right for as long as the array has its data. */
  addressOf(array: TypedArray): number;
  operators(): string[];
  elementwiseOperations(): string[];
  instructionSet(): string;
}

interface NativeSettings {
  optimizationLevel: number;
  intraOpThreads: number;
  interOpThreads: number;
  executionMode: number;
  arena: boolean;
  memoryPattern: boolean;
  companion: boolean;
  logLevel: number;
  profile?: string;
  entries: (readonly [key: string, value: string])[];
  external: readonly { readonly path: string; readonly data: Uint8Array }[];
}

const OPTIMIZATION_LEVELS = { disabled: 0, basic: 1, extended: 2, layout: 3, all: 99 } as const;

/** `{ a: { b: "c" } }` as `["a.b", "c"]`: how the engine names its further settings. */
function flatten(extra: Readonly<Record<string, unknown>>, prefix = ""): [string, string][] {
  return Object.entries(extra).flatMap(([key, value]) =>
    typeof value === "object" && value !== null
      ? flatten(value as Readonly<Record<string, unknown>>, `${prefix}${key}.`)
      : [[prefix + key, String(value)]],
  );
}

const toSettings = (options: EngineOptions): NativeSettings => ({
  optimizationLevel: OPTIMIZATION_LEVELS[options.graphOptimizationLevel ?? "all"],
  intraOpThreads: options.intraOpNumThreads ?? 0,
  interOpThreads: options.interOpNumThreads ?? 0,
  executionMode: options.executionMode === "parallel" ? 1 : 0,
  arena: options.enableCpuMemArena ?? true,
  memoryPattern: options.enableMemPattern ?? true,
  logLevel: options.logSeverityLevel ?? 2,
  ...(options.enableProfiling && { profile: options.profileFilePrefix ?? "profile" }),
  companion: options.companion ?? false,
  entries: flatten(options.extra ?? {}),
  external: (options.externalData ?? []).map((file) => {
    invariant(typeof file === "object" && file.data instanceof Uint8Array, "external data is given by its bytes");
    return { path: file.path, data: file.data };
  }),
});

/** Host memory of a tensor. Its address is asked for once: steps hand over the same ones again and again. */
class NativeTensor {
  readonly type: string;
  readonly data: TypedArray;
  readonly dims: readonly number[];
  address = -1;

  constructor(type: string, data: TypedArray, dims: readonly number[]) {
    const size = dims.reduce((product, dim) => product * dim, 1);
    invariant(data.length === size, `a tensor of shape (${dims.join(", ")}) got ${data.length} elements`);
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

/** Time without a break after which a run lets the event loop turn, in milliseconds. */
const BREATH = 8;
let breathed = 0;

/** Lets timers and input have their turn now and then: runs block, and awaiting them alone would not. */
async function breathe(): Promise<void> {
  const now = performance.now();
  if (now - breathed < BREATH) return;
  breathed = now;
  await new Promise((resolve) => setImmediate(resolve));
}

type Tensors = Readonly<Record<string, NativeTensor>>;

class NativeSession {
  readonly #library: NativeLibrary;
  readonly #session: object;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #bytes: readonly number[];
  readonly #addresses: Float64Array;
  /** The engine may read it whenever the session runs. */
  readonly external: NativeSettings["external"];

  constructor(library: NativeLibrary, bytes: Uint8Array, settings: NativeSettings) {
    this.#library = library;
    [this.#session, this.inputNames, this.outputNames, this.#bytes] = library.create(bytes, settings);
    this.#addresses = new Float64Array(this.#bytes.length);
    this.external = settings.external;
  }

  async run(feeds: Tensors, fetches: Tensors): Promise<Tensors> {
    await breathe();
    const { inputNames, outputNames } = this;
    const count = inputNames.length;
    for (let i = 0; i < count; i++) this.#place(i, inputNames[i]!, feeds[inputNames[i]!]);
    for (let i = 0; i < outputNames.length; i++) this.#place(count + i, outputNames[i]!, fetches[outputNames[i]!]);
    this.#library.run(this.#session, this.#addresses);
    return fetches;
  }

  /** The library trusts addresses: here is the last place to see that there is as much memory as it will use. */
  #place(index: number, name: string, tensor: NativeTensor | undefined): void {
    const { byteLength } = tensor?.data ?? { byteLength: -1 };
    if (!tensor || byteLength !== this.#bytes[index]) {
      throw new Error(
        `"${name}" takes ${this.#bytes[index]} bytes. Received: ${tensor ? `${byteLength} bytes, as of an array that was transferred or belongs to another program` : "nothing"}`,
      );
    }
    if (tensor.address < 0) tensor.address = this.#library.addressOf(tensor.data);
    this.#addresses[index] = tensor.address;
  }

  async release(): Promise<void> {
    this.#library.release(this.#session);
  }
}

/** Kernels of ours that a library has; all of them or none. */
function kernelsOf(library: NativeLibrary): NativeKernels | undefined {
  const operators = new Set(library.operators());
  if (!NATIVE_OPERATORS.every((name) => operators.has(name))) return undefined;
  return { elementwise: new Set(library.elementwiseOperations()) };
}

/** An engine that looks like an ONNX Runtime package. */
export interface NativeEngine extends OrtModule {
  /** Version of ONNX Runtime. */
  readonly version: string;
  /** The widest instruction set that kernels of ours use here. */
  readonly instructionSet: string;
}

function engineOf(library: NativeLibrary, version: string): NativeEngine {
  const kernels = kernelsOf(library);
  return {
    InferenceSession: {
      create: async (bytes, options = {}) =>
        new NativeSession(library, bytes, toSettings(options)) as unknown as InferenceSession,
    },
    Tensor: NativeTensor as unknown as TensorConstructor,
    ...(kernels && { kernels }),
    version,
    instructionSet: library.instructionSet(),
  };
}

/** Adds two numbers: does the library understand this engine? */
async function check(engine: NativeEngine): Promise<void> {
  const scalar = (name: string) => ({ name, dtype: "float32" as const, shape: [1] });
  const bytes = encodeModel({
    name: "check",
    nodes: [{ op: "Add", domain: "", inputs: ["x", "x"], outputs: ["y"], attributes: {} }],
    initializers: [],
    inputs: [scalar("x")],
    outputs: [scalar("y")],
  });
  const session = await engine.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const tensor = (x: number) => new engine.Tensor("float32", Float32Array.of(x), [1]);
  const y = tensor(0);
  await session.run({ x: tensor(1.5) }, { y });
  await session.release();
  if (y.data[0] !== 3) throw new Error(`1.5 + 1.5 gave ${y.data[0]}`);
}

/** Whether the environment asks for onnxruntime-node's own binding. */
export const KERNELS_VARIABLE = "KERAS_TS_KERNELS";

/** Where the library lies: at the package's root, which is above this file in the source and in the bundle. */
export async function findLibrary(): Promise<string | null> {
  const [{ existsSync }, { fileURLToPath }] = await Promise.all([import("node:fs"), import("node:url")]);
  for (const up of ["../../../", "../../", "../"]) {
    const path = fileURLToPath(
      new URL(`${up}native/build/${process.platform}-${process.arch}/keras.node`, import.meta.url),
    );
    if (existsSync(path)) return path;
  }
  return null;
}

/** ONNX Runtime's library inside onnxruntime-node. */
export async function findEngine(require: NodeJS.Require): Promise<string> {
  const [{ readdirSync }, { dirname, join }] = await Promise.all([import("node:fs"), import("node:path")]);
  const bin = join(dirname(require.resolve("onnxruntime-node/package.json")), "bin");
  for (const api of readdirSync(bin)) {
    const folder = join(bin, api, process.platform, process.arch);
    const name = readdirSync(folder).find((file) => /^libonnxruntime\.(so|dylib|[\d.]+dylib)/.test(file));
    if (name) return join(folder, name);
  }
  throw new Error(`onnxruntime-node has no library for ${process.platform}-${process.arch}`);
}

/**
 * Loads the engine.
 *
 * @returns `null` where the library was not built or is not wanted; after a line of warning also where it does not work.
 */
export async function loadNative(): Promise<NativeEngine | null> {
  if (process.env[KERNELS_VARIABLE] === "off") return null;
  const path = await findLibrary();
  if (!path) return null;
  try {
    const { createRequire } = await import("node:module");
    const require = createRequire(import.meta.url);
    const library = require(path) as NativeLibrary;
    const engine = engineOf(library, library.start(await findEngine(require)));
    await check(engine);
    return engine;
  } catch (error) {
    const message = error instanceof Error ? error.message.split("\n")[0] : String(error);
    console.warn(`keras-ts: its own kernels did not load (${message}); running on onnxruntime-node's`);
    return null;
  }
}
