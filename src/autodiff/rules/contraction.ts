/** Gradients of matrix products: again matrix products, through the transpose flags and without transposing data. */

import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes } from "../../ir/primitives.ts";
import type { Value } from "../../ir/value.ts";
import type { GradientRule } from "./rule.ts";

/** A batched left side against one matrix is one product of rows: its gradient needs no sum over the batch afterwards. */
function flatRows(x: Value): Value {
  return b.reshape(x, [x.shape.slice(0, -1).reduce((n, d) => n * d, 1), x.shape.at(-1)!]);
}

const matmul: GradientRule<PrimitiveAttributes["matmul"]> = (node, [dy], wanted) => {
  const [a, c] = node.inputs as [Value, Value];
  const { transposeA: ta, transposeB: tb } = node.attributes;
  const g = dy!;
  // Y = A·C: dA = G·Cᵀ, dC = Aᵀ·G; with a side read transposed, the roles in its gradient swap.
  const da = (): Value => (ta ? b.matmul(c, g, tb, true) : b.matmul(g, c, false, !tb));
  const dc = (): Value => {
    if (!ta && c.shape.length === 2 && a.shape.length > 2) {
      const [rows, grads] = [flatRows(a), flatRows(g)];
      return tb ? b.matmul(grads, rows, true, false) : b.matmul(rows, grads, true, false);
    }
    return tb ? b.matmul(g, a, true, ta) : b.matmul(a, g, !ta, false);
  };
  return [wanted[0] ? b.sumToShape(da(), a.shape) : null, wanted[1] ? b.sumToShape(dc(), c.shape) : null];
};

export const contractionRules = { matmul };
