/** An ONNX graph under construction: names, constants that are stored once, and the casts that kernels ask for. */
import { allocate, type DType, type TypedArray, toElement } from "../../core/dtype.ts";
import type { Program } from "../../ir/program.ts";
import {
  ONNX_DTYPE,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxValueInfo,
} from "./encode.ts";
import type { NativeKernels } from "./nativeKernels.ts";

/** A value of the ONNX graph. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export type AttributeValues = Readonly<
  Record<string, number | string | readonly number[] | { readonly float: number } | { readonly graph: OnnxGraph }>
>;

function toAttribute(value: AttributeValues[string]): OnnxAttribute {
  if (typeof value === "number") return { kind: "int", value };
  if (typeof value === "string") return { kind: "string", value };
  if ("graph" in value) return { kind: "graph", value: value.graph };
  if ("float" in value) return { kind: "float", value: value.float };
  return { kind: "ints", value };
}

/** Storage of bfloat16 is not known to the engine's bindings: such values are float32 inside programs. */
export const engineDType = (dtype: DType): DType => (dtype === "bfloat16" ? "float32" : dtype);

/** Emits the nodes of a program into a model; returns its outputs. */
export type LowerInto = (model: OnnxModel, program: Program, inputs: readonly OnnxValue[]) => OnnxValue[];

const withoutBodies: LowerInto = () => {
  throw new Error("internal: this model has no bodies");
};

export class OnnxModel {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxInitializer>();
  readonly #constants = new Map<string, OnnxInitializer>();
  readonly #computed = new Set<string>();
  readonly #lower: LowerInto;
  /** Bodies count on: their names must differ from those around them. */
  readonly #counter: { next: number };
  /** Kernels of our own that this model may use; `null` where it has to run on the engine's alone. */
  readonly kernels: NativeKernels | null;
  /** Places of the maxima that a value consists of, by its name. */
  readonly places = new Map<string, OnnxValue>();
  /** Arrays that consist of zeros, by their names. */
  readonly zeros = new Set<string>();

  /** @param lower - How bodies are lowered, for models that have some. */
  constructor(lower: LowerInto = withoutBodies, kernels: NativeKernels | null = null, counter = { next: 0 }) {
    this.#lower = lower;
    this.kernels = kernels;
    this.#counter = counter;
  }

  freshName(prefix = "v"): string {
    return `${prefix}${this.#counter.next++}`;
  }

  /** Emits a node and returns its outputs. */
  emitAll(
    op: string,
    inputs: readonly (OnnxValue | null)[],
    outputs: readonly Omit<OnnxValue, "name">[],
    attributes: AttributeValues = {},
    domain = "",
  ): OnnxValue[] {
    const results = outputs.map((output) => ({ ...output, name: this.freshName() }));
    for (const result of results) this.#computed.add(result.name);
    this.#nodes.push({
      op,
      domain,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs: results.map((r) => r.name),
      attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, toAttribute(value)])),
    });
    return results;
  }

  /** Emits a node of one output. */
  emit(
    op: string,
    inputs: readonly (OnnxValue | null)[],
    dtype: DType,
    shape: readonly number[],
    attributes: AttributeValues = {},
    domain = "",
  ): OnnxValue {
    return this.emitAll(op, inputs, [{ dtype, shape }], attributes, domain)[0]!;
  }

  cast(x: OnnxValue, dtype: DType): OnnxValue {
    const target = engineDType(dtype);
    return x.dtype === target ? x : this.emit("Cast", [x], target, x.shape, { to: ONNX_DTYPE[target] });
  }

  /** A constant array; equal ones are stored once. */
  constant(data: TypedArray, shape: readonly number[], dtype: DType): OnnxValue {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = bytes.length <= 4096 ? `${dtype}[${shape}]${bytes.join(",")}` : this.freshName("large");
    let initializer = this.#initializers.get(key);
    if (!initializer) {
      initializer = { name: this.freshName("c"), dtype, shape: [...shape], data };
      this.#initializers.set(key, initializer);
      this.#constants.set(initializer.name, initializer);
    }
    return initializer;
  }

  /** Whether a value is one of this graph's constants: what the engine prepares when it builds a session. */
  isConstant(x: OnnxValue): boolean {
    return this.#constants.has(x.name);
  }

  /** Whether a value is a constant of one element, 0. */
  isZero(x: OnnxValue): boolean {
    const data = this.#constants.get(x.name)?.data;
    return data?.length === 1 && Number(data[0]) === 0;
  }

  /** A one-dimensional int64 constant, as shapes and axes are given. */
  ints(values: readonly number[]): OnnxValue {
    return this.constant(BigInt64Array.from(values.map(BigInt)), [values.length], "int64");
  }

  /** A scalar constant. */
  scalar(x: number, dtype: DType): OnnxValue {
    const target = engineDType(dtype);
    const data = allocate(target, 1);
    (data as Float32Array)[0] = toElement(target, x) as number;
    return this.constant(data, [], target);
  }

  /**
   * The body of a loop or a branch.
   *
   * @param given - For each input of the program the value around it that it reads by name, or `null` where it is an input of
   *   the body.
   * @param after - Inputs of the body that the operator asks for and the program does not know, after those it knows.
   * @param before - The same, before them.
   */
  body(
    program: Program,
    given: readonly (OnnxValue | null)[],
    after: readonly Omit<OnnxValue, "name">[] = [],
    before: readonly Omit<OnnxValue, "name">[] = [],
  ): OnnxGraph {
    const model = new OnnxModel(this.#lower, this.kernels, this.#counter);
    const unread = (type: Omit<OnnxValue, "name">): OnnxValueInfo => ({ ...type, name: this.freshName("p") });
    const infos = before.map(unread);
    const inputs = program.inputs.map(({ shape, dtype }, i): OnnxValue => {
      const outer = given[i];
      if (outer) return outer;
      const info = { name: this.freshName("p"), dtype: engineDType(dtype), shape };
      infos.push(info);
      return info;
    });
    infos.push(...after.map(unread));
    const outputs = this.#lower(model, program, inputs);
    return model.graph(this.freshName("body"), infos, model.outputs(program, outputs));
  }

  /** A branch: it reads values of this graph by their names. */
  branch(emit: (model: OnnxModel) => readonly OnnxValue[]): OnnxGraph {
    const model = new OnnxModel(this.#lower, this.kernels, this.#counter);
    const results = emit(model).map((result) =>
      model.#computed.has(result.name) ? result : model.emit("Identity", [result], result.dtype, result.shape),
    );
    return model.graph(this.freshName("body"), [], results);
  }

  /** Outputs under names of their own: a value may be returned twice, or be an input, a constant, or come from outside. */
  outputs(program: Pick<Program, "outputs">, results: readonly OnnxValue[]): OnnxValueInfo[] {
    const taken = new Set<string>();
    return program.outputs.map(({ shape }, i): OnnxValueInfo => {
      let result = results[i]!;
      if (taken.has(result.name) || !this.#computed.has(result.name)) {
        result = this.emit("Identity", [result], result.dtype, result.shape);
      }
      taken.add(result.name);
      return { name: result.name, dtype: result.dtype, shape };
    });
  }

  /** The finished graph. */
  graph(name: string, inputs: readonly OnnxValueInfo[], outputs: readonly OnnxValueInfo[]): OnnxGraph {
    return { name, nodes: this.#nodes, inputs, outputs, initializers: [...this.#initializers.values()] };
  }
}
