/** Joins the outputs of prediction batches. */
import { allocate, type TypedArray } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import { mapStructure, type Nested } from "../core/tree.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { modelOutputs } from "./outputStructure.ts";

/** Outputs of one batch: the structure, with positions in `tensors` as leaves. */
export interface BatchOutputs {
  readonly structure: Nested<unknown>;
  readonly tensors: readonly Tensor[];
}

/**
 * Concatenates along the first axis, leaf by leaf, on the host.
 *
 * @throws ShapeError when an output has other sizes in a batch than in the one before, apart from the number of samples.
 */
export async function concatenateOutputs(
  batches: readonly BatchOutputs[],
  outputNames: readonly string[] | null,
): Promise<Nested<Tensor>> {
  const { structure, tensors } = batches[0]!;
  checkSameSizes(batches, outputNames);
  const joined = await Promise.all(
    tensors.map(async (first, i) => {
      if (batches.length === 1) return first;
      const parts = await Promise.all(batches.map((batch) => batch.tensors[i]!.data()));
      const rows = batches.reduce((n, batch) => n + batch.tensors[i]!.shape[0]!, 0);
      const shape = [rows, ...first.shape.slice(1)];
      const data = allocate(first.dtype, sizeOf(shape));
      let offset = 0;
      for (const part of parts) {
        (data as Float32Array).set(part as Float32Array, offset);
        offset += (part as TypedArray).length;
      }
      return tensorFromHost(data, shape, first.dtype);
    }),
  );
  return mapStructure((index: unknown) => joined[index as number]!, structure);
}

function checkSameSizes(batches: readonly BatchOutputs[], outputNames: readonly string[] | null): void {
  const { structure, tensors } = batches[0]!;
  for (const [i, { shape }] of tensors.entries()) {
    const sizes = formatShape(shape.slice(1));
    const at = batches.findIndex((batch) => formatShape(batch.tensors[i]!.shape.slice(1)) !== sizes);
    if (at < 0) continue;
    const { name } = modelOutputs(structure, outputNames).places[i]!;
    throw new ShapeError(
      `predict: the batches of output "${name}" cannot be joined: it has shape ${formatShape(shape)} in batch 0 and ` +
        `${formatShape(batches[at]!.tensors[i]!.shape)} in batch ${at}; all axes but the first must agree. ` +
        "Pad all batches to one length (padSequences with maxlen, paddedBatch of a dataset), or call predictOnBatch on each batch",
    );
  }
}
