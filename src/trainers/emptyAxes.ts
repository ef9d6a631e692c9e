/** Finds batches with nothing in them, which no layer can say anything sensible about. */
import { formatShape } from "../core/shape.ts";
import { flattenWithPath, type Nested } from "../core/tree.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Batch } from "./dataAdapters/dataAdapter.ts";

/** @throws RangeError for sequences without steps, or a batch without samples, naming the array. */
export function refuseEmptyAxes(where: string, { x, y, sampleWeight }: Pick<Batch, "x" | "y" | "sampleWeight">): void {
  for (const [part, structure] of Object.entries({ x, y, sampleWeight })) {
    for (const [path, leaf] of flattenWithPath(structure as Nested<Tensor | null>)) {
      if (leaf === null || leaf.size > 0) continue;
      const { shape } = leaf;
      const name = path.length === 0 ? `\`${part}\`` : `\`${part}\` "${path.join("/")}"`;
      if (shape[0] === 0)
        throw new RangeError(`${where}: ${name} has shape ${formatShape(shape)}: the batch has no samples`);
      throw new RangeError(
        `${where}: ${name} has shape ${formatShape(shape)}: its axis ${shape.indexOf(0)} has length 0. Sequences need at least one step: ` +
          "pad them (padSequences with maxlen, paddedBatch with padTo) or leave such samples out",
      );
    }
  }
}
