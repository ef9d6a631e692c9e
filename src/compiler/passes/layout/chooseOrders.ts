/**
 * Chooses the order of axes in which each node is computed so that transposes move as few elements as possible.
 *
 * A layout is tried by letting it spread from where a transpose is needed through every node that could take it. That gives
 * each of these nodes a proposal; which of them should follow it and which should stay is a minimum cut: an edge between two
 * nodes costs what a conversion between them costs when one switches and the other does not. The cut's cost is an upper
 * bound that is exact for what is there already, so a layout that is taken never moves more than before.
 */
import { shapesEqual } from "../../../core/shape.ts";
import type { Node, Value } from "../../../ir/value.ts";
import {
  type Arrangement,
  type Cost,
  keyOf,
  type LayoutGraph,
  type Orders,
  type Port,
  type View,
} from "./layoutGraph.ts";
import type { AxisMap, LayoutRule, Order } from "./layoutRules.ts";
import { CutGraph } from "./minCut.ts";

/** What starting a node costs, in elements moved: engines take about a microsecond for it, and a nanosecond to move two. */
export const NODE_OVERHEAD = 2000;

/** Rounds after which what is found is good enough; two are usual. */
const MAX_ROUNDS = 8;

export function chooseOrders(graph: LayoutGraph, nodeOverhead: number): ReadonlyMap<Node, Order> {
  const totalOf = ({ elements, nodes }: Cost): number => elements + nodes * nodeOverhead;
  let orders: ReadonlyMap<Node, Order> = new Map();
  /** Layouts of a root that led nowhere and still would: nothing around it has changed. */
  const tried = new Map<Value, Set<string>>();
  for (let round = 0, improved = true; improved && round < MAX_ROUNDS; round++) {
    improved = false;
    for (const root of graph.ports.keys()) {
      for (const layout of layoutsAround(graph, root, orders)) {
        if (tried.get(root)?.has(layout.join())) continue;
        const proposal = spread(graph, root, layout, tried);
        const better = followed(graph, orders, proposal, totalOf);
        if (!better) continue;
        const [before, after] = [graph.cost(better.touched, orders), graph.cost(better.touched, better.orders)];
        if (after.elements > before.elements || totalOf(after) >= totalOf(before)) continue;
        orders = better.orders;
        improved = true;
        for (const changed of better.touched) tried.delete(changed);
      }
    }
  }
  return orders;
}

/** Axes of a root as it is stored and as its readers ask for it, where these differ. */
function layoutsAround(graph: LayoutGraph, root: Value, orders: Orders): (readonly number[])[] {
  const stored = graph.stored(root, orders).axes;
  if (stored.length < 2) return [];
  const found = new Map<string, readonly number[]>();
  for (const port of graph.ports.get(root)!) {
    if (graph.readsAsWritten(root, port, orders)) continue;
    const asked = graph.asked(port, orders);
    if (asked.every(({ axes }) => !shapesEqual(axes, stored))) found.set(asked[0]!.axes.join(), asked[0]!.axes);
  }
  return found.size > 0 ? [stored, ...found.values()] : [];
}

/** The orders that nodes take when a root lies in a given order of axes and everything that can follows. */
function spread(
  graph: LayoutGraph,
  start: Value,
  layout: readonly number[],
  tried: Map<Value, Set<string>>,
): Map<Node, Order> {
  const proposal = new Map<Node, Order>();
  const reached = new Set<Value>();
  const queue: { root: Value; axes: readonly number[] }[] = [];
  const reach = (root: Value, axes: readonly number[]): void => {
    if (axes.length < 2 || reached.has(root)) return;
    reached.add(root);
    const layouts = tried.get(root);
    if (layouts) layouts.add(axes.join());
    else tried.set(root, new Set([axes.join()]));
    queue.push({ root, axes });
  };
  const propose = (node: Node, rule: LayoutRule, order: Order | null): void => {
    if (!order || !rule.accepts(order)) return;
    proposal.set(node, order);
    const alone: Orders = new Map([[node, order]]);
    for (const output of node.outputs) reach(output, graph.stored(output, alone).axes);
    node.inputs.forEach((value, index) => {
      const view = graph.view(value);
      reach(view.root, graph.asked({ view, value, node, index }, alone)[0]!.axes);
    });
  };
  reach(start, layout);
  for (const { root, axes } of queue) {
    const producer = graph.producer(root);
    const rule = producer && graph.rule(producer);
    if (rule && !proposal.has(producer)) {
      const map = rule.outputs[producer.outputs.indexOf(root)]!;
      propose(producer, rule, orderFrom(rule, map, graph.view(root), axes));
    }
    for (const { node, view, index } of graph.ports.get(root) ?? []) {
      const reading = node && graph.rule(node);
      if (!reading || proposal.has(node)) continue;
      propose(node, reading, orderFrom(reading, reading.inputs[index]!, view, axes));
    }
  }
  return proposal;
}

/**
 * The order of a node's domain in which one of its operands or results lies as given; `null` when that leaves the order open
 * or takes axes apart that belong together.
 */
