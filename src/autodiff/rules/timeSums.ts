/**
 * Sums of a value over the turns of a loop. In general a carry adds them up; where the value is a product that contracts, its
 * factors of all turns are put one behind another, and one large product sums over the turns as well.
 */
import { isFloat } from "../../core/dtype.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes, Primitive } from "../../ir/primitives.ts";
import type { Node, Value } from "../../ir/value.ts";

/** What a loop returns; the values are there once the loop is built. */
export interface LoopOutputs {
  /** What is carried. */
  readonly carries: ReadonlySet<Value>;
  /** Values of a turn that are known for all turns. */
  readonly known: ReadonlyMap<Value, Value>;
  /** Values to be returned of every turn, and what was. */
  readonly ys: Value[];
  readonly stacked: Value[];
  /** Values to be added up, and their sums. */
  readonly sums: Value[];
  readonly totals: Value[];
}

/** A value outside the loop, to be asked for when the loop is built. */
type Later = () => Value;

const nodeOf = <P extends Primitive>(value: Value, op: P): Node<P> | null =>
  value.node?.op === op ? (value.node as unknown as Node<P>) : null;

/** The first two axes as one. */
const joined = (x: Value): Value => b.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);

/** A stack of matrices, one below another; `across` puts their columns one below another. */
const tall = (x: Value, across: boolean): Value => joined(across ? b.transpose(x, [0, 2, 1]) : x);

export class TimeSums {
  readonly #outputs: LoopOutputs;
  readonly #dependent = new Map<Value, boolean>();

  constructor(outputs: LoopOutputs) {
    this.#outputs = outputs;
  }

  /** The value of all turns. */
  stack(value: Value): Later {
    const known = this.#outputs.known.get(value);
    if (known) return () => known;
    const { ys, stacked } = this.#outputs;
    if (!ys.includes(value)) ys.push(value);
    const index = ys.indexOf(value);
    return () => stacked[index]!;
  }

  /** Stacks the factors of products, so that other sums can be made of them. */
  prepare(value: Value): void {
    const terms = nodeOf(value, "add");
    for (const term of terms?.inputs ?? []) this.prepare(term);
    const carried = this.#linear(value);
    if (carried) this.prepare(carried.operand);
    else this.#product(value);
  }

  /** Σ over the turns of a value that is added up in its own shape. */
  sum(value: Value): Later {
    if (this.#isSpecial(value)) {
      const terms = nodeOf(value, "add");
      if (terms) {
        const [left, right] = terms.inputs.map((term) => this.sum(term));
        return () => b.binary("add", left!(), right!());
      }
      const carried = this.#linear(value);
      if (carried) {
        const inner = this.sum(carried.operand);
        return () => carried.apply(inner());
      }
      return this.#product(value) ?? this.#reduction(value)!;
    }
    const { sums, totals } = this.#outputs;
    if (!sums.includes(value)) sums.push(value);
    const index = sums.indexOf(value);
    return () => totals[index]!;
  }

  /** Whether more is known of a value than to add it up. */
  #isSpecial(value: Value): boolean {
    const terms = nodeOf(value, "add");
    if (terms) {
      const same = terms.inputs.every((term) => term.shape.length === value.shape.length);
      const whole = same && terms.inputs.every((term) => term.shape.every((d, i) => d === value.shape[i]));
      return whole && terms.inputs.some((term) => this.#isSpecial(term));
    }
    const carried = this.#linear(value);
    if (carried) return this.#isSpecial(carried.operand);
    return this.#product(value) !== null || this.#reduction(value) !== null;
  }

  /** A value that is a linear function of another, the same at every turn. */
  #linear(value: Value): { operand: Value; apply: (x: Value) => Value } | null {
    const { node } = value;
    const operand = node?.inputs[0];
    switch (node?.op) {
      case "reshape":
      case "transpose":
      case "neg":
        return { operand: operand!, apply: (x) => b.emitOne(node.op, [x], node.attributes) };
      case "cast":
        return isFloat(operand!.dtype) && isFloat(value.dtype)
          ? { operand: operand!, apply: (x) => b.cast(x, value.dtype) }
          : null;
      case "pad":
        return (node.attributes as Attributes["pad"]).value === 0
          ? { operand: operand!, apply: (x) => b.emitOne("pad", [x], node.attributes as Attributes["pad"]) }
          : null;
      default:
        return null;
    }
  }

  #product(value: Value): Later | null {
    const matmul = nodeOf(value, "matmul");
    if (matmul?.inputs.every((x) => x.shape.length === 2 && this.#varies(x))) {
      const { transposeA, transposeB } = matmul.attributes;
      const [a, c] = matmul.inputs.map((x) => this.stack(x));
      return () => b.matmul(tall(a!(), !transposeA), tall(c!(), transposeB), true, false);
    }
    const conv = nodeOf(value, "conv_weight_grad");
    if (conv?.inputs.every((x) => this.#varies(x))) {
      const [x, dy] = conv.inputs.map((operand) => this.stack(operand));
      return () => b.convWeightGrad(joined(x!()), joined(dy!()), conv.attributes);
    }
    return null;
  }

  /** A sum over axes of what is stacked anyway. */
  #reduction(value: Value): Later | null {
    const node = nodeOf(value, "reduce_sum");
    const operand = node?.inputs[0];
    if (!node || !(this.#outputs.known.has(operand!) || this.#outputs.ys.includes(operand!))) return null;
    const all = this.stack(operand!);
    const axes = [0, ...node.attributes.axes.map((axis) => axis + 1)];
    return () => b.reshape(b.reduce("reduce_sum", all(), axes), value.shape);
  }

  /** Whether a value differs from turn to turn: constants and what is made of them do not. */
  #varies(value: Value): boolean {
    const found = this.#dependent.get(value);
    if (found !== undefined) return found;
    const { known, carries } = this.#outputs;
    const result =
      known.has(value) || carries.has(value) || (value.node?.inputs.some((input) => this.#varies(input)) ?? false);
    this.#dependent.set(value, result);
    return result;
  }
}
