/** The loss of a compiled model: one function per output, weights, and the totals that logs show. */
import type { Uncalled } from "../core/callable.ts";
import { describe } from "../core/errors.ts";
import { flatten, isNested, isPlainObject, type Nested } from "../core/tree.ts";
import * as losses from "../losses/index.ts";
import { Mean } from "../metrics/index.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { itemsPerOutput, labelsPerOutput, type OutputPlace, outputPlaces } from "./outputStructure.ts";

/** A loss by name, function, object or config. */
export type LossLike = string | losses.LossFunction | Uncalled<losses.Loss> | Readonly<Record<string, unknown>>;
/** One loss for all outputs, or one per output as a list or by output name. */
export type LossArgument = LossLike | null | readonly LossArgument[] | { readonly [output: string]: LossArgument };
export type LossWeights = number | readonly (number | null)[] | Readonly<Record<string, number | null>>;

interface OutputLoss {
  readonly place: OutputPlace;
  readonly loss: losses.Loss;
  readonly weight: number | null;
  /** Logs the unweighted loss of this output; only when there are several. */
  readonly tracker: Mean | null;
}

/** Whether a dict is a serialized loss rather than losses by output name. */
const isConfig = (value: unknown): boolean => typeof value === "object" && value !== null && "class_name" in value;

/** `"crossentropy"` means the one that fits the shapes. @see keras/src/trainers/compile_utils.py (Keras 3.x) */
function resolveName(name: string, yTrue: Tensor | null, yPred: Tensor): string {
  if (!["crossentropy", "ce"].includes(name.toLowerCase())) return name;
  if (yPred.shape.at(-1) === 1) return "binary_crossentropy";
  const sparse = yTrue !== null && (yTrue.ndim < yPred.ndim || (yTrue.shape.at(-1) === 1 && yPred.shape.at(-1)! > 1));
  return sparse ? "sparse_categorical_crossentropy" : "categorical_crossentropy";
}

function resolveLoss(item: unknown, yTrue: Tensor | null, yPred: Tensor): losses.Loss {
  if (item instanceof losses.Loss) return item;
  const named = typeof item === "string" ? resolveName(item, yTrue, yPred) : item;
  const loss = losses.get(named as Parameters<typeof losses.get>[0]);
  if (loss instanceof losses.Loss) return loss;
  const name = typeof item === "string" ? item : (loss as { name?: string }).name || "loss";
  return new losses.LossFunctionWrapper(loss as losses.LossFunction, { name });
}

/** Names of outputs, as nested dicts list them. */
const namesInOrder = (dict: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(dict).flatMap(([key, value]) =>
    isPlainObject(value) && !isConfig(value) ? namesInOrder(value).map((name) => `${key}/${name}`) : [key],
  );

export class CompileLoss {
  readonly #losses: LossArgument;
  readonly #weights: LossWeights | null;
  #entries: readonly OutputLoss[] | null = null;

  constructor(loss: LossArgument, weights: LossWeights | null) {
    this.#losses = loss;
    this.#weights = weights;
    if (weights !== null && typeof weights !== "number" && typeof weights !== "object") {
      throw new TypeError(
        `compile: expected \`lossWeights\` to be a number, list or dict. Received: ${describe(weights)}`,
      );
    }
    // A name that does not exist fails here and not at the first batch.
    for (const item of isNested(loss) && !isConfig(loss) ? flatten(loss as Nested<unknown>) : [loss]) {
      const late = typeof item === "string" && ["crossentropy", "ce"].includes(item.toLowerCase());
      if (item !== null && !late && !isConfig(loss)) losses.get(item as Parameters<typeof losses.get>[0]);
    }
  }

  get built(): boolean {
    return this.#entries !== null;
  }

  /** Losses of single outputs that logs show. */
  get trackers(): Mean[] {
    return (this.#entries ?? []).flatMap((entry) => (entry.tracker ? [entry.tracker] : []));
  }

  /** Per output the loss object that computes it; for checks of labels. */
  get perOutput(): readonly { readonly place: OutputPlace; readonly loss: losses.Loss }[] {
    return this.#entries ?? [];
  }

  build(yTrue: unknown, yPred: unknown, outputNames: readonly string[] | null): void {
    const places = outputPlaces(yPred, outputNames);
    const predictions = flatten(yPred as Nested<Tensor>);
    const given = isConfig(this.#losses)
      ? places.map(() => this.#losses)
      : itemsPerOutput("compile", "loss", this.#losses, places, "every");
    const labels = labelsPerOutput("loss", yTrue, places, (p) => given[p.index] !== null) as (Tensor | null)[];
    const weights = itemsPerOutput("compile", "lossWeights", this.#weights, places, "only") as (number | null)[];
    const used = this.#inOrder(
      places.filter((_, i) => given[i] !== null),
      yPred,
    );
    this.#entries = used.map((place) => ({
      place,
      loss: resolveLoss(given[place.index], labels[place.index]!, predictions[place.index]!),
      weight: weights[place.index] ?? null,
      tracker: used.length > 1 ? new Mean({ name: `${place.name}_loss` }) : null,
    }));
  }

  /** Dicts of losses for dicts of outputs decide the order in which losses are computed and listed, as in Keras. */
  #inOrder(places: OutputPlace[], yPred: unknown): OutputPlace[] {
    if (!isPlainObject(this.#losses) || isConfig(this.#losses) || !isPlainObject(yPred)) return places;
    const listed = namesInOrder(this.#losses);
    const rank = (place: OutputPlace): number =>
      listed.findIndex((name) => place.name === name || place.name.startsWith(`${name}/`));
    return places.sort((a, b) => rank(a) - rank(b));
  }

  /**
   * The total loss of a batch.
   *
   * @param batchSize - Weight of the batch in the logged averages.
   * @throws RangeError when labels, predictions and losses do not match in structure.
   */
  call(
    yTrue: unknown,
    yPred: unknown,
    sampleWeight: unknown,
    outputNames: readonly string[] | null,
    batchSize: number,
  ): Tensor | null {
    if (!this.#entries) this.build(yTrue, yPred, outputNames);
    const entries = this.#entries!;
    const places = outputPlaces(yPred, outputNames);
    const predictions = flatten(yPred as Nested<Tensor>);
    const used = (place: OutputPlace): boolean => entries.some((e) => e.place.index === place.index);
    const labels = labelsPerOutput("loss", yTrue, places, used) as (Tensor | null)[];
    const weights = itemsPerOutput("loss", "sampleWeight", sampleWeight ?? null, places, "every") as (Tensor | null)[];
    let total: Tensor | null = null;
    for (const { place, loss, weight, tracker } of entries) {
      const label = labels[place.index] ?? null;
      if (label === null) throw new RangeError(`loss: no labels for output "${place.name}", which has a loss`);
      const value = loss(label, predictions[place.index]!, weights[place.index] ?? null);
      tracker?.updateState(value, batchSize);
      const weighted = weight === null ? value : ops.multiply(value, weight);
      total = total === null ? weighted : ops.add(total, weighted);
    }
    return total;
  }
}
