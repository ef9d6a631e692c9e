/** Loops and branches in graphs: ops whose functions are known to the call only. */
import type { Tensor } from "../runtime/tensor.ts";
import { defineOp } from "./define.ts";
import { withLeaves } from "./structures.ts";

/** What one call computes: its tensors, and the structure they belong into. */
export interface LoopResults {
  readonly structure: unknown;
  readonly leaves: readonly Tensor[];
}

/**
 * Defines such an op. Its results may be of any structure, with `null` in it.
 *
 * @returns A function of (tensor arguments, what to do with them, static arguments).
 */
export function defineLoop(
  className: string,
  publicName: string,
  statics: Readonly<Record<string, string>>,
): (
  args: readonly unknown[],
  run: (...args: unknown[]) => LoopResults,
  values?: Readonly<Record<string, unknown>>,
) => unknown {
  const op = defineOp(className, "core", statics, (args, values) => {
    const run = values.run as ((args: readonly unknown[]) => Tensor[]) | undefined;
    if (!run) {
      throw new TypeError(
        `${publicName}: a graph that holds ops.${publicName} cannot be loaded from a file, for its functions are not ` +
          "stored. Put it into the `call` of a layer",
      );
    }
    return run(args);
  });
  return (args, run, values = {}) => {
    let structure: unknown = null;
    const flat = op(args, {
      ...values,
      run: (given: readonly unknown[]) => {
        const results = run(...given);
        structure = results.structure;
        return [...results.leaves];
      },
    });
    return withLeaves(structure, flat as Tensor[]);
  };
}
