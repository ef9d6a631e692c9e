/** Updates that may not count: programs have no branches over state, so both states are at hand and one is kept. */
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";

/** Runs `update` and keeps what it assigned to `variables` only where the scalar `condition` holds. */
export function assignOnlyIf(condition: Tensor, variables: readonly Variable[], update: () => void): void {
  const before = variables.map((v) => v.value);
  update();
  variables.forEach((variable, i) => {
    const after = variable.value;
    if (after.node !== before[i]!.node) variable.assign(ops.where(condition, after, before[i]!));
  });
}
