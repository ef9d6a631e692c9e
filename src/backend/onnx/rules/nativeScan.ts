/**
 * Loops as one operator of our own. It computes a sample's turns one after another and no sample waits for another, so a body
 * qualifies when each of its operations keeps to a sample: (batch, …) in, (batch, …) out.
 *
 * What a body's values are, beside their shapes: of each sample or *shared* by all; as wide as their shape says or one number
 * for all columns; and whether axis 0 of the shape is the batch.
 */
import type { TypedArray } from "../../../core/dtype.ts";
import { broadcastShapes, type StaticShape, shapesEqual, sizeOf } from "../../../core/shape.ts";
import { constantNumber } from "../../../ir/build.ts";
import type { Scan } from "../../../ir/loops.ts";
import type { PrimitiveAttributes as Attributes } from "../../../ir/primitives.ts";
import type { Program } from "../../../ir/program.ts";
import type { Node, Value, ValueType } from "../../../ir/value.ts";
import { encodingOf, type Instructions, isMachineType, literal } from "../elementwiseProgram.ts";
import type { NativeKernels } from "../nativeKernels.ts";

/** Text attributes of the operator (native/src/operators). */
export interface NativeScan {
  /** Samples. */
  readonly rows: number;
  readonly values: string;
  readonly program: string;
  readonly outputs: string;
  /** Constants of the body that are given as inputs, after its own. */
  readonly constants: readonly (ValueType & { readonly data: TypedArray })[];
}

interface Operand {
  readonly number: number;
  readonly shape: StaticShape;
  /** Numbers that there are of it: as many as columns of the shape, or 1 that stands for all. */
  readonly width: number;
  readonly shared: boolean;
  /** Whether axis 0 of the shape is the batch. */
  readonly batched: boolean;
}

/** Says of a body why it is not for the operator. */
export class NotForScan extends Error {}

const refuse = (why: string): never => {
  throw new NotForScan(why);
};

/** What became of loops: who counts threads asks for them, and then who lowers them. */
const encoded = new WeakMap<NativeKernels, WeakMap<Scan, NativeScan | null>>();

/** The loop as the operator has it; `null` where the operator cannot compute it. */
export function nativeScan(scan: Scan, kernels: NativeKernels): NativeScan | null {
  const known = encoded.get(kernels) ?? new WeakMap<Scan, NativeScan | null>();
  encoded.set(kernels, known);
  const before = known.get(scan);
  if (before !== undefined) return before;
  let found: NativeScan | null = null;
  try {
    found = encodeScan(scan, kernels);
  } catch (error) {
    if (!(error instanceof NotForScan)) throw error;
  }
  known.set(scan, found);
  return found;
}

/** @throws NotForScan saying what the operator cannot compute. */
export function encodeScan(scan: Scan, kernels: NativeKernels): NativeScan {
  const { body, carries, sequences, length } = scan;
  const own = body.inputs.slice(0, carries + sequences);
  const rows = own[0]?.shape[0];
  if (rows === undefined || own.some(({ shape }) => shape[0] !== rows)) return refuse("no batch that all values share");
  if (length < 1 || [...body.inputs, ...body.outputs].some(({ shape }) => sizeOf(shape) === 0))
    return refuse("nothing to do");
  if (!body.outputs.every(isMachineType)) return refuse("dtypes of results");
  return new ScanEncoder(body, own.length, rows, kernels).encode();
}

/** Axes of a shape before and behind one of its axes, as numbers of elements; the batch is left out. */
function around(
  shape: StaticShape,
  axis: number,
  batched: boolean,
): { readonly before: number; readonly behind: number } {
  return { before: sizeOf(shape.slice(batched ? 1 : 0, axis)), behind: sizeOf(shape.slice(axis + 1)) };
}

class ScanEncoder {
  readonly #body: Program;
  readonly #own: number;
  readonly #rows: number;
  readonly #kernels: NativeKernels;
  readonly #known = new Map<Value, Operand>();
  readonly #matrices: ReadonlyMap<Value, number>;
  readonly #types: string[] = [];
  readonly #instructions: string[] = [];
  readonly #constants: (ValueType & { readonly data: TypedArray })[] = [];
  #next = 0;