function orderFrom(rule: LayoutRule, map: AxisMap, view: View, axes: readonly number[]): Order | null {
  /** Domain axes at the place of the first of their axes. */
  const placed: number[] = [];
  const missing: number[] = [];
  for (const [d, size] of rule.sizes.entries()) {
    let first = -1;
    let last = -1;
    for (const axis of map[d] ?? []) {
      if (view.axes[axis]! < 0) continue;
      const place = axes.indexOf(view.axes[axis]!);
      if (first >= 0 && place !== last + 1) return null;
      if (first < 0) first = place;
      last = place;
    }
    if (first >= 0) placed[first] = d;
    else if (size === 1) missing.push(d);
    else return null;
  }
  const order = placed.filter((d) => d !== undefined);
  // An axis of size 1 may be anywhere: behind the one it follows in the program.
  for (const d of missing) order.splice(order.indexOf(d - 1) + 1, 0, d);
  return order;
}

/** The orders when exactly those nodes follow a proposal for which that is cheapest; `null` when none should. */
function followed(
  graph: LayoutGraph,
  orders: ReadonlyMap<Node, Order>,
  proposal: ReadonlyMap<Node, Order>,
  price: (cost: Cost) => number,
): { orders: ReadonlyMap<Node, Order>; touched: ReadonlySet<Value> } | null {
  const cut = new CutGraph();
  const vertices = new Map<Node, number>();
  const touched = new Set<Value>();
  for (const [node, order] of proposal) {
    const current = orders.get(node) ?? order.toSorted((p, q) => p - q);
    if (shapesEqual(current, order)) continue;
    vertices.set(node, cut.vertex());
    for (const value of [...node.outputs, ...node.inputs]) {
      const { root } = graph.view(value);
      if (!graph.isFree(root)) touched.add(root);
    }
  }
  if (vertices.size === 0) return null;
  const switched: Orders = {
    get: (node) => proposal.get(node) ?? orders.get(node),
    has: (node) => proposal.has(node) || orders.has(node),
  };
  for (const root of touched) addConversions(graph, cut, vertices, root, orders, switched, price);
  const side = cut.cut();
  const followers = [...vertices].filter(([, vertex]) => side[vertex]);
  if (followers.length === 0) return null;
  return { orders: new Map([...orders, ...followers.map(([node]) => [node, proposal.get(node)!] as const)]), touched };
}

/** Readers that ask for the same. */
interface Group {
  readonly asked: readonly Arrangement[];
  readonly port: Port;
  readonly readers: number[];
}

/** What a root's conversions cost, depending on who switches. The source's side of the cut stays, the sink's side switches. */
function addConversions(
  graph: LayoutGraph,
  cut: CutGraph,
  vertices: ReadonlyMap<Node, number>,
  root: Value,
  orders: Orders,
  switched: Orders,
  price: (cost: Cost) => number,
): void {
  const producer = graph.producer(root);
  const own = producer ? (vertices.get(producer) ?? null) : null;
  const before = graph.stored(root, orders);
  const after = own === null ? before : graph.stored(root, switched);
  const [always, staying, switching] = [new Map<string, Group>(), new Map<string, Group>(), new Map<string, Group>()];
  const add = (groups: Map<string, Group>, port: Port, asked: readonly Arrangement[], reader: number | null): void => {
    // Operands that broadcast are content with less, so they are kept apart.
    const key = `${asked.map(keyOf).join()} ${graph.broadcastRank(port) ?? ""}`;
    const group = groups.get(key) ?? { asked, port, readers: [] };
    groups.set(key, group);
    if (reader !== null) group.readers.push(reader);
  };
  for (const port of graph.ports.get(root) ?? []) {
    const reader = port.node ? (vertices.get(port.node) ?? null) : null;
    const now = graph.asked(port, orders);
    if (reader === null) add(always, port, now, null);
    else {
      add(staying, port, now, reader);
      add(switching, port, graph.asked(port, switched), reader);
    }
  }
  const costs = ({ port, asked }: Group): [stays: number, switches: number] => [
    price(graph.conversion(root, before, port, asked)),
    price(graph.conversion(root, after, port, asked)),
  ];
  const { SOURCE, SINK } = CutGraph;
  if (own !== null) {
    for (const group of always.values()) {
      const [stays, switches] = costs(group);
      cut.edge(own, SINK, stays);
      cut.edge(SOURCE, own, switches);
    }
  }
  for (const [key, group] of staying) {
    const [stays, switches] = always.has(key) ? [0, 0] : costs(group);
    if (stays === 0 && (own === null || switches === 0)) continue;
    // On the sink's side when no reader stays.
    const idle = cut.any(group.readers, (reader, any) => cut.edge(reader, any, Number.POSITIVE_INFINITY));
    cut.edge(idle, SINK, stays);
    if (own !== null) cut.edge(idle, own, switches - stays);
  }
  for (const [key, group] of switching) {
    const [stays, switches] = always.has(key) ? [0, 0] : costs(group);
    if (switches === 0 && (own === null || stays === 0)) continue;
    // On the sink's side when a reader switches.
    const needed = cut.any(group.readers, (reader, any) => cut.edge(any, reader, Number.POSITIVE_INFINITY));
    cut.edge(SOURCE, needed, switches);
    if (own !== null) cut.edge(own, needed, stays - switches);
  }
}
