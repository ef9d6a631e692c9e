/**
 * Updates tables and their optimizer state by rows, where a row without a gradient stays as it is or is only scaled: RMSprop,
 * Adagrad. A batch reads few rows of an embedding; what an elementwise rule makes of the others needs no more than what is left of the
 * rule when the gradient is 0, and the rows that were read are computed apart and added to that.
 */
import { sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { resultsOn, rewriteProgram } from "../rewrite.ts";

/** Rows that would be more than this part of a table are not worth it. */
const MOST_ROWS = 1 / 3;

/** What is left of a value where the gradient is 0: nothing, or so many operations on values that do not depend on it. */
type Rest = "zero" | number;

const isScalar = ({ shape }: Value): boolean => shape.length === 0;
const isZeros = (x: Value): boolean => b.constantNumber(x.node?.op === "broadcast_to" ? x.node.inputs[0]! : x) === 0;

/** Whether no element can be 0: a square root or a sum that holds a positive number, as denominators of optimizers do. */
function isPositive(x: Value): boolean {
  if (x.node?.op === "sqrt") return isPositive(x.node.inputs[0]!);
  return x.node?.op === "add" && x.node.inputs.some((term) => (b.constantNumber(term) ?? 0) > 0);
}

const UNARY_OF_ZERO: ReadonlySet<string> = new Set(["neg", "abs", "sign", "sqrt", "relu"]);

function restOf(node: Node, rests: readonly Rest[]): Rest | null {
  const [x, y] = rests;
  const known = rests.every((rest) => rest !== "zero");
  if (rests.length === 1) {
    if (!known) return UNARY_OF_ZERO.has(node.op) ? "zero" : null;
    return UNARY_OF_ZERO.has(node.op) ? (x as number) + 1 : null;
  }
  if (rests.length !== 2) return null;
  switch (node.op) {
    case "mul":
      return known ? (x as number) + (y as number) + 1 : "zero";
    case "div":
      if (y === "zero" || !isPositive(node.inputs[1]!)) return null;
      return x === "zero" ? "zero" : (x as number) + y! + 1;
    case "add":
      if (x === "zero") return y!;
      return y === "zero" ? x! : (x as number) + (y as number) + 1;
    case "sub":
      if (y === "zero") return x!;
      return x === "zero" ? (y as number) + 1 : (x as number) + (y as number) + 1;
    default:
      return null;
  }
}

/** A gradient that is rows of a table, and the values that an elementwise rule makes of it. */
interface Group {
  readonly gradient: Value;
  readonly rests: Map<Value, Rest>;
  /** Values that something else than the rule reads. */
  readonly results: Set<Value>;
}

/** Groups whose results are cheap where the gradient is 0. */
function findGroups(program: Program): Group[] {
  const outputs = new Set(program.outputs);
  const groups = program.nodes.flatMap((node): Group[] => {
    const [gradient] = node.outputs;
    if (node.op !== "scatter_add" || (node.attributes as Attributes["scatter_add"]).axis !== 0) return [];
    const [base, indices] = node.inputs as [Value, Value];
    const fits = isZeros(base) && sizeOf(indices.shape) <= gradient!.shape[0]! * MOST_ROWS;
    return fits ? [{ gradient: gradient!, rests: new Map([[gradient!, "zero"]]), results: new Set() }] : [];
  });
  return groups.filter(({ gradient, rests, results }) => {
    const sameShape = (x: Value): boolean =>
      x.shape.length === gradient.shape.length && x.shape.every((d, i) => d === gradient.shape[i]);
    for (const node of program.nodes) {
      if (!node.inputs.some((x) => rests.has(x))) continue;
      const [output] = node.outputs;
      const isRule =
        node.outputs.length === 1 && sameShape(output!) && node.inputs.every((x) => isScalar(x) || sameShape(x));
      const rest = isRule
        ? restOf(
            node,
            node.inputs.map((x) => rests.get(x) ?? 0),
          )
        : null;
      if (rest === null) for (const x of node.inputs) rests.has(x) && results.add(x);
      else rests.set(output!, rest);
    }
    for (const x of rests.keys()) if (outputs.has(x)) results.add(x);
    // The sum of all rows itself is read, by clipping for example: then it is there anyway, and so are passes over it.
    if (results.has(gradient) || rests.size < 4) return false;
    return [...results].every((x) => rests.get(x) === "zero" || (rests.get(x) as number) <= 1);
  });
}

/** A value of the rule: for all rows what is left without a gradient, and for the rows that were read. */
interface Split {
  /** `null` is 0. */
  readonly rest: Value | null;
  /** (rows, …) */
  readonly rows: Value;
  /** What the rows have more than the rest. */
  readonly more: Value;
}

/** One group in the rewritten program. */
class RowUpdate {
  readonly #ids: Value;
  readonly #splits = new Map<Value, Split>();

  constructor(gradient: Value) {
    const [, indices, updates] = gradient.node!.inputs as [Value, Value, Value];
    const count = sizeOf(indices.shape);
    this.#ids = b.reshape(indices, [count]);
    const slots = b.lastEqual(this.#ids, gradient.shape[0]!);
    const given = b.reshape(updates, [count, ...gradient.shape.slice(1)]);
    // All that is for a row of the table at one place, zeros at its other ones. The table's size does not matter here.
    const rows = b.scatterAdd(b.full(0, given.shape, given.dtype), slots, given, 0);
    this.#splits.set(gradient, { rest: null, rows, more: rows });
  }

  /** Rows of a table. Of one that is only scaled they are scaled rows: then nobody may need all of it. */
  #gather(table: Value): Value {
    const { node } = table;
    const scale = node?.op === "mul" ? node.inputs.findIndex(isScalar) : -1;
    if (scale < 0) return b.gather(table, this.#ids, 0);
    return b.binary("mul", this.#gather(node!.inputs[1 - scale]!), node!.inputs[scale]!);
  }

  has(x: Value): boolean {
    return this.#splits.has(x);
  }

  #of(x: Value): Split {
    const known = this.#splits.get(x);
    if (known) return known;
    const rows = isScalar(x) ? x : this.#gather(x);
    return { rest: x, rows, more: b.full(0, rows.shape, x.dtype) };
  }

  /** Notes what a node of the rule makes of its operands. */
  add(node: Node, inputs: readonly Value[], output: Value): void {
    const operands = inputs.map((x) => this.#of(x));
    const rows = b.emitOne(
      node.op,
      operands.map((x) => x.rows),
      node.attributes,
    );
    const [x, y] = operands as [Split, Split?];
    this.#splits.set(output, { rows, ...this.#restAndMore(node, inputs, x, y, rows) });
  }

  #restAndMore(node: Node, inputs: readonly Value[], x: Split, y: Split | undefined, rows: Value) {
    if (!y) {
      const rest = x.rest && b.emitOne(node.op, [x.rest], node.attributes);
      return { rest, more: rest ? b.binary("sub", rows, this.#gather(rest)) : rows };
    }
    const [first, second] = [x, y].map((split, i) => (this.has(inputs[i]!) ? split.more : null)) as [
      Value | null,
      Value | null,
    ];
    if (node.op === "add" || node.op === "sub") {
      // Differences of sums are sums of differences: nothing cancels.
      const rest =
        x.rest && y.rest
          ? b.binary(node.op, x.rest, y.rest)
          : y.rest && node.op === "sub"
            ? b.unary("neg", y.rest)
            : (x.rest ?? y.rest);
      const right = second && node.op === "sub" ? b.unary("neg", second) : second;
      return { rest, more: first && right ? b.binary("add", first, right) : (first ?? right)! };
    }
    const rest = x.rest && y.rest ? b.emitOne(node.op, [x.rest, y.rest], node.attributes) : null;
    return { rest, more: rest ? b.binary("sub", rows, this.#gather(rest)) : rows };
  }

  /** The value for all rows. Of a row that was read several times all places but one hold a gradient of 0, and add nothing. */
  result(value: Value): Value {
    const { rest, more } = this.#splits.get(value)!;
    const base = rest ?? b.full(0, value.shape, value.dtype);
    const result = b.scatterAdd(base, this.#ids, more, 0);
    this.#splits.set(result, this.#splits.get(value)!);
    return result;
  }
}

export function sparseState(program: Program): Program {
  const groups = findGroups(program);
  if (groups.length === 0) return program;
  const groupOf = new Map<Value, Group>();
  for (const group of groups) for (const value of group.rests.keys()) groupOf.set(value, group);
  const updates = new Map<Group, RowUpdate>();
  return rewriteProgram(program, (node, inputs) => {
    const group = groupOf.get(node.outputs[0]!);
    if (!group || node.outputs.length !== 1) return null;
    const results = resultsOn(node, inputs);
    if (node.outputs[0] === group.gradient) {
      updates.set(group, new RowUpdate(results[0]!));
      return results;
    }
    const update = updates.get(group)!;
    update.add(node, inputs, results[0]!);
    return group.results.has(node.outputs[0]!) ? [update.result(results[0]!)] : results;
  });
}
