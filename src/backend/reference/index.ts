/**
 * The backend that defines what programs mean: a plain interpreter, one node after another, floats in float64. It is
 * what other backends are compared with, and is never optimized.
 */
import { allocate, type DType, type TypedArray } from "../../core/dtype.ts";
import { BackendError, invariant } from "../../core/errors.ts";
import { type StaticShape, sizeOf } from "../../core/shape.ts";
import type { Primitive, PrimitiveAttributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Value, ValueType } from "../../ir/value.ts";
import type { Backend, BackendBuffer, CompileOptions, Executable } from "../contract.ts";
import { type ReferenceRule, type ReferenceTensor, readElements, storeElements, wrap } from "./rule.ts";
import { REFERENCE_RULES } from "./rules.ts";

const NAME = "reference";

/** Data in host storage of its dtype. */
class ReferenceBuffer implements BackendBuffer {
  readonly backend = NAME;
  readonly shape: StaticShape;
  readonly dtype: DType;
  readonly data: TypedArray;

  constructor({ shape, dtype }: ValueType, data: TypedArray) {
    this.shape = shape;
    this.dtype = dtype;
    this.data = data;
  }
}

function dataOf(buffer: BackendBuffer): TypedArray {
  invariant(buffer instanceof ReferenceBuffer, `a buffer of backend "${buffer.backend}" reached the reference backend`);
  return buffer.data;
}

const tensor = ({ shape, dtype }: ValueType, data: TypedArray): ReferenceTensor => ({
  shape,
  dtype,
  data: readElements(data, dtype),
});

/** Computes the outputs of a program from the values of its inputs. */
function interpret(program: Program, inputs: readonly ReferenceTensor[], label: string): ReferenceTensor[] {
  const values = new Map<Value, ReferenceTensor>();
  program.inputs.forEach((value, i) => {
    values.set(value, inputs[i]!);
  });
  for (const value of program.constants) {
    invariant(value.source.kind === "constant", "a listed constant holds data");
    values.set(value, tensor(value, value.source.data));
  }
  for (const node of program.nodes) {
    const rule = REFERENCE_RULES[node.op] as ReferenceRule<PrimitiveAttributes[Primitive]>;
    const operands = node.inputs.map((value) => values.get(value)!);
    let results: ReturnType<typeof rule>;
    try {
      results = rule(operands, node.attributes, node.outputs, (body, given) => interpret(body, given, label));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BackendError(`${label}: ${node.op} failed: ${reason}`, { cause });
    }
    node.outputs.forEach(({ shape, dtype }, i) => {
      values.set(node.outputs[i]!, { shape, dtype, data: results[i]!.map((x) => wrap(dtype, x)) });
    });
  }
  return program.outputs.map((value) => values.get(value)!);
}

class ReferenceExecutable implements Executable {
  readonly #program: Program;
  readonly #label: string;
  /** Everything is slow here. */
  readonly work = Number.POSITIVE_INFINITY;
  #disposed = false;

  constructor(program: Program, label: string) {
    this.#program = program;
    this.#label = label;
  }

  async run(inputs: readonly BackendBuffer[], outputs?: readonly (BackendBuffer | null)[]): Promise<BackendBuffer[]> {
    if (this.#disposed) throw new BackendError(`${this.#label}: the program was disposed and cannot run`);
    const given = inputs.map((buffer) => tensor(buffer, dataOf(buffer)));
    return interpret(this.#program, given, this.#label).map((result, i) => {
      const stored = storeElements(result.data, result.dtype);
      const target = outputs?.[i];
      if (!target) return new ReferenceBuffer(result, stored);
      (dataOf(target) as Float64Array).set(stored as Float64Array);
      return target;
    });
  }

  dispose(): void {
    this.#disposed = true;
  }
}

class ReferenceBackend implements Backend {
  readonly name = NAME;

  upload(data: TypedArray, shape: StaticShape, dtype: DType): BackendBuffer {
    return new ReferenceBuffer({ shape, dtype }, data);
  }

  empty(shape: StaticShape, dtype: DType): BackendBuffer {
    return new ReferenceBuffer({ shape, dtype }, allocate(dtype, sizeOf(shape)));
  }

  async download(buffer: BackendBuffer): Promise<TypedArray> {
    return dataOf(buffer);
  }

  peek(buffer: BackendBuffer): TypedArray {
    return dataOf(buffer);
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    const label = options.label ?? "program";
    const values = [...program.inputs, ...program.constants, ...program.nodes.flatMap((node) => node.outputs)];
    if (values.some((value) => value.dtype === "string")) {
      throw new BackendError(`${label}: string tensors are not computed by the reference backend`);
    }
    return new ReferenceExecutable(program, label);
  }

  release(_buffer: BackendBuffer): void {
    // Host memory: the garbage collector frees it with the last reference.
  }
}

/** Makes the interpreter; there is nothing to start. */
export async function createReferenceBackend(): Promise<Backend> {
  return new ReferenceBackend();
}
