/** Joins the outputs of prediction batches. */
import { allocate, type TypedArray } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import { mapStructure, type Nested } from "../core/tree.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";

/** Outputs of one batch: the structure, with positions in `tensors` as leaves. */
export interface BatchOutputs {
  readonly structure: Nested<unknown>;
  readonly tensors: readonly Tensor[];
}

/** Concatenates along the first axis, leaf by leaf, on the host. */
export async function concatenateOutputs(batches: readonly BatchOutputs[]): Promise<Nested<Tensor>> {
  const { structure, tensors } = batches[0]!;
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
