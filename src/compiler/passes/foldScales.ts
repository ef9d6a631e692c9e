/**
 * Multiplies constant kernels by what their convolution is multiplied by: normalization by fixed statistics is a number per
 * channel, then an offset per channel, and so becomes part of the convolution before it. Predictions have constant kernels
 * (docs/decisions/0008). The sums are rounded otherwise, by about one unit in the last place of the largest term.
 */
import { shapesEqual } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { rewriteProgram } from "../rewrite.ts";

/** One number per channel, or one for all. */
type Vector = readonly number[];

const UNARY: { readonly [op: string]: (x: number) => number } = {
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  neg: (x) => -x,
};
const BINARY: { readonly [op: string]: (x: number, y: number) => number } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
};
/** What moves no element of an array that has one axis longer than 1. */
const VIEWS: ReadonlySet<string> = new Set(["reshape", "transpose"]);

/** The numbers of a value that is computed from constants along the last axis, `null` for any other. */
function constantVector(value: Value, known: Map<Value, Vector | null>): Vector | null {
  const found = known.get(value);
  if (found !== undefined) return found;
  const vector = value.dtype === "float32" && isVector(value) ? compute(value, known) : null;
  known.set(value, vector);
  return vector;
}

const isVector = ({ shape }: Value): boolean => shape.every((d, axis) => d === 1 || axis === shape.length - 1);

function compute({ source, node }: Value, known: Map<Value, Vector | null>): Vector | null {
  if (source.kind === "constant") return Array.from(source.data as Float32Array);
  if (!node) return null;
  const operands: Vector[] = [];
  for (const input of node.inputs) {
    const vector = constantVector(input, known);
    if (!vector) return null;
    operands.push(vector);
  }
  const [x, y] = operands as [Vector, Vector];
  if (VIEWS.has(node.op)) return x;
  const [one, two] = [UNARY[node.op], BINARY[node.op]];
  if (one) return x.map((a) => Math.fround(one(a)));
  return two ? combined(x, y, two) : null;
}

/** Two vectors element by element, rounded as the program would. */
const combined = (x: Vector, y: Vector, f: (a: number, c: number) => number): number[] =>
  Array.from({ length: Math.max(x.length, y.length) }, (_, i) =>
    Math.fround(f(x[x.length === 1 ? 0 : i]!, y[y.length === 1 ? 0 : i]!)),
  );

/** A convolution by a constant kernel, and what is added to its channels. */
interface Affine {
  readonly conv: Node;
  readonly kernel: Float32Array;
  readonly offset: Vector | null;
}

function convolution(value: Value): Affine | null {
  const { node } = value;
  if (node?.op !== "conv_last" && node?.op !== "conv_last_input_grad") return null;
  const { source } = node.inputs[1]!;
  // The channels of a transposed convolution in groups are spread over two axes of the kernel.
  if (source.kind !== "constant" || (node.op !== "conv_last" && (node.attributes as Attributes["conv"]).groups > 1)) {
    return null;
  }
  return { conv: node, kernel: source.data as Float32Array, offset: null };
}

/** A kernel times one number for each channel of the result, which are on its last axis or, transposed, before that. */
function scaledKernel({ conv, kernel }: Affine, scale: Vector): Float32Array {
  const [channels, filters] = conv.inputs[1]!.shape.slice(-2) as [number, number];
  const channelOf =
    conv.op === "conv_last" ? (i: number) => i % filters : (i: number) => Math.floor(i / filters) % channels;
  return kernel.map((w, i) => w * scale[scale.length === 1 ? 0 : channelOf(i)]!);
}

function built({ conv, kernel, offset }: Affine): Value {
  const [x, w] = conv.inputs as [Value, Value];
  const moved = kernel === (w.source as { data?: unknown }).data ? w : b.constant(kernel, w.shape, w.dtype);
  const y = b.emitOne(conv.op, [x, moved], conv.attributes);
  return offset ? b.binary("add", y, b.constant(Float32Array.from(offset), [offset.length], y.dtype)) : y;
}

export function foldScales(program: Program): Program {
  if (program.nodes.every((node) => !convolution(node.outputs[0]!))) return program;
  const uses = new Map<Value, number>();
  for (const value of [...program.outputs, ...program.nodes.flatMap((node) => node.inputs)]) {
    uses.set(value, (uses.get(value) ?? 0) + 1);
  }
  const known = new Map<Value, Vector | null>(program.inputs.map((value) => [value, null]));
  /** What values of the new program are. */
  const affine = new Map<Value, Affine>();
  const affineOf = (value: Value): Affine | null => affine.get(value) ?? convolution(value);
  return rewriteProgram(program, (node, inputs) => {
    if (node.op !== "mul" && node.op !== "add" && node.op !== "sub") return null;
    for (const [i, value] of inputs.entries()) {
      if (node.op === "sub" && i === 1) continue;
      const before = uses.get(node.inputs[i]!) === 1 ? affineOf(value) : null;
      const vector = before && constantVector(inputs[1 - i]!, known);
      if (!before || !vector || !shapesEqual(node.outputs[0]!.shape, value.shape)) continue;
      const after = applied(before, node.op, vector);
      const result = built(after);
      affine.set(result, after);
      return [result];
    }
    return null;
  });
}

/** A convolution times, plus or minus numbers per channel. */
function applied(given: Affine, op: "mul" | "add" | "sub", vector: Vector): Affine {
  const offset = given.offset ?? [0];
  if (op !== "mul") return { ...given, offset: combined(offset, vector, BINARY[op]!) };
  const scaled = given.offset && combined(given.offset, vector, BINARY.mul!);
  return { ...given, kernel: scaledKernel(given, vector), offset: scaled };
}
