/** The metrics of a compiled model: which apply to which output, and under which names logs show them. */
import type { Uncalled } from "../core/callable.ts";
import { describe } from "../core/errors.ts";
import { flatten, isPlainObject, type Nested } from "../core/tree.ts";
import * as metrics from "../metrics/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { itemsPerOutput, matchItems, modelOutputs, type OutputNode, type OutputPlace } from "./outputStructure.ts";
import { refuseStringLabels } from "./stringLabels.ts";

/** A metric by name, function, object or config. */
export type MetricLike = string | metrics.MetricFunction | Uncalled<metrics.Metric> | Readonly<Record<string, unknown>>;
type MetricsEntry = MetricLike | null | readonly MetricsEntry[] | { readonly [output: string]: MetricsEntry };
/** Metrics of one output, or per output as a list or by output name, in the structure of the outputs. */
export type MetricsArgument = readonly MetricsEntry[] | { readonly [output: string]: MetricsEntry };

interface OutputMetric {
  readonly place: OutputPlace;
  readonly metric: metrics.Metric;
  readonly weighted: boolean;
  /** Key in logs. */
  readonly logName: string;
}

/** `"accuracy"` means the one that fits the shapes. @see keras/src/trainers/compile_utils.py (Keras 3.x) */
function accuracyFor(yTrue: Tensor, yPred: Tensor): metrics.Metric {
  if (yPred.shape.at(-1) === 1 || (yTrue.ndim === yPred.ndim && yPred.ndim === 1))
    return new metrics.BinaryAccuracy({ name: "accuracy" });
  const sparse = yTrue.ndim < yPred.ndim || (yTrue.shape.at(-1) === 1 && yPred.shape.at(-1)! > 1);
  return sparse
    ? new metrics.SparseCategoricalAccuracy({ name: "accuracy" })
    : new metrics.CategoricalAccuracy({ name: "accuracy" });
}

