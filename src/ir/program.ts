/**
 * A program: a graph of values cut at its inputs, with its nodes in an order in which they can run. Has a printer for
 * people, a verifier for developers, and a structural key under which compiled programs are cached.
 */
import { byteSize } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import { shapesEqual } from "../core/shape.ts";
import { type Primitive, TYPE_RULES } from "./primitives.ts";
import type { Node, Value } from "./value.ts";

export interface Program {
  /** Leaves bound when the program runs, in order. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Every node that the outputs need, producers before consumers. */
  readonly nodes: readonly Node[];
  /** Constants used, in order of first use. */
  readonly constants: readonly Value[];
}

/**
 * Collects what `outputs` need.
 *
 * @param inputs - Values at which the graph is cut, whatever computes them. Any other leaf must be a constant.
 */
export function makeProgram(inputs: readonly Value[], outputs: readonly Value[]): Program {
  const bound = new Set(inputs);
  const done = new Set<Value>();
  const seenNodes = new Set<Node>();
  const nodes: Node[] = [];
  const constants: Value[] = [];
  // Explicit stack: graphs of unrolled loops are deeper than the call stack. A node on it is one whose inputs are above it.
  const stack: (Value | Node)[] = outputs.toReversed();
  while (stack.length > 0) {
    const top = stack.pop()!;
    if ("op" in top) {
      if (seenNodes.has(top)) continue;
      seenNodes.add(top);
      nodes.push(top);
      for (const output of top.outputs) done.add(output);
      continue;
    }
    if (done.has(top) || bound.has(top)) continue;
    const { source } = top;
    if (source.kind === "node") {
      const { inputs: needed } = source.node;
      stack.push(source.node);
      for (let i = needed.length - 1; i >= 0; i--) stack.push(needed[i]!);
      continue;
    }
    invariant(source.kind === "constant", `value ${top.id} is a free ${source.kind} of the program`);
    done.add(top);
    constants.push(top);
  }
  return { inputs, outputs, nodes, constants };
}

/** Leaves of kind buffer or input that `outputs` depend on, in order of first use. */
export function freeLeaves(outputs: readonly Value[], cut: ReadonlySet<Value> = new Set()): Value[] {
  const seen = new Set<Value>();
  const leaves: Value[] = [];
  const stack = outputs.toReversed();
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (seen.has(value) || cut.has(value)) continue;
    seen.add(value);
    const { source } = value;
    if (source.kind === "node") {
      const { inputs } = source.node;
      for (let i = inputs.length - 1; i >= 0; i--) stack.push(inputs[i]!);
    } else if (source.kind !== "constant") leaves.push(value);
  }
  return leaves;
}

/** Small numbers for the values of a program, in order of definition. */
export function numberValues(program: Program): Map<Value, number> {
  const numbers = new Map<Value, number>();
  const add = (value: Value) => {
    if (!numbers.has(value)) numbers.set(value, numbers.size);
  };
  program.inputs.forEach(add);
  program.constants.forEach(add);
  for (const node of program.nodes) node.outputs.forEach(add);
  return numbers;
}

const typeText = (v: { shape: readonly number[]; dtype: string }): string => `${v.dtype}[${v.shape.join(",")}]`;

/** Bytes of an array as text, exact for equal contents. Large constants are rare: data arrives as inputs. */
function contents(data: ArrayBufferView): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

/** Whether an attribute is a program: the body of a loop or a branch. */
export function isProgram(value: unknown): value is Program {
  return typeof value === "object" && value !== null && "nodes" in value && "constants" in value;
}

/** The programs among a node's attributes. */
export const bodiesOf = (node: Pick<Node, "attributes">): Program[] =>
  Object.values(node.attributes as Record<string, unknown>).flatMap((value) =>
    Array.isArray(value) ? value.filter(isProgram) : isProgram(value) ? [value] : [],
  );

/** Keys of bodies, which are asked for again by every pass. */
const keys = new WeakMap<Program, string>();

const isPlainJson = (value: unknown): boolean => {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (Array.isArray(value)) return value.every(isPlainJson);
  return typeof value === "string" || typeof value === "boolean" || value === null;
};

/**
 * Attributes as text, distinct for distinct ones: JSON would turn NaN, both infinities and −0 into others. A body is told by
 * its structure.
 */
