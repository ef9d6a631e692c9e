/**
 * A program as layouts see it. Transposes, and reshapes that only add or drop axes of size 1, are no computations: they are
 * ways to look at the value behind them, its root. What is left are nodes that read roots, each in the arrangement that its
 * own order of axes asks for, and what it costs to bring stored arrangements and asked ones together.
 */
import { shapesEqual, sizeOf } from "../../../core/shape.ts";
import type { Program } from "../../../ir/program.ts";
import type { Node, Value } from "../../../ir/value.ts";
import { type AxisMap, type LayoutRule, layoutRule, type Order } from "./layoutRules.ts";

/** How a value lies in memory. Axes of size 1 have no place, so they are not among its axes. */
export interface Arrangement {
  /** Axes of the root of size other than 1, outermost first. */
  readonly axes: readonly number[];
  readonly shape: readonly number[];
}

/** A value as a rearranged root: for each of its axes the root's, -1 for one of size 1. */
export interface View {
  readonly root: Value;
  readonly axes: readonly number[];
}

/** A place where a root is read. */
export interface Port {
  readonly view: View;
  readonly value: Value;
  /** The reader, at its input `index`; `null` for an output of the program. */
  readonly node: Node | null;
  readonly index: number;
}

/** Orders of nodes' domains; a node that is not in it has the program's. */
export type Orders = Pick<ReadonlyMap<Node, Order>, "get" | "has">;

/** Elements that transposes move, and how many nodes are spent on it, reshapes included. */
export interface Cost {
  readonly elements: number;
  readonly nodes: number;
}

const withoutLeadingOnes = (shape: readonly number[]): readonly number[] => {
  const first = shape.findIndex((d) => d !== 1);
  return first < 0 ? [] : shape.slice(first);
};

/** Whether what is stored can be read as it is. An operand that broadcasts may have axes of size 1 more or fewer in front. */
export function fits(stored: Arrangement, asked: Arrangement, broadcastRank: number | null): boolean {
  if (!shapesEqual(stored.axes, asked.axes)) return false;
  if (shapesEqual(stored.shape, asked.shape)) return true;
  return (
    broadcastRank !== null &&
    stored.shape.length <= broadcastRank &&
    shapesEqual(withoutLeadingOnes(stored.shape), withoutLeadingOnes(asked.shape))
  );
}

export class LayoutGraph {
  readonly program: Program;
  readonly #rules = new Map<Node, LayoutRule | null>();
  readonly ports = new Map<Value, Port[]>();
  /** Nodes that compute, in order. */
  readonly nodes: Node[] = [];
  readonly #views = new Map<Value, View>();
  readonly #bound: ReadonlySet<Value>;

  constructor(program: Program) {
    this.program = program;
    this.#bound = new Set(program.inputs);
    for (const node of program.nodes) {
      const view = this.#viewOf(node);
      if (view) {
        this.#views.set(node.outputs[0]!, view);
        continue;
      }
      this.nodes.push(node);
      for (const [index, value] of node.inputs.entries()) this.#addPort(value, node, index);
    }
    for (const [index, value] of program.outputs.entries()) this.#addPort(value, null, index);
  }

  view(value: Value): View {
    let view = this.#views.get(value);
    if (!view) {
      view = { root: value, axes: value.shape.map((d, axis) => (d === 1 ? -1 : axis)) };
      this.#views.set(value, view);
    }
    return view;
  }

  /** How a node's axes may be reordered; `null` where they may not. */
  rule(node: Node): LayoutRule | null {
    let rule = this.#rules.get(node);
    if (rule === undefined) {
      rule = layoutRule(node);
      this.#rules.set(node, rule);
    }
    return rule;
  }

  /** The node that computes a root, `null` for a leaf. */
  producer(root: Value): Node | null {
    return this.#bound.has(root) ? null : root.node;
  }

  /** How a root lies in memory. */
  stored(root: Value, orders: Orders): Arrangement {
    const node = this.producer(root);
    const order = node && orders.get(node);
    if (!order) return arrange(this.view(root), root);
    const map = this.rule(node)!.outputs[root.source.kind === "node" ? root.source.index : 0]!;
    return arrange(this.view(root), root, map, order);
  }

