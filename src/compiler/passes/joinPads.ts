/**
 * Joins what was padded apart: a sum of pads by zeros whose contents lie side by side and fill the axis is a concatenation. The
 * gradients of slices that share out an array, as the gates of an LSTM do, are such sums.
 */
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { resultsOn, rewriteProgram } from "../rewrite.ts";

interface Part {
  readonly start: number;
  readonly end: number;
  readonly value: Value;
}

/** A value that is zero but for parts along an axis, which do not overlap. In order of their places. */
interface Parts {
  readonly axis: number;
  readonly parts: readonly Part[];
}

/** The contents of a pad by zeros along one axis. */
function partOf(node: Node, [value]: readonly Value[]): Parts | null {
  const { low, high, interior, value: fill } = node.attributes as Attributes["pad"];
  if (fill !== 0 || interior.some((n) => n !== 0) || [...low, ...high].some((n) => n < 0)) return null;
  const axes = low.flatMap((n, axis) => (n !== 0 || high[axis] !== 0 ? [axis] : []));
  const [axis] = axes;
  if (axis === undefined || axes.length > 1) return null;
  const start = low[axis]!;
  return { axis, parts: [{ start, end: start + value!.shape[axis]!, value: value! }] };
}

/** Both together, unless they overlap or lie along different axes. */
function union(a: Parts, c: Parts): Parts | null {
  if (a.axis !== c.axis) return null;
  const parts = [...a.parts, ...c.parts].sort((p, q) => p.start - q.start);
  const apart = parts.every((part, i) => i === 0 || parts[i - 1]!.end <= part.start);
  return apart ? { axis: a.axis, parts } : null;
}

const fills = ({ axis, parts }: Parts, { shape }: Value): boolean =>
  parts[0]!.start === 0 &&
  parts.at(-1)!.end === shape[axis] &&
  parts.every((part, i) => i === 0 || parts[i - 1]!.end === part.start);

export function joinPads(program: Program): Program {
  if (program.nodes.every((node) => node.op !== "pad")) return program;
  const known = new Map<Value, Parts>();
  return rewriteProgram(program, (node, inputs) => {
    const [output] = node.outputs;
    if (node.op === "pad") {
      const part = partOf(node, inputs);
      if (!part) return null;
      const results = resultsOn(node, inputs);
      known.set(results[0]!, part);
      return results;
    }
    if (node.op !== "add") return null;
    const [x, y] = inputs.map((input) => known.get(input));
    const sum = x && y ? union(x, y) : null;
    if (!sum) return null;
    if (fills(sum, output!)) {
      return [
        b.concat(
          sum.parts.map(({ value }) => value),
          sum.axis,
        ),
      ];
    }
    const results = resultsOn(node, inputs);
    known.set(results[0]!, sum);
    return results;
  });
}
