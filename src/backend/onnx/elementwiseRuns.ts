/**
 * A run of elementwise nodes as one operator of our own: what it reads, the text of its instructions, what it writes. All its
 * values have equally many elements, whatever their shapes: a reshape between two of them is nothing.
 */
import { type StaticShape, shapesEqual, sizeOf } from "../../core/shape.ts";
import { constantNumber } from "../../ir/build.ts";
import type { Primitive } from "../../ir/primitives.ts";
import type { Node, Value } from "../../ir/value.ts";
import { encodingOf, isMachineType, literal } from "./elementwiseProgram.ts";
import type { OnnxModel, OnnxValue } from "./model.ts";
import { NATIVE_DOMAIN } from "./nativeKernels.ts";
import { reshape } from "./rules/shaping.ts";

/** What an element of the result reads of an operand: element floor(i / inner) mod period to element i. */
interface Reads {
  readonly inner: number;
  readonly period: number;
}

/** How an operand is read where a result of `shape` is made; `null` where it is repeated on more than one side of an axis. */
export function readsOf(operand: StaticShape, shape: StaticShape): Reads | null {
  const padded = [...new Array<number>(shape.length - operand.length).fill(1), ...operand];
  const own = padded.flatMap((d, i) => (d === 1 ? [] : [i]));
  const [first, last] = [own[0] ?? shape.length, own.at(-1) ?? shape.length - 1];
  for (let i = first; i <= last; i++) if (padded[i] !== shape[i]) return null;
  return { inner: own.length === 0 ? 1 : sizeOf(shape.slice(last + 1)), period: sizeOf(operand) };
}

/** Nodes that change nothing but how elements are named: they need no instruction. */
const RENAMING: ReadonlySet<Primitive> = new Set(["reshape", "stop_gradient"]);

/** Whether a node may be part of a run. */
export function isElementwiseNode(node: Node, operations: ReadonlySet<string>): boolean {
  const [out] = node.outputs;
  if (node.outputs.length !== 1 || node.inputs.length === 0 || !isMachineType(out!) || sizeOf(out!.shape) === 0)
    return false;
  if (node.op === "reshape") return true;
  if (node.op !== "broadcast_to" && !encodingOf(node, operations)) return false;
  return node.inputs.every((x) => constantNumber(x) !== null || readsOf(x.shape, out!.shape) !== null);
}

/** Single nodes that the engine computes by several of its own, or slowly. */
const COMPOSED: ReadonlySet<Primitive> = new Set(["where", "log1p", "expm1", "softplus", "is_inf"]);

/** Elements in a row below which the engine's broadcasting is slow: it makes a call for each row. */
const SHORT_ROW = 64;

function isSlow(node: Node): boolean {
  if (COMPOSED.has(node.op)) return true;
  const { shape } = node.outputs[0]!;
  return node.inputs.some((x) => {
    if (sizeOf(x.shape) === 1 || sizeOf(x.shape) === sizeOf(shape) || RENAMING.has(node.op)) return false;
    const { inner, period } = readsOf(x.shape, shape)!;
    return (inner === 1 ? period : inner) < SHORT_ROW;
  });
}

/** Whether a run saves anything over its nodes. */
export function isWorthwhile(nodes: readonly Node[]): boolean {
  const counted = nodes.filter(
    ({ op, inputs }) => !RENAMING.has(op) && !(op === "broadcast_to" && constantNumber(inputs[0]!) !== null),
  );
  return counted.length > 1 || counted.some((node) => node.op !== "broadcast_to" && isSlow(node));
}

/** A run as the operator has it. */
export interface ElementwiseRun {
  readonly inputs: readonly Value[];
  /** Two numbers for each input. */
  readonly reads: readonly number[];
  readonly program: string;
  /** What the operator writes; the types are part of its text. */
  readonly outputs: readonly Value[];
  readonly texts: string;
  /** Values that are others of the run, or inputs, by another shape. */
  readonly renamed: ReadonlyMap<Value, Value>;
}

/** What is behind reshapes. */
function origin(value: Value): Value {
  let current = value;
  while (current.node?.op === "reshape") current = current.node.inputs[0]!;
  return current;
}

/**
 * @param nodes - Producers first.
 * @param isRead - Whether somebody else reads a value.
 */
