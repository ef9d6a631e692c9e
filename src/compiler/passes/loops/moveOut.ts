/**
 * Moves out of a loop what need not wait for its turns: before it what reads sequences only, such as what a recurrent layer
 * makes of its input, after it products that only results are made of, such as the gradient of that input. One product for
 * all turns costs less than one per turn.
 */
import { sizeOf } from "../../../core/shape.ts";
import * as b from "../../../ir/build.ts";
import { hasTimeRule, isElementwise, overTime, type TimeOperand } from "../../../ir/overTime.ts";
import type { Node, Value } from "../../../ir/value.ts";
import { type Loop, reachedFrom } from "./loop.ts";

/** A value for all turns, where it is known outside the loop. */
type Outside = Map<Value, TimeOperand>;

function knownOutside(loop: Loop): Outside {
  return new Map<Value, TimeOperand>([
    ...loop.sequences.map(({ inner, outer }) => [inner, { value: outer, stacked: true }] as const),
    ...loop.captured.map(({ inner, outer }) => [inner, { value: outer, stacked: false }] as const),
  ]);
}

/** Nodes that compute the ys and the carries of a loop, producers first. */
function nodesOf(loop: Loop): Node[] {
  const inputs = new Set([...loop.carries, ...loop.sequences, ...loop.captured].map(({ inner }) => inner));
  const order: Node[] = [];
  const done = new Set<Node>();
  const visit = (value: Value): void => {
    const stack = [{ value, entered: false }];
    while (stack.length > 0) {
      const frame = stack.pop()!;
      const { node } = frame.value;
      if (!node || inputs.has(frame.value) || done.has(node)) continue;
      if (frame.entered) {
        done.add(node);
        order.push(node);
        continue;
      }
      stack.push({ value: frame.value, entered: true });
      for (const input of node.inputs) stack.push({ value: input, entered: false });
    }
  };
  for (const { next } of loop.carries) visit(next);
  for (const y of loop.ys) visit(y);
  return order;
}

/** Whether a node is a product of something that varies with something that does not. */
function isHeavy(node: Node, varies: (value: Value) => boolean): boolean {
  if (node.op !== "matmul" && node.op !== "conv" && node.op !== "conv_input_grad") return false;
  const [x, w] = node.inputs as [Value, Value];
  return node.op === "matmul" ? varies(x) !== varies(w) : varies(x) && !varies(w);
}

const largest = (values: readonly Value[]): number => Math.max(...values.map(({ shape }) => sizeOf(shape)));

/** Elements up to which a node of a turn costs more to start than to compute: for all turns at once it starts once. */
const SMALL_TURN = 2 ** 15;

const isLight = ({ op, outputs }: Node): boolean => isElementwise(op) && sizeOf(outputs[0]!.shape) <= SMALL_TURN;

/** Computes before the loop what reads sequences only: products, what is done to them one by one, and everything light. */
export function hoist(loop: Loop): Loop {
  const nodes = nodesOf(loop);
  const outside = knownOutside(loop);
  const stable = new Set(loop.captured.map(({ inner }) => inner));
  /** Of sequences, not of carries. */
  const early = new Set(loop.sequences.map(({ inner }) => inner));
  for (const node of nodes) {
    const [output] = node.outputs;
    if (isStable(node, stable)) {
      for (const value of node.outputs) stable.add(value);
      addStable(node, outside);
    } else if (
      hasTimeRule(node.op) &&
      node.inputs.every((x) => early.has(x) || stable.has(x) || x.source.kind === "constant")
    ) {
      early.add(output!);
    }
  }
  const wanted = new Set<Node>();
  for (const node of nodes) {
    if (!early.has(node.outputs[0]!)) continue;
    const follows =
      isElementwise(node.op) &&
      node.inputs.some((x) => x.node && wanted.has(x.node) && sizeOf(x.shape) === sizeOf(node.outputs[0]!.shape)) &&
      largest(node.inputs) <= sizeOf(node.outputs[0]!.shape);
    if (!follows && !isLight(node) && !isHeavy(node, (x) => early.has(x))) continue;
    for (const value of reachedFrom([node.outputs[0]!])) {
      if (value.node && early.has(value)) wanted.add(value.node);
    }
  }
  if (wanted.size === 0) return loop;
  const moved: Value[] = [];
  for (const node of nodes) {
    if (!wanted.has(node)) continue;
    const value = overTime(node, operandsOf(node, outside), loop.length);
    if (!value) return loop;
    outside.set(node.outputs[0]!, { value, stacked: true });
    moved.push(node.outputs[0]!);
  }
  return {
    ...loop,
    sequences: [...loop.sequences, ...moved.map((inner) => ({ inner, outer: outside.get(inner)!.value }))],
  };
}

