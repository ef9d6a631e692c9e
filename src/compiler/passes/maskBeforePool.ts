/**
 * Cuts off gradients of a maximum before they are spread over its windows. Behind `maxPool(relu(x))` the gradient is written
 * where each maximum is and then set to 0 where relu was 0. A maximum is positive exactly where its own place is, so the same
 * comes of asking the maxima, which are fewer:
 *
 *     where(y > 0, maxPoolGrad(y, dy), 0) = maxPoolGrad(y, where(maxPool(y) > 0, dy, 0))
 *
 * NaN is greater than 0 in neither.
 */
import { shapesEqual, sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { rewriteProgram } from "../rewrite.ts";

/** A gradient of maxima, and the program's value of the maxima themselves. */
interface Spread {
  readonly node: Node;
  readonly x: Value;
  readonly maxima: Value;
  readonly dy: Value;
}

function spreadOf(value: Value, pools: readonly Node[]): Spread | null {
  const { node } = value;
  if (node?.op === "max_pool_grad") {
    const [x, maxima, dy] = node.inputs as [Value, Value, Value];
    return { node, x, maxima, dy };
  }
  if (node?.op !== "max_pool_last_grad") return null;
  const [x, dy] = node.inputs as [Value, Value];
  const attributes = JSON.stringify(node.attributes);
  const pool = pools.find((p) => p.inputs[0] === x && JSON.stringify(p.attributes) === attributes);
  return pool ? { node, x, maxima: pool.outputs[0]!, dy } : null;
}

const isPositive = (condition: Value, x: Value): boolean =>
  condition.node?.op === "greater" &&
  condition.node.inputs[0] === x &&
  b.constantNumber(condition.node.inputs[1]!) === 0;

export function maskBeforePool(program: Program): Program {
  const uses = new Map<Value, number>();
  for (const value of [...program.outputs, ...program.nodes.flatMap((node) => node.inputs)]) {
    uses.set(value, (uses.get(value) ?? 0) + 1);
  }
  const pools = program.nodes.filter((node) => node.op === "max_pool_last");
  /** Masked gradients, by the node of the mask. */
  const found = new Map<Node, Spread>();
  for (const node of program.nodes) {
    if (node.op !== "where" || b.constantNumber(node.inputs[2]!) !== 0 || uses.get(node.inputs[1]!) !== 1) continue;
    const spread = spreadOf(node.inputs[1]!, pools);
    if (!spread || !isPositive(node.inputs[0]!, spread.x)) continue;
    if (!shapesEqual(node.outputs[0]!.shape, spread.x.shape)) continue;
    if (sizeOf(spread.dy.shape) < sizeOf(spread.x.shape)) found.set(node, spread);
  }
  if (found.size === 0) return program;
  /** What became of the values that are read again. */
  const mapped = new Map<Value, Value>();
  const of = (value: Value): Value => mapped.get(value) ?? value;
  return rewriteProgram(program, (node, inputs) => {
    for (const [i, value] of node.inputs.entries()) mapped.set(value, inputs[i]!);
    const spread = found.get(node);
    if (!spread) return null;
    const [x, maxima, dy] = [of(spread.x), of(spread.maxima), of(spread.dy)];
    const zero = b.scalar(0, dy.dtype);
    const masked = b.where(b.binary("greater", maxima, zero), dy, zero);
    return spread.node.op === "max_pool_grad"
      ? [b.maxPoolGrad(x, maxima, masked, spread.node.attributes as Attributes["max_pool_grad"])]
      : [b.emitOne("max_pool_last_grad", [x, masked], spread.node.attributes as Attributes["max_pool_last_grad"])];
  });
}
