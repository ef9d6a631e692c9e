/** Finds integer labels outside the range of classes before a step computes a loss from them. */
import { type DType, fromElement, type TypedArray } from "../core/dtype.ts";
import type { Nested } from "../core/tree.ts";
import type { Loss } from "../losses/index.ts";
import { SparseCategoricalCrossentropy } from "../losses/index.ts";
import { peekValue } from "../runtime/evaluate.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { type HostStructure, mapHost } from "./dataAdapters/arrayAdapter.ts";
import type { Batch } from "./dataAdapters/dataAdapter.ts";
import { labelsPerOutput, type OutputNode, type OutputPlace } from "./outputStructure.ts";

/** How an output's labels are used. */
export interface LabelUse {
  readonly place: OutputPlace;
  readonly loss: Loss;
  /** Shape of the predictions of this output. */
  readonly predictionShape: readonly number[];
}

/** How the labels of a model are used. */
export interface LabelPlan {
  /** All outputs, with a loss or without; `null` where the model computes its loss itself. */
  readonly outputs: OutputNode | null;
  readonly uses: readonly LabelUse[];
}

/** Labels as numbers. */
interface LabelArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Per use its labels, of labels in any structure; `null` where there are none. */
function labelsOfUses<L>(where: string, plan: LabelPlan, labels: Nested<L | null>): (L | null)[] {
  if (plan.outputs === null) return [];
  const isUsed = (place: OutputPlace): boolean => plan.uses.some((use) => use.place.index === place.index);
  const perOutput = labelsPerOutput(where, labels, plan.outputs, isUsed) as (L | null)[];
  return plan.uses.map((use) => perOutput[use.place.index] ?? null);
}

/** Whether a loss reads labels as class numbers. */
const readsClassNumbers = (loss: Loss): boolean =>
  loss instanceof SparseCategoricalCrossentropy || loss.name === "sparse_categorical_crossentropy";

/**
 * @throws RangeError naming the first label that is no class, its sample, and the classes there are.
 */
function checkLabels(where: string, use: LabelUse, labels: LabelArray): void {
  if (!readsClassNumbers(use.loss)) return;
  const { axis = -1, ignoreClass = null } = use.loss as Loss & { axis?: number; ignoreClass?: number | null };
  const classes = use.predictionShape.at(axis)!;
  const perSample = labels.data.length / (labels.shape[0] || 1);
  for (let i = 0; i < labels.data.length; i++) {
    const label = fromElement(labels.dtype, labels.data[i]!);
    if ((label >= 0 && label < classes) || label === ignoreClass) continue;
    const oneHot = labels.shape.length === use.predictionShape.length && labels.shape.at(-1) === classes && classes > 1;
    throw new RangeError(
      `${where}: label ${label} of sample ${Math.floor(i / perSample)} for output "${use.place.name}" is out of range: the output has ` +
        `${classes} classes, numbered 0 to ${classes - 1}.${oneHot ? ' For one-hot labels use "categorical_crossentropy".' : ""}`,
    );
  }
}

/** Checks the labels of a whole data set, per output. @throws RangeError for a label that is no class. */
export function checkHostLabels(where: string, plan: LabelPlan | null, y: HostStructure | null): void {
  if (!plan?.uses.length || y === null) return;
  // Arrays of numbers are dicts themselves: in tensors they are leaves of the structure.
  const labels = mapHost(({ data, shape, dtype }) => tensorFromHost(data, shape, dtype), y);
  labelsOfUses<Tensor>(where, plan, labels).forEach((label, i) => {
    const data = label && peekValue(label.node);
    if (data) checkLabels(where, plan.uses[i]!, { data, shape: label.shape, dtype: label.dtype });
  });
}

/** The same for one batch of a generator. */
export async function checkBatchLabels(where: string, plan: LabelPlan | null, batch: Batch): Promise<void> {
  if (!plan?.uses.some(({ loss }) => readsClassNumbers(loss)) || batch.y === null) return;
  for (const [i, label] of labelsOfUses<Tensor>(where, plan, batch.y).entries()) {
    if (!label) continue;
    checkLabels(where, plan.uses[i]!, { data: await label.data(), shape: label.shape, dtype: label.dtype });
  }
}