const isStable = (node: Node, stable: ReadonlySet<Value>): boolean =>
  node.inputs.every((x) => stable.has(x) || x.source.kind === "constant");

/** The results of a node that is the same at every turn, computed outside. */
function addStable(node: Node, outside: Outside): void {
  const operands = operandsOf(node, outside).map(({ value }) => value);
  const results = b.emit(node.op, operands, node.attributes);
  node.outputs.forEach((output, i) => {
    outside.set(output, { value: results[i]!, stacked: false });
  });
}

function operandsOf(node: Node, outside: Outside): TimeOperand[] {
  return node.inputs.map((x) => outside.get(x) ?? { value: x, stacked: false });
}

/** A loop without the products that only results are made of. */
export interface Sunk {
  readonly loop: Loop;
  /** Which results of the new loop are read. */
  readonly used: readonly boolean[];
  /** The results of the old loop from those of the new one. */
  readonly finish: (results: readonly Value[]) => Value[];
}

/** What is done to products after the loop as well: no more than what keeps to the places of the elements or sums them up. */
const FOLLOWS: ReadonlySet<Node["op"]> = new Set(["reshape", "transpose", "reduce_sum"]);

/** Computes products that no carry depends on after the loop. */
export function sink(loop: Loop, used: readonly boolean[]): Sunk {
  const needed = reachedFrom(loop.carries.map(({ next }) => next));
  const outside = knownOutside(loop);
  const stable = new Set(loop.captured.map(({ inner }) => inner));
  const late = new Set<Value>();
  for (const node of nodesOf(loop)) {
    const [output] = node.outputs;
    if (isStable(node, stable)) {
      for (const value of node.outputs) stable.add(value);
      addStable(node, outside);
      continue;
    }
    const varies = (x: Value): boolean => !stable.has(x) && x.source.kind !== "constant";
    const follows = (isElementwise(node.op) || FOLLOWS.has(node.op)) && node.inputs.some((x) => late.has(x));
    if (!needed.has(output!) && (follows || isHeavy(node, varies))) late.add(output!);
  }
  const count = loop.carries.length;
  const sunk = loop.ys.map((y, i) => late.has(y) && used[count + i]!);
  if (!sunk.includes(true)) return { loop, used, finish: (results) => [...results] };
  /** Values to be returned in place of what is made of them, at their places among the ys. */
  const factors: Value[] = [];
  const collect = (value: Value): void => {
    if (late.has(value)) value.node!.inputs.forEach(collect);
    else if (!outside.has(value) && value.source.kind !== "constant" && !factors.includes(value)) factors.push(value);
  };
  loop.ys.forEach((y, i) => {
    if (sunk[i]) collect(y);
  });
  const finish = (results: readonly Value[]): Value[] => {
    const known: Outside = new Map(outside);
    factors.forEach((value, i) => {
      known.set(value, { value: results[count + loop.ys.length + i]!, stacked: true });
    });
    for (const node of nodesOf(loop)) {
      const [output] = node.outputs;
      if (!late.has(output!) || known.has(output!)) continue;
      if (!node.inputs.every((x) => known.has(x) || x.source.kind === "constant")) continue;
      const value = overTime(node, operandsOf(node, known), loop.length);
      if (value) known.set(output!, { value, stacked: true });
    }
    return results.slice(0, count + loop.ys.length).map((result, i) => {
      return i >= count && sunk[i - count] ? known.get(loop.ys[i - count]!)!.value : result;
    });
  };
  return {
    loop: { ...loop, ys: [...loop.ys, ...factors] },
    used: [...used.map((is, i) => is && !(i >= count && sunk[i - count])), ...factors.map(() => true)],
    finish,
  };
}
