/** Finds integer labels outside the range of classes before a step computes a loss from them. */
import { type DType, fromElement, type TypedArray } from "../core/dtype.ts";
import type { Nested } from "../core/tree.ts";
import type { Loss } from "../losses/index.ts";
import { SparseCategoricalCrossentropy } from "../losses/index.ts";
import { labelsPerOutput, type OutputPlace } from "./outputStructure.ts";

/** How an output's labels are used. */
export interface LabelUse {
  readonly place: OutputPlace;
  readonly loss: Loss;
  /** Shape of the predictions of this output. */
  readonly predictionShape: readonly number[];
}

/** How the labels of a model are used. */
export interface LabelPlan {
  /** All outputs, with a loss or without. */
  readonly places: readonly OutputPlace[];
  readonly uses: readonly LabelUse[];
}

/** Labels as numbers. */
export interface LabelArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Per use its labels, of labels in any structure; `null` where there are none. */
export function labelsOfUses<L>(where: string, plan: LabelPlan, labels: Nested<L | null>): (L | null)[] {
  const isUsed = (place: OutputPlace): boolean => plan.uses.some((use) => use.place.index === place.index);
  const perOutput = labelsPerOutput(where, labels, plan.places, isUsed) as (L | null)[];
  return plan.uses.map((use) => perOutput[use.place.index] ?? null);
}

/** Whether a loss reads labels as class numbers. */
export const readsClassNumbers = (loss: Loss): boolean =>
  loss instanceof SparseCategoricalCrossentropy || loss.name === "sparse_categorical_crossentropy";

/**
 * @throws RangeError naming the first label that is no class, its sample, and the classes there are.
 */
export function checkLabels(where: string, use: LabelUse, labels: LabelArray): void {
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