export function describeRun(
  nodes: readonly Node[],
  isRead: (value: Value) => boolean,
  operations: ReadonlySet<string>,
): ElementwiseRun {
  const own = new Set(nodes.map((node) => node.outputs[0]!));
  const inputs: { readonly value: Value; readonly reads: Reads }[] = [];
  const places = new Map<string, number>();
  /** The input that an operand is, for a result of a shape. */
  const place = (operand: Value, shape: StaticShape): number => {
    const value = origin(operand);
    const full = sizeOf(operand.shape) === sizeOf(shape);
    const reads = full ? { inner: 1, period: sizeOf(shape) } : readsOf(operand.shape, shape)!;
    const key = `${value.id} ${reads.inner} ${reads.period}`;
    const known = places.get(key) ?? inputs.push({ value, reads }) - 1;
    places.set(key, known);
    return known;
  };
  const isInput = (x: Value): boolean => !own.has(x) && constantNumber(x) === null;
  // Their numbers come before all others.
  for (const node of nodes) {
    for (const x of node.inputs) if (isInput(x)) place(x, node.outputs[0]!.shape);
  }
  const lines: string[] = [];
  const append = (operation: string, operands: readonly (number | string)[]): number => {
    const number = inputs.length + lines.length;
    lines.push([number, operation, ...operands].join(" "));
    return number;
  };
  const constants = new Map<string, number>();
  const constant = (x: number): number => {
    const text = literal(x);
    const known = constants.get(text) ?? append("const", [text]);
    constants.set(text, known);
    return known;
  };
  const numbers = new Map<Value, number>();
  for (const node of nodes) {
    const [out] = node.outputs as [Value];
    const operands = node.inputs.map((x) => {
      if (own.has(x)) return numbers.get(x)!;
      const fixed = constantNumber(x);
      return fixed === null ? place(x, out.shape) : constant(fixed);
    });
    const moves = node.op === "reshape" || node.op === "broadcast_to";
    const encoding = moves ? null : encodingOf(node, operations);
    numbers.set(out, encoding ? encoding.encode({ append, constant }, operands) : operands[0]!);
  }
  // The first value of each number and type is written, or read; others of it are reshaped.
  const size = sizeOf(nodes[0]!.outputs[0]!.shape);
  const first = new Map<string, Value>(
    inputs.flatMap(({ value, reads }, i) => (reads.period === size ? [[`${i} ${value.dtype}`, value] as const] : [])),
  );
  const outputs: Value[] = [];
  const renamed = new Map<Value, Value>();
  const read = new Set([...own].filter(isRead));
  // Who reads a reshape reads what is behind it.
  for (const { op, inputs: sources, outputs: made } of nodes.toReversed()) {
    if (op === "reshape" && read.has(made[0]!) && own.has(sources[0]!)) read.add(sources[0]!);
  }
  for (const value of own) {
    if (!read.has(value)) continue;
    const key = `${numbers.get(value)} ${value.dtype}`;
    const known = first.get(key);
    if (known) renamed.set(value, known);
    else {
      first.set(key, value);
      outputs.push(value);
    }
  }
  return {
    inputs: inputs.map(({ value }) => value),
    reads: inputs.flatMap(({ reads: { inner, period } }) => [inner, period]),
    program: lines.join(";"),
    outputs,
    texts: outputs.map((value) => `${numbers.get(value)}:${value.dtype === "bool" ? "bool" : "f32"}`).join(" "),
    renamed,
  };
}

/** Emits a run; returns what it computes for others. */
export function emitRun(
  model: OnnxModel,
  run: ElementwiseRun,
  lowered: (value: Value) => OnnxValue,
): Map<Value, OnnxValue> {
  const results = new Map<Value, OnnxValue>();
  const [first] = run.outputs;
  if (first) {
    const { inputs, reads, program, texts, outputs } = run;
    const emitted = model.emitAll(
      "Elementwise",
      inputs.map(lowered),
      outputs.map(({ dtype }) => ({ dtype, shape: first.shape })),
      { shape: first.shape, reads, program, outputs: texts },
      NATIVE_DOMAIN,
    );
    outputs.forEach((value, i) => {
      const same = shapesEqual(value.shape, first.shape);
      results.set(value, same ? emitted[i]! : reshape(model, emitted[i]!, value.shape));
    });
  }
  for (const [value, from] of run.renamed) {
    const source = results.get(from) ?? lowered(from);
    results.set(value, shapesEqual(source.shape, value.shape) ? source : reshape(model, source, value.shape));
  }
  return results;
}