  /** The arrangements in which a reader takes a root, the first as well as any other. */
  asked({ view, value, node, index }: Port, orders: Orders): readonly Arrangement[] {
    const order = node && orders.get(node);
    if (order) return [arrange(view, value, this.rule(node)!.inputs[index]!, order)];
    const plain = arrange(view, value);
    if (node?.op !== "matmul") return [plain];
    const rank = value.shape.length;
    const swapped = [...value.shape.keys()].map((axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
    return [
      plain,
      arrange(
        view,
        value,
        swapped.map((axis) => [axis]),
        [...swapped.keys()],
      ),
    ];
  }

  /** Whether a root is in every arrangement at no cost: constants are rearranged by the compiler, scalars fit everywhere. */
  isFree(root: Value): boolean {
    return sizeOf(root.shape) === 1 || (root.source.kind === "constant" && !this.#bound.has(root));
  }

  /** Rank up to which a reader broadcasts what it reads, else `null`. */
  broadcastRank({ node }: Port): number | null {
    const rule = node && this.rule(node);
    return rule?.broadcasts ? rule.sizes.length : null;
  }

  /** What it takes to read a root that is stored in one arrangement in another. */
  conversion(root: Value, stored: Arrangement, port: Port, asked: readonly Arrangement[]): Cost {
    const rank = this.broadcastRank(port);
    if (this.isFree(root) || asked.some((a) => fits(stored, a, rank))) return { elements: 0, nodes: 0 };
    const moves = !asked.some((a) => shapesEqual(stored.axes, a.axes));
    return { elements: moves ? sizeOf(root.shape) : 0, nodes: 1 };
  }

  /** What all conversions of roots cost; readers that ask alike share one. */
  cost(roots: Iterable<Value>, orders: Orders): Cost {
    let [elements, nodes] = [0, 0];
    for (const root of roots) {
      const cost = this.#costOf(root, orders);
      elements += cost.elements;
      nodes += cost.nodes;
    }
    return { elements, nodes };
  }

  /** Whether a root and a reader without a view between them both have the program's order, so that nothing is converted. */
  readsAsWritten(root: Value, { view, node }: Port, orders: Orders): boolean {
    const producer = this.producer(root);
    return view === this.view(root) && !(producer && orders.has(producer)) && !(node && orders.has(node));
  }

  #costOf(root: Value, orders: Orders): Cost {
    const stored = this.stored(root, orders);
    const [shapes, moves] = [new Set<string>(), new Set<string>()];
    for (const port of this.ports.get(root) ?? []) {
      if (this.readsAsWritten(root, port, orders)) continue;
      const asked = this.asked(port, orders);
      const cost = this.conversion(root, stored, port, asked);
      if (cost.nodes > 0) shapes.add(keyOf(asked[0]!));
      if (cost.elements > 0) moves.add(asked[0]!.axes.join());
    }
    return { elements: moves.size * sizeOf(root.shape), nodes: shapes.size };
  }

  #addPort(value: Value, node: Node | null, index: number): void {
    const view = this.view(value);
    const port = { view, value, node, index };
    const ports = this.ports.get(view.root);
    if (ports) ports.push(port);
    else this.ports.set(view.root, [port]);
  }

  #viewOf(node: Node): View | null {
    if (node.op !== "transpose" && node.op !== "reshape") return null;
    const x = node.inputs[0]!;
    const { root, axes } = this.view(x);
    const y = node.outputs[0]!;
    if (node.op === "transpose") {
      const { permutation } = node.attributes as { permutation: readonly number[] };
      return { root, axes: permutation.map((axis) => axes[axis]!) };
    }
    const proper = (d: number): boolean => d !== 1;
    if (!shapesEqual(x.shape.filter(proper), y.shape.filter(proper))) return null;
    const kept = axes.filter((axis) => axis >= 0);
    let next = 0;
    return { root, axes: y.shape.map((d) => (d === 1 ? -1 : kept[next++]!)) };
  }
}

/** The arrangement in which a value's axes follow the order of a domain. */
function arrange(view: View, value: Value, map?: AxisMap, order?: Order): Arrangement {
  if (!map || !order) return { axes: view.axes.filter((axis) => axis >= 0), shape: value.shape };
  const axes: number[] = [];
  const shape: number[] = [];
  for (const d of order) {
    const along = map[d] ?? null;
    if (along === null && shape.length > 0) shape.push(1);
    for (const axis of along ?? []) {
      shape.push(value.shape[axis]!);
      if (view.axes[axis]! >= 0) axes.push(view.axes[axis]!);
    }
  }
  return { axes, shape };
}

export const keyOf = ({ axes, shape }: Arrangement): string => `${axes.join()}|${shape.join()}`;