  constructor(body: Program, own: number, rows: number, kernels: NativeKernels) {
    this.#body = body;
    this.#own = own;
    this.#rows = rows;
    this.#kernels = kernels;
    const rightOperands = new Set(body.nodes.flatMap((node) => (node.op === "matmul" ? [node.inputs[1]!] : [])));
    this.#matrices = new Map(
      body.inputs.flatMap((value, i) => (i >= own && rightOperands.has(value) ? [[value, i] as const] : [])),
    );
  }

  encode(): NativeScan {
    const { inputs, nodes, outputs } = this.#body;
    inputs.forEach((value, i) => {
      this.#input(value, i < this.#own);
    });
    // Numbers of inputs come first.
    const arrays = this.#body.constants.filter((value) => constantNumber(value) === null);
    for (const value of arrays) {
      const { shape, dtype, source } = value;
      if (source.kind === "constant") this.#constants.push({ shape, dtype, data: source.data });
      this.#input(value, false);
    }
    for (const node of nodes) this.#known.set(node.outputs[0]!, this.#node(node));
    const results = outputs.map((value) => {
      const { number } = this.#perSample(this.#operand(value));
      return `${number}${value.dtype === "bool" ? "b" : ""}`;
    });
    return {
      rows: this.#rows,
      values: this.#types.join(" "),
      program: this.#instructions.join(";"),
      outputs: results.join(" "),
      constants: this.#constants,
    };
  }

  #input(value: Value, own: boolean): void {
    if (!isMachineType(value)) refuse(`an input of dtype ${value.dtype}`);
    const number = this.#next++;
    const suffix = value.dtype === "bool" ? "b" : "";
    if (this.#matrices.has(value)) {
      if (value.shape.length !== 2 || value.dtype !== "float32") refuse("a product with an array that is no matrix");
      this.#types.push(`m${value.shape[0]}x${value.shape[1]}`);
      return;
    }
    const batched = own || this.#isPerSample(value);
    const width = sizeOf(value.shape.slice(batched ? 1 : 0));
    this.#types.push(`${batched ? "r" : "s"}${width}${suffix}`);
    this.#known.set(value, { number, shape: value.shape, width, shared: !batched, batched });
  }

  /**
   * Whether a captured array has the batch on axis 0. One axis alone is that of the columns wherever it meets two; with one
   * sample it does not matter.
   */
  #isPerSample(value: Value): boolean {
    if (value.shape[0] !== this.#rows || this.#rows === 1) return false;
    if (value.shape.length > 1) return true;
    const readers = this.#body.nodes.filter((node) => node.inputs.includes(value));
    const ranks = new Set(readers.map((node) => node.outputs[0]!.shape.length));
    if (readers.some((node) => encodingOf(node, this.#kernels.elementwise) === null) || ranks.size > 1) {
      refuse("a captured vector that may be of the batch or of the columns");
    }
    return ranks.has(1);
  }

  #operand(value: Value): Operand {
    const known = this.#known.get(value);
    if (known) return known;
    const x = value.source.kind === "constant" ? constantNumber(value) : null;
    if (x === null || !isMachineType(value)) return refuse("a matrix that is more than the right side of a product");
    return { number: this.#constant(x), shape: value.shape, width: 1, shared: true, batched: false };
  }

  #append(operation: string, operands: readonly (number | string)[], width: number): number {
    const number = this.#next++;
    this.#instructions.push([`${number}:${width}`, operation, ...operands].join(" "));
    return number;
  }

  readonly #numbers = new Map<string, number>();
  #constant(x: number): number {
    const text = literal(x);
    const known = this.#numbers.get(text) ?? this.#append("const", [text], 1);
    this.#numbers.set(text, known);
    return known;
  }

  /** Columns that a value has by its shape. */
  #columns({ shape, batched }: Pick<Operand, "shape" | "batched">): number {
    return sizeOf(shape.slice(batched ? 1 : 0));
  }

  /** A value with all its columns. */
  #wide(operand: Operand): Operand {
    const columns = this.#columns(operand);
    if (operand.width === columns) return operand;
    return { ...operand, number: this.#append("max", [operand.number, operand.number], columns), width: columns };
  }

  /** A value with all its columns, of every sample. */
  #perSample(operand: Operand): Operand {
    if (operand.shape[0] !== this.#rows) return refuse("a result without the batch");
    const batched: Operand = operand.batched ? operand : { ...operand, batched: true };
    const columns = this.#columns(batched);
    if (!operand.shared) return this.#wide(batched);
    if (operand.width !== 1 && operand.width !== columns) return refuse("a shared result of another width");
    // Either way the same: the condition only lends its batch.
    const condition = this.#append("slice", [0, 0], 1);
    const number = this.#append("where", [condition, operand.number, operand.number], columns);
    return { ...batched, number, width: columns, shared: false };
  }

  #node(node: Node): Operand {
    switch (node.op) {
      case "matmul":
        return this.#matmul(node as unknown as Node<"matmul">);
      case "reshape":
        return this.#reshape(this.#operand(node.inputs[0]!), node.outputs[0]!.shape);
      case "broadcast_to":
        return this.#broadcast(this.#operand(node.inputs[0]!), node.outputs[0]!.shape);
      case "slice":
        return this.#slice(
          this.#operand(node.inputs[0]!),
          node.attributes as Attributes["slice"],
          node.outputs[0]!.shape,
        );
      case "concat":
        return this.#concat(
          node.inputs.map((value) => this.#operand(value)),
          (node.attributes as Attributes["concat"]).axis,
          node.outputs[0]!.shape,
        );
      default:
        return this.#elementwise(node);
    }
  }

  #elementwise(node: Node): Operand {
    const encoding = encodingOf(node, this.#kernels.elementwise);
    if (!encoding) return refuse(`${node.op} of ${node.inputs.map(({ dtype }) => dtype).join(", ")}`);
    const { shape } = node.outputs[0]!;
    const operands = node.inputs.map((value) => this.#operand(value));
    const batched = operands.some((operand) => operand.batched);
    if (batched && shape[0] !== this.#rows) refuse("a result without the batch");
    for (const operand of operands) {
      if (!this.#fits(operand, shape, batched)) refuse(`${node.op} that broadcasts inside of a sample`);
    }
    const width = Math.max(...operands.map((operand) => operand.width));
    const instructions: Instructions = {
      append: (operation, numbers) => this.#append(operation, numbers, width),
      constant: (x) => this.#constant(x),
    };
    const number = encoding.encode(
      instructions,
      operands.map((operand) => operand.number),
    );
    return { number, shape, width, shared: operands.every((operand) => operand.shared), batched };
  }

  /** Whether an operand meets the elements of a result by its column, or is one number for all of them. */
  #fits(operand: Operand, shape: StaticShape, batched: boolean): boolean {
    if (operand.shared && operand.width === 1) return true;
    const padded = [...new Array<number>(shape.length - operand.shape.length).fill(1), ...operand.shape];
    if (!batched) return operand.width === 1 || shapesEqual(padded, shape);
    if (operand.batched ? operand.shape.length !== shape.length : padded[0] !== 1) return false;
    const columns = padded.slice(1);
    return columns.every((d) => d === 1) || shapesEqual(columns, shape.slice(1));
  }

  #reshape(operand: Operand, shape: StaticShape): Operand {
    if (operand.shared && operand.width === 1) return { ...operand, shape, batched: false };
    if (operand.batched && shape[0] !== this.#rows) return refuse("a reshape that moves the batch");
    return { ...operand, shape };
  }

  #broadcast(operand: Operand, shape: StaticShape): Operand {
    if (operand.shared && operand.width === 1) return { ...operand, shape, batched: false };
    const batched = operand.batched || (shape.length > 1 && shape[0] === this.#rows);
    if (!this.#fits(operand, shape, batched)) return refuse("a broadcast inside of a sample");
    const whole = shapesEqual(broadcastShapes(operand.shape, shape, "scan"), shape);
    return whole ? { ...operand, shape, batched } : refuse("a broadcast that is none");
  }

  #slice(operand: Operand, { starts, strides }: Attributes["slice"], shape: StaticShape): Operand {
    const cut = shape.flatMap((d, i) => (d === operand.shape[i] ? [] : [i]));
    if (operand.shared && operand.width === 1) return { ...operand, shape };
    const [axis] = cut;
    if (cut.length !== 1 || axis === undefined || (operand.batched && axis === 0) || strides[axis] !== 1) {
      return refuse("a slice of more than one axis, of the batch, or with strides");
    }
    const columns = this.#columns({ shape, batched: operand.batched });
    if (operand.width === 1) return { ...operand, shape };
    const { before, behind } = around(operand.shape, axis, operand.batched);
    if (before !== 1) return refuse("a slice that takes several pieces of a sample");
    const number = this.#append("slice", [operand.number, starts[axis]! * behind], columns);
    return { ...operand, number, shape, width: columns };
  }

  #concat(operands: readonly Operand[], axis: number, shape: StaticShape): Operand {
    if (shape[0] !== this.#rows || axis === 0) return refuse("a concatenation along the batch, or without it");
    if (around(shape, axis, true).before !== 1) return refuse("a concatenation of several pieces of a sample");
    const parts = operands.map((operand) => this.#perSample(operand));
    const width = sizeOf(shape.slice(1));
    const numbers = parts.map(({ number }) => number);
    return { number: this.#append("concat", numbers, width), shape, width, shared: false, batched: true };
  }

  #matmul({ inputs: [a, w], attributes: { transposeA, transposeB }, outputs: [out] }: Node<"matmul">): Operand {
    const matrix = this.#matrices.get(w!);
    const left = this.#operand(a!);
    if (matrix === undefined || transposeA || left.shared || !left.batched || a!.shape.length !== 2) {
      return refuse("a product of more than rows with a captured matrix");
    }
    const { shape } = out!;
    const number = this.#append(transposeB ? "matmul_t" : "matmul", [this.#wide(left).number, matrix], shape[1]!);
    return { number, shape, width: shape[1]!, shared: false, batched: true };
  }
}
