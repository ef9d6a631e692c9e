/** What a gradient rule is, and the words that equations are written in. */
import * as b from "../../ir/build.ts";
import type { Node, Value } from "../../ir/value.ts";

/** Gradients of Σ outputs · outputGradients with respect to values, for rules of nodes that hold programs. */
export type Differentiate = (
  outputs: readonly Value[],
  outputGradients: readonly (Value | null)[],
  wrt: readonly Value[],
) => (Value | null)[];

/**
 * Gradients of a node's inputs.
 *
 * @param incoming - Gradient of each output; `null` where nothing depends on it. At least one is given.
 * @param wanted - Which inputs need a gradient; the others may be `null`.
 */
export type GradientRule<Attributes> = (
  node: Omit<Node, "attributes"> & { readonly attributes: Attributes },
  incoming: readonly (Value | null)[],
  wanted: readonly boolean[],
  differentiate: Differentiate,
) => (Value | null)[];

export const add = (x: Value, y: Value): Value => b.binary("add", x, y);
export const sub = (x: Value, y: Value): Value => b.binary("sub", x, y);
export const mul = (x: Value, y: Value): Value => b.binary("mul", x, y);
export const div = (x: Value, y: Value): Value => b.binary("div", x, y);
export const neg = (x: Value): Value => b.unary("neg", x);
/** A constant of the dtype of `like`. */
export const number = (x: number, like: Value): Value => b.scalar(x, like.dtype);
/**
 * The only output of a node, to be computed by the program that the gradient is in: somebody may read the output itself
 * before, from a program that rounds otherwise. Within one program both are merged.
 */
export const recomputed = (node: Omit<Node, "attributes"> & { readonly attributes: object }): Value =>
  b.emitOne(node.op, node.inputs, node.attributes as Node["attributes"]);
/** Zeros of the shape and dtype of `like`. */
export const zeros = (like: Value): Value => b.full(0, like.shape, like.dtype);
/** All axes of a value. */
export const axesOf = (x: Value): number[] => x.shape.map((_, i) => i);