export function attributesText(attributes: object): string {
  // Without a function to ask about each part, JSON is several times as fast, and this runs for every node of eager code.
  if (Object.values(attributes).every(isPlainJson)) return JSON.stringify(attributes);
  return JSON.stringify(attributes, (_, value: unknown) => {
    if (isProgram(value)) {
      const key = keys.get(value) ?? structuralKey(value);
      keys.set(value, key);
      return key;
    }
    return typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
      ? `number ${Object.is(value, -0) ? "-0" : value}`
      : value;
  });
}

/** Equal exactly for programs that compute the same in the same order: the key of the executable cache. */
export function structuralKey(program: Program): string {
  const numbers = numberValues(program);
  const parts = [program.inputs.map(typeText).join(";")];
  for (const constant of program.constants) {
    const { source } = constant;
    invariant(source.kind === "constant", "a listed constant holds data");
    parts.push(`${typeText(constant)}=${contents(source.data)}`);
  }
  for (const node of program.nodes) {
    parts.push(`${node.op}(${node.inputs.map((v) => numbers.get(v)).join(",")})${attributesText(node.attributes)}`);
  }
  parts.push(program.outputs.map((v) => numbers.get(v)).join(","));
  return parts.join("\n");
}

/** An attribute for people; bodies are indented. */
function attributeText(value: unknown): string {
  if (isProgram(value)) return printProgram(value).replaceAll("\n", "\n  ");
  if (Array.isArray(value) && value.some(isProgram)) return `[${value.map(attributeText).join(", ")}]`;
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/**
 * The program as text, one line per node:
 *
 * ```
 * program(%0: float32[2,3], %1: float32[3]) {
 *   %2: float32[2,3] = add(%0, %1)
 *   return %2
 * }
 * ```
 */
export function printProgram(program: Program): string {
  const numbers = numberValues(program);
  const ref = (v: Value) => `%${numbers.get(v)}`;
  const lines = [`program(${program.inputs.map((v) => `${ref(v)}: ${typeText(v)}`).join(", ")}) {`];
  for (const constant of program.constants) {
    const { source } = constant;
    if (source.kind !== "constant") continue;
    const shown =
      source.data.length <= 8
        ? `[${Array.from(source.data as ArrayLike<number | bigint>).join(", ")}]`
        : `${source.data.length} elements`;
    lines.push(`  ${ref(constant)}: ${typeText(constant)} = constant ${shown}`);
  }
  for (const node of program.nodes) {
    const attributes = Object.entries(node.attributes).map(([k, v]) => `${k}=${attributeText(v)}`);
    const left = node.outputs.map((v) => `${ref(v)}: ${typeText(v)}`).join(", ");
    lines.push(`  ${left} = ${node.op}(${[...node.inputs.map(ref), ...attributes].join(", ")})`);
  }
  lines.push(`  return ${program.outputs.map(ref).join(", ")}`, "}");
  return lines.join("\n");
}

/** Checks every invariant of a program: definitions before uses, types as the rules say. For tests and between passes. */
export function verifyProgram(program: Program): void {
  const defined = new Set<Value>([...program.inputs, ...program.constants]);
  for (const constant of program.constants) {
    const { source } = constant;
    invariant(source.kind === "constant", `constant %${constant.id} has source ${source.kind}`);
    const expected = constant.shape.reduce((n, d) => n * d, 1) * byteSize(constant.dtype);
    invariant(
      source.data.byteLength === expected,
      `constant %${constant.id} has ${source.data.byteLength} bytes, expected ${expected}`,
    );
  }
  for (const node of program.nodes) {
    for (const input of node.inputs) invariant(defined.has(input), `${node.op} uses a value before it is defined`);
    bodiesOf(node).forEach(verifyProgram);
    const rule = TYPE_RULES[node.op] as (
      i: readonly Value[],
      a: unknown,
    ) => { shape: readonly number[]; dtype: string }[];
    const types = rule(node.inputs, node.attributes);
    invariant(
      types.length === node.outputs.length,
      `${node.op} has ${node.outputs.length} outputs, expected ${types.length}`,
    );
    node.outputs.forEach((output, i) => {
      const type = types[i]!;
      const ok = type.dtype === output.dtype && shapesEqual(type.shape, output.shape);
      invariant(ok, `${node.op as Primitive} output ${i} is ${typeText(output)}, expected ${typeText(type)}`);
      defined.add(output);
    });
  }
  for (const output of program.outputs) invariant(defined.has(output), "an output is never defined");
}