/** Whether a value is one metric, or says that an output has none. */
const isMetric = (value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : !isPlainObject(value) || "class_name" in value;

const isAccuracy = (item: unknown): item is string =>
  typeof item === "string" && ["accuracy", "acc"].includes(item.toLowerCase());

function resolveMetric(item: unknown, yTrue: Tensor, yPred: Tensor): metrics.Metric {
  if (item instanceof metrics.Metric) return item;
  if (isAccuracy(item)) {
    const metric = accuracyFor(yTrue, yPred);
    metric.name = item;
    return metric;
  }
  const found = metrics.get(item as Parameters<typeof metrics.get>[0]);
  if (!(found instanceof metrics.Metric)) {
    const fn = found as metrics.MetricFunction;
    return new metrics.MeanMetricWrapper(fn, { name: typeof item === "string" ? item : fn.name });
  }
  // A metric given by name is logged under the name that was written.
  if (typeof item === "string") found.name = item;
  return found;
}

/**
 * What stands before a metric's name in logs: the key of a dict of outputs, or else the name of the layer, even where losses
 * go by longer paths. @see keras/src/trainers/compile_utils.py (Keras 3.x)
 */
function logPrefix(outputs: OutputNode, place: OutputPlace): string {
  const { parts, places, isList } = outputs;
  if (places.length === 1) return "";
  const isFlat = parts?.size === places.length;
  const key = isFlat && !isList ? [...parts.keys()].find((k) => parts.get(k)!.places.includes(place)) : null;
  return `${key ?? place.layer ?? place.name}_`;
}

/** Per output its metrics. */
function metricsPerOutput(what: string, given: MetricsArgument, outputs: OutputNode): (readonly unknown[])[] {
  if (Array.isArray(given) && outputs.places.length === 1) return [given.flat(Number.POSITIVE_INFINITY)];
  const perOutput: (readonly unknown[])[] = outputs.places.map(() => []);
  if (Array.isArray(given) && given.length === 0) return perOutput;
  for (const { node, item } of matchItems("compile", what, given, outputs, isMetric)) {
    const items = [item].flat(Number.POSITIVE_INFINITY);
    if (node.parts !== null && items.length > 0) {
      throw new RangeError(
        `compile: \`${what}\` has one entry for "${node.name}", which is several outputs ` +
          `(${node.places.map((place) => place.name).join(", ")}). Give each metrics of its own, or null`,
      );
    }
    for (const place of node.places) perOutput[place.index] = items;
  }
  return perOutput;
}

export class CompileMetrics {
  readonly #metrics: MetricsArgument;
  readonly #weighted: MetricsArgument;
  #entries: readonly OutputMetric[] | null = null;

  constructor(plain: MetricsArgument | null, weighted: MetricsArgument | null) {
    this.#metrics = plain ?? [];
    this.#weighted = weighted ?? [];
    for (const [what, given] of [["metrics", this.#metrics] as const, ["weightedMetrics", this.#weighted] as const]) {
      if (!Array.isArray(given) && !isPlainObject(given)) {
        throw new TypeError(
          `compile: expected \`${what}\` to be a list or a dict by output name. Received: ${describe(given)}`,
        );
      }
      for (const item of flatten(given as Nested<unknown>)) {
        if (item !== null && !isAccuracy(item) && !isPlainObject(item))
          metrics.get(item as Parameters<typeof metrics.get>[0]);
      }
    }
  }

  get built(): boolean {
    return this.#entries !== null;
  }

  /** Whether any were given. */
  get any(): boolean {
    return [this.#metrics, this.#weighted].some((given) => Object.keys(given).length > 0);
  }

  /** All metric objects, in the order given. */
  get metrics(): metrics.Metric[] {
    return (this.#entries ?? []).map((entry) => entry.metric);
  }

  build(yTrue: unknown, yPred: unknown, outputNames: readonly string[] | null): void {
    const outputs = modelOutputs(yPred, outputNames);
    const { places } = outputs;
    const predictions = flatten(yPred as Nested<Tensor>);
    const labels = itemsPerOutput("metrics", "y", yTrue, outputs, "only") as (Tensor | null)[];
    const taken = new Set<string>();
    const entries: OutputMetric[] = [];
    const add = (what: string, given: MetricsArgument, weighted: boolean): void => {
      const perOutput = metricsPerOutput(what, given, outputs);
      for (const place of places) {
        const label = labels[place.index] ?? null;
        if (label === null) continue;
        const prefix = logPrefix(outputs, place);
        for (const item of perOutput[place.index]!) {
          if (item === null || item === undefined) {
            if (places.length > 1) continue;
            throw new TypeError(`compile: \`${what}\` may not contain null. Received it for output "${place.name}"`);
          }
          const metric = resolveMetric(item, label, predictions[place.index]!);
          let name = prefix + metric.name;
          if (taken.has(name) && weighted) name = `${prefix}weighted_${metric.name}`;
          const stem = name;
          for (let i = 1; taken.has(name); i++) name = `${stem}_${i}`;
          taken.add(name);
          entries.push({ place, metric, weighted, logName: name });
        }
      }
    };
    add("metrics", this.#metrics, false);
    add("weightedMetrics", this.#weighted, true);
    const used = places.filter((place) => entries.some((entry) => entry.place === place));
    refuseStringLabels("metrics", used, labels);
    this.#entries = entries;
  }

  updateState(yTrue: unknown, yPred: unknown, sampleWeight: unknown, outputNames: readonly string[] | null): void {
    if (!this.#entries) this.build(yTrue, yPred, outputNames);
    if (this.#entries!.length === 0) return;
    const outputs = modelOutputs(yPred, outputNames);
    const predictions = flatten(yPred as Nested<Tensor>);
    const labels = itemsPerOutput("metrics", "y", yTrue, outputs, "only") as (Tensor | null)[];
    const weights = itemsPerOutput(
      "metrics",
      "sampleWeight",
      sampleWeight ?? null,
      outputs,
      "every",
    ) as (Tensor | null)[];
    for (const { place, metric, weighted } of this.#entries!) {
      metric.updateState(
        labels[place.index]!,
        predictions[place.index]!,
        weighted ? (weights[place.index] ?? null) : null,
      );
    }
  }

  /** Current values under their log names, in the order given. */
  results(): Record<string, Tensor> {
    return Object.fromEntries((this.#entries ?? []).map((entry) => [entry.logName, entry.metric.result()]));
  }

  /** Log names in the order given, and the metric's own name for each. */
  get names(): { readonly logName: string; readonly ownName: string }[] {
    return (this.#entries ?? []).map((e) => ({ logName: e.logName, ownName: e.metric.name }));
  }
}
