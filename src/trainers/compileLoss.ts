/** The loss of a compiled model: one function per output, weights, and the totals that logs show. */
import type { Uncalled } from "../core/callable.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { flatten, isNested, isPlainObject, type Nested } from "../core/tree.ts";
import * as losses from "../losses/index.ts";
import { Mean } from "../metrics/index.ts";
import * as ops from "../ops/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import {
  type Given,
  itemsPerOutput,
  labelsPerOutput,
  leafOf,
  matchItems,
  modelOutputs,
  type OutputNode,
  type OutputPlace,
} from "./outputStructure.ts";
import { refuseStringLabels } from "./stringLabels.ts";

/** A loss by name, function, object or config. */
export type LossLike = string | losses.LossFunction | Uncalled<losses.Loss> | Readonly<Record<string, unknown>>;
/**
 * One loss for all outputs, or one per output as a list or by output name, in the structure of the outputs. One loss for a list of
 * outputs takes them as one tensor, with a new first axis; a list of losses for one output is added up.
 */
export type LossArgument = LossLike | null | readonly LossArgument[] | { readonly [output: string]: LossArgument };
/** Factors, in the structure of the losses. */
export type LossWeights = number | readonly (LossWeights | null)[] | { readonly [output: string]: LossWeights | null };

interface OutputLoss {
  /** The output, or the list of outputs that the loss takes as one. */
  readonly node: OutputNode;
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

const isLoss = (value: unknown): boolean => !isNested(value) || isConfig(value);

/** Losses and the outputs that they are for: several may be given for one output. */
function lossesPerOutput(given: LossArgument, outputs: OutputNode): Given[] {
  if (given !== null && isLoss(given)) {
    return outputs.places.map((place) => ({ node: leafOf(outputs, place), item: given }));
  }
  const matched = matchItems("compile", "loss", given, outputs, isLoss);
  return matched.flatMap(({ node, item }) => {
    if (!isLoss(item)) {
      return (item as readonly unknown[]).filter((one) => one !== null).map((one) => ({ node, item: one }));
    }
    if (hasDict(node)) {
      throw new TypeError(
        `compile: \`loss\` has one entry for "${node.name}", which is a dict of outputs ` +
          `(${node.places.map((place) => place.name).join(", ")}). Give each a loss of its own, in a dict of the same keys`,
      );
    }
    return [{ node, item }];
  });
}

/** Whether outputs cannot be taken as one tensor. */
const hasDict = (node: OutputNode): boolean =>
  node.parts !== null && (!node.isList || [...node.parts.values()].some(hasDict));

/** The factor of each loss. */
function weightsPerLoss(
  weights: LossWeights | null,
  given: readonly Given[],
  outputs: OutputNode,
  isOneForAll: boolean,
): (number | null)[] {
  if (weights === null) return given.map(() => null);
  if (typeof weights === "number") {
    if (isOneForAll || given.length === 1) return given.map(() => weights);
    itemsPerOutput("compile", "lossWeights", weights, outputs, "only");
  }
  const matched = weightsOf(weights, given, outputs);
  const covers = (outer: OutputNode, inner: OutputNode): boolean =>
    inner.places.every((place) => outer.places.includes(place));
  return given.map((one, i) => {
    const { node } = one;
    const siblings = given.filter((other) => other.node === node);
    const weight = matched.find((w) => covers(w.node, node));
    const several = Array.isArray(weight?.item) ? weight.item.length : null;
    const parts = matched.filter((w) => w.node !== node && covers(node, w.node));
    if ((several !== null && several !== siblings.length) || (!weight && parts.length > 0)) {
      throw new RangeError(
        `compile: \`lossWeights\` must have one number per loss. "${node.name}" has ${siblings.length} ` +
          `${siblings.length === 1 ? "loss" : "losses"}. Received: ${several ?? parts.length} numbers`,
      );
    }
    if (!weight) return null;
    return (several === null ? weight.item : (weight.item as number[])[siblings.indexOf(given[i]!)]) as number | null;
  });
}

/** Factors and the outputs that they are for. A flat list may hold one per loss, in the order of the outputs. */
function weightsOf(weights: LossWeights, given: readonly Given[], outputs: OutputNode): Given[] {
  const isFlat = Array.isArray(weights) && weights.every((weight) => !isNested(weight));
  if (isFlat && weights.length === given.length && weights.length !== outputs.places.length && outputs.parts !== null) {
    const order = given.toSorted((a, b) => a.node.places[0]!.index - b.node.places[0]!.index);
    return order.map(({ node }, i) => ({ node, item: weights[i] }));
  }
  return matchItems("compile", "lossWeights", weights, outputs);
}

/** One tensor of the tensors of several outputs, with an axis for the list that they stand in. */
function asOne(what: string, node: OutputNode, tensors: readonly Tensor[]): Tensor {
  if (node.parts === null) return tensors[node.places[0]!.index]!;
  const shapes = node.places.map((place) => [place.name, formatShape([null, ...tensors[place.index]!.shape.slice(1)])]);
  if (new Set(shapes.map(([, shape]) => shape)).size > 1) {
    throw new ShapeError(
      `loss: one loss for "${node.name}", a list of outputs, needs ${what} of one shape. ` +
        `Received: ${shapes.map((pair) => pair.join(" ")).join(", ")}. Give each output a loss of its own, in a list`,
    );
  }
  return ops.stack([...node.parts.values()].map((part) => asOne(what, part, tensors)));
}

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
    return (this.#entries ?? []).flatMap(({ node, loss }) => node.places.map((place) => ({ place, loss })));
  }

