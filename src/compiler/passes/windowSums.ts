/**
 * Sums over the parts of split spatial axes are sums of windows: `reduce_sum(reshape(x, [n, h, a, w, b, c]), [2, 4])`, which is
 * the gradient of enlarging pictures by repeating rows and columns. Engines reduce axes that lie apart element by element.
 */
import { shapesEqual, sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { rewriteProgram } from "../rewrite.ts";

/** Pictures or lines, channels last, and the window whose sums a reduction gives. */
function windowsOf(node: Node, split: Value): { readonly x: Value; readonly window: readonly number[] } | null {
  if (node.op !== "reduce_sum" || split.node?.op !== "reshape" || split.dtype !== "float32") return null;
  const { axes } = node.attributes as Attributes["reduce_sum"];
  const x = split.node.inputs[0]!;
  const spatial = axes.length;
  // Each spatial axis as (windows, elements of a window), between batch and channels.
  const inner = axes.every((axis, i) => axis === 2 * i + 2);
  if (spatial < 1 || spatial > 2 || !inner || split.shape.length !== 2 * spatial + 2) return null;
  const joined = axes.map((axis) => split.shape[axis - 1]! * split.shape[axis]!);
  if (!shapesEqual(x.shape, [split.shape[0]!, ...joined, split.shape.at(-1)!]) || sizeOf(x.shape) === 0) return null;
  return { x, window: axes.map((axis) => split.shape[axis]!) };
}

export function windowSums(program: Program): Program {
  return rewriteProgram(program, (node, inputs) => {
    const found = inputs.length === 1 ? windowsOf(node, inputs[0]!) : null;
    if (!found) return null;
    const none = found.window.map(() => 0);
    const how = { window: found.window, strides: found.window, low: none, high: none };
    return [b.reshape(b.emitOne("sum_pool_last", [found.x], how), node.outputs[0]!.shape)];
  });
}
