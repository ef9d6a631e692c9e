/**
 * Slices of one flat value as Splits. A program reads its small variables out of one array; a Split hands out all of them at
 * the cost of one Slice.
 */
import type { PrimitiveAttributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";

/** A part of a flat value and the parts inside it. */
export interface Interval {
  readonly start: number;
  readonly limit: number;
  /** The slices that read exactly this part. */
  readonly nodes: Node[];
  readonly children: Interval[];
}

/** Fewer parts than this stay slices. */
const WORTHWHILE = 3;

/** Parts as a tree by inclusion, or `null` when two of them overlap without one holding the other. */
export function nestIntervals(size: number, parts: readonly Omit<Interval, "children">[]): Interval | null {
  const root: Interval = { start: 0, limit: size, nodes: [], children: [] };
  // Larger ones first at the same start, so that a part comes after what holds it.
  const ordered = [...parts].sort((a, b) => a.start - b.start || b.limit - a.limit);
  const open = [root];
  for (const { start, limit, nodes } of ordered) {
    while (start >= open.at(-1)!.limit) open.pop();
    const parent = open.at(-1)!;
    if (limit > parent.limit) return null;
    if (start === parent.start && limit === parent.limit) {
      parent.nodes.push(...nodes);
      continue;
    }
    const interval: Interval = { start, limit, nodes: [...nodes], children: [] };
    parent.children.push(interval);
    open.push(interval);
  }
  return root;
}

/** Flat values of a program that are read in several parts, with the tree of the parts. */
export function findSplits(program: Program): Map<Value, Interval> {
  const slices = new Map<Value, Node[]>();
  for (const node of program.nodes) {
    const source = node.inputs[0]!;
    if (node.op !== "slice" || source.shape.length !== 1) continue;
    if ((node.attributes as PrimitiveAttributes["slice"]).strides[0] !== 1 || node.outputs[0]!.shape[0] === 0) continue;
    slices.set(source, [...(slices.get(source) ?? []), node]);
  }
  const found = new Map<Value, Interval>();
  for (const [source, nodes] of slices) {
    if (nodes.length < WORTHWHILE) continue;
    const parts = nodes.map((node) => {
      const { starts, limits } = node.attributes as PrimitiveAttributes["slice"];
      return { start: starts[0]!, limit: limits[0]!, nodes: [node] };
    });
    const tree = nestIntervals(source.shape[0]!, parts);
    if (tree) found.set(source, tree);
  }
  return found;
}

/** The children of an interval with the gaps between them, in order: together they fill it. */
export function segments(interval: Interval): { readonly size: number; readonly child: Interval | null }[] {
  const out: { size: number; child: Interval | null }[] = [];
  let at = interval.start;
  for (const child of interval.children) {
    if (child.start > at) out.push({ size: child.start - at, child: null });
    out.push({ size: child.limit - child.start, child });
    at = child.limit;
  }
  if (at < interval.limit) out.push({ size: interval.limit - at, child: null });
  return out;
}