  /** Entries are in the order in which the losses were given, which is that of the total and of the list of results. */
  build(yTrue: unknown, yPred: unknown, outputNames: readonly string[] | null): void {
    const outputs = modelOutputs(yPred, outputNames);
    const predictions = flatten(yPred as Nested<Tensor>);
    const given = lossesPerOutput(this.#losses, outputs);
    const isUsed = (place: OutputPlace): boolean => given.some((one) => one.node.places.includes(place));
    const labels = labelsPerOutput("loss", yTrue, outputs, isUsed) as (Tensor | null)[];
    const weights = weightsPerLoss(this.#weights, given, outputs, this.#losses !== null && isLoss(this.#losses));
    this.#entries = given.map(({ node, item }, i) => {
      const { index } = node.places[0]!;
      return {
        node,
        loss: resolveLoss(item, labels[index]!, predictions[index]!),
        weight: weights[i]!,
        tracker: given.length > 1 ? new Mean({ name: `${node.name}_loss` }) : null,
      };
    });
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
    const outputs = modelOutputs(yPred, outputNames);
    const predictions = flatten(yPred as Nested<Tensor>);
    const used = (place: OutputPlace): boolean =>
      entries.some((entry) => entry.node.places.some(({ index }) => index === place.index));
    const labels = labelsPerOutput("loss", yTrue, outputs, used) as (Tensor | null)[];
    const missing = outputs.places.find((place) => used(place) && (labels[place.index] ?? null) === null);
    if (missing) {
      const named = (places: readonly OutputPlace[]): string => places.map((place) => place.name).join(", ") || "none";
      const got = isPlainObject(yTrue) ? Object.keys(yTrue).join(", ") || "none" : null;
      const received = got ?? named(outputs.places.filter((place) => (labels[place.index] ?? null) !== null));
      throw new RangeError(
        `loss: no labels for output "${missing.name}", which has a loss. Received labels for: ${received}. ` +
          `Outputs with a loss: ${named(outputs.places.filter(used))}`,
      );
    }
    refuseStringLabels("loss", outputs.places.filter(used), labels);
    const weights = itemsPerOutput("loss", "sampleWeight", sampleWeight ?? null, outputs, "every") as (Tensor | null)[];
    let total: Tensor | null = null;
    for (const { node, loss, weight, tracker } of entries) {
      const value = loss(
        asOne("labels", node, labels as readonly Tensor[]),
        asOne("predictions", node, predictions),
        weightsAsOne(node, weights),
      );
      tracker?.updateState(value, batchSize);
      const weighted = weight === null ? value : ops.multiply(value, weight);
      total = total === null ? weighted : ops.add(total, weighted);
    }
    return total;
  }
}

/** Sample weights of the outputs that a loss takes as one; an output without any counts in full. */
function weightsAsOne(node: OutputNode, weights: readonly (Tensor | null)[]): Tensor | null {
  const some = node.places.map((place) => weights[place.index] ?? null).find((weight) => weight !== null);
  if (!some) return null;
  return asOne(
    "sample weights",
    node,
    weights.map((weight) => weight ?? ops.onesLike(some)),
  );
}
