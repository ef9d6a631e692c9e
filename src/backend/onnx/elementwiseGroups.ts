/**
 * Finds which elementwise nodes of a program are computed as one (elementwiseRuns.ts), and an order in which everything can run then.
 *
 * A unit is a node or a run. The order is kept topological while units grow: two of them may be joined when no path leads from one to
 * the other through a third, and then only what lies between them changes places (after Pearce and Kelly, "A dynamic topological
 * sort algorithm for directed acyclic graphs", 2006).
 */
import { sizeOf } from "../../core/shape.ts";
import type { Primitive } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { describeRun, type ElementwiseRun, isElementwiseNode, isWorthwhile } from "./elementwiseRuns.ts";

/** Some of them are two or three instructions. */
const MOST_NODES = 60;
/** Inputs and outputs. */
const MOST_ARRAYS = 24;
/** Units between two that are looked at, at most: more would take too long. */
const FARTHEST = 4096;
/** Runs that a reader of a value may join, at most. */
const MOST_TRIES = 8;

/**
 * Into which the engine takes what is done to their results one by one, when it builds a session: normalization, activations,
 * sums. What is made of constants only it computes then, too.
 */
const FOLDING: ReadonlySet<Primitive> = new Set(["conv", "conv_input_grad"]);

/** A node, or nodes that are computed as one. */
export interface Unit {
  readonly nodes: readonly Node[];
  /** `null` for a single node. */
  readonly run: ElementwiseRun | null;
}

class Part {
  nodes: Node[];
  rank: number;
  /** Elements of each value; 0 of what is not elementwise. */
  readonly size: number;

  constructor(node: Node, rank: number, size: number) {
    this.nodes = [node];
    this.rank = rank;
    this.size = size;
  }
}

/**
 * The units of a program in an order in which they can run.
 *
 * @param apart - Nodes that are computed in some other way.
 * @param operations - What the machine can do.
 */
export function findUnits(program: Program, apart: ReadonlySet<Node>, operations: ReadonlySet<string>): Unit[] {
  return new Grouping(program, apart, operations).units();
}

class Grouping {
  readonly #program: Program;
  readonly #operations: ReadonlySet<string>;
  readonly #places = new Map<Node, number>();
  readonly #partOf = new Map<Node, Part>();
  readonly #readers = new Map<Value, Node[]>();
  readonly #results: ReadonlySet<Value>;
  /** Parts by rank; empty where one went into another. */
  readonly #order: (Part | null)[];

  constructor(program: Program, apart: ReadonlySet<Node>, operations: ReadonlySet<string>) {
    this.#program = program;
    this.#operations = operations;
    this.#results = new Set(program.outputs);
    const fixed = new Set<Value>(program.constants);
    const folded = new Set<Value>();
    this.#order = program.nodes.map((node, i) => {
      const isFree = !apart.has(node) && isElementwiseNode(node, operations);
      const isFixed = node.inputs.every((value) => fixed.has(value));
      const isFolded = FOLDING.has(node.op) || (isFree && node.inputs.some((value) => folded.has(value)));
      for (const value of isFixed ? node.outputs : []) fixed.add(value);
      for (const value of isFolded ? node.outputs : []) folded.add(value);
      const size = isFree && !isFixed && !isFolded ? sizeOf(node.outputs[0]!.shape) : 0;
      const part = new Part(node, i, size);
      this.#places.set(node, i);
      this.#partOf.set(node, part);
      for (const input of new Set(node.inputs)) {
        const readers = this.#readers.get(input);
        if (readers) readers.push(node);
        else this.#readers.set(input, [node]);
      }
      return part;
    });
  }

  units(): Unit[] {
    // Last ones first: a value is computed where it is used, not where it could be.
    for (const node of this.#program.nodes.toReversed()) {
      if (this.#partOf.get(node)!.size === 0) continue;
      for (const reader of this.#readersOf(node.outputs[0]!))
        this.#join(this.#partOf.get(node)!, this.#partOf.get(reader)!);
    }
    for (const [value, readers] of this.#readers) this.#joinReaders(value, readers);
    return this.#finish();
  }

  #readersOf(value: Value): readonly Node[] {
    return this.#readers.get(value) ?? [];
  }

  /** Reads an array once for all that need it and can run at the same time. */
  #joinReaders(value: Value, readers: readonly Node[]): void {
    const size = sizeOf(value.shape);
    // Nodes, for parts go into one another.
    const seen: Node[] = [];
    for (const reader of readers) {
      const part = this.#partOf.get(reader)!;
      if (part.size !== size || seen.length >= MOST_TRIES) continue;
      if (!seen.some((node) => this.#join(this.#partOf.get(node)!, part))) seen.push(reader);
    }
  }

  #describe(nodes: readonly Node[]): ElementwiseRun {
    const own = new Set(nodes);
    const isRead = (value: Value): boolean =>
      this.#results.has(value) || this.#readersOf(value).some((reader) => !own.has(reader));
    return describeRun(nodes, isRead, this.#operations);
  }

  /** What a run reads and writes. */
  #arrays(nodes: readonly Node[]): number {
    const own = new Set(nodes);
    const arrays = new Set<Value>();
    for (const { inputs, outputs } of nodes) {
      for (const input of inputs) {
        const isNumber = input.source.kind === "constant" && input.source.data.length === 1;
        if (!isNumber && !(input.node && own.has(input.node))) arrays.add(input);
      }
      const [output] = outputs as [Value];
      if (this.#results.has(output) || this.#readersOf(output).some((reader) => !own.has(reader))) arrays.add(output);
    }
    return arrays.size;
  }

  /** Makes two parts one, if that is possible and not too large. */
  #join(one: Part, other: Part): boolean {
    if (one === other) return true;
    if (one.size === 0 || one.size !== other.size) return false;
    const [a, b] = one.rank < other.rank ? [one, other] : [other, one];
    if (b.rank - a.rank > FARTHEST) return false;
    const after = this.#between(a, b);
    if (!after) return false;
    const nodes = [...a.nodes, ...b.nodes].sort((p, q) => this.#places.get(p)! - this.#places.get(q)!);
    if (nodes.length > MOST_NODES || this.#arrays(nodes) > MOST_ARRAYS) return false;
    const region = this.#order.slice(a.rank, b.rank + 1).filter((part) => part !== null && part !== a && part !== b);
    const before = region.filter((part) => !after.has(part!));
    a.nodes = nodes;
    for (const node of b.nodes) this.#partOf.set(node, a);
    const from = a.rank;
    const moved = [...before, a, ...region.filter((part) => after.has(part!))];
    for (let i = from; i <= b.rank; i++) {
      const part = moved[i - from] ?? null;
      this.#order[i] = part;
      if (part) part.rank = i;
    }
    return true;
  }

  /** What depends on `a` and comes before `b`; `null` where `b` depends on some of it. */
  #between(a: Part, b: Part): Set<Part> | null {
    const reached = new Set<Part>();
    const stack = [a];
    while (stack.length > 0) {
      const part = stack.pop()!;
      for (const node of part.nodes) {
        for (const output of node.outputs) {
          for (const reader of this.#readersOf(output)) {
            const next = this.#partOf.get(reader)!;
            if (next === b) {
              if (part !== a) return null;
            } else if (next !== a && next.rank < b.rank && !reached.has(next)) {
              reached.add(next);
              stack.push(next);
            }
          }
        }
      }
    }
    return reached;
  }

  /** The units that are needed. What only runs read as a constant, or by another shape, is not. */
  #finish(): Unit[] {
    const all = this.#order.flatMap((part): Unit[] => {
      if (!part) return [];
      const run = part.size > 0 && isWorthwhile(part.nodes) ? this.#describe(part.nodes) : null;
      return run ? [{ nodes: part.nodes, run }] : part.nodes.map((node) => ({ nodes: [node], run: null }));
    });
    const needed = new Set<Value>(this.#results);
    const kept = all.toReversed().filter(({ nodes, run }) => {
      if (!nodes.some((node) => node.outputs.length === 0 || node.outputs.some((value) => needed.has(value))))
        return false;
      const read = run ? [...run.inputs, ...run.renamed.values()] : nodes.flatMap((node) => node.inputs);
      for (const value of read) needed.add(value);
      return true;
    });
    return kept.toReversed();
  }
}
