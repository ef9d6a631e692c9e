/** The metrics of a compiled model: which apply to which output, and under which names logs show them. */
import type { Uncalled } from "../core/callable.ts";
import { describe } from "../core/errors.ts";
import { flatten, isPlainObject, type Nested } from "../core/tree.ts";
import * as metrics from "../metrics/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { itemsPerOutput, type OutputPlace, outputPlaces } from "./outputStructure.ts";

/** A metric by name, function, object or config. */
export type MetricLike = string | metrics.MetricFunction | Uncalled<metrics.Metric> | Readonly<Record<string, unknown>>;
/** Metrics of one output, or per output as a list or by output name. */
export type MetricsArgument =
  | readonly (MetricLike | null | readonly (MetricLike | null)[])[]
  | { readonly [output: string]: MetricLike | null | readonly (MetricLike | null)[] };

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

  /** All metric objects, in the order given. */
  get metrics(): metrics.Metric[] {
    return (this.#entries ?? []).map((entry) => entry.metric);
  }

  build(yTrue: unknown, yPred: unknown, outputNames: readonly string[] | null): void {
    const places = outputPlaces(yPred, outputNames);
    const predictions = flatten(yPred as Nested<Tensor>);
    const labels = itemsPerOutput("metrics", "y", yTrue, places, "only") as (Tensor | null)[];
    const prefix = places.length > 1;
    const taken = new Set<string>();
    const entries: OutputMetric[] = [];
    const add = (what: string, given: MetricsArgument, weighted: boolean): void => {
      const perOutput = this.#perOutput(what, given, places);
      for (const place of places) {
        const label = labels[place.index] ?? null;
        if (label === null) continue;
        for (const item of perOutput[place.index]!) {
          if (item === null || item === undefined) {
            if (prefix) continue;
            throw new TypeError(`compile: \`${what}\` may not contain null. Received it for output "${place.name}"`);
          }
          const metric = resolveMetric(item, label, predictions[place.index]!);
          const base = metric.name;
          let name = prefix ? `${place.name}_${base}` : base;
          if (taken.has(name) && weighted) name = prefix ? `${place.name}_weighted_${base}` : `weighted_${base}`;
          const stem = name;
          for (let i = 1; taken.has(name); i++) name = `${stem}_${i}`;
          taken.add(name);
          entries.push({ place, metric, weighted, logName: name });
        }
      }
    };
    add("metrics", this.#metrics, false);
    add("weightedMetrics", this.#weighted, true);
    this.#entries = entries;
  }

  #perOutput(what: string, given: MetricsArgument, places: readonly OutputPlace[]): (readonly unknown[])[] {
    const asList = (value: unknown): readonly unknown[] =>
      Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
    if (Array.isArray(given) && given.length === 0) return places.map(() => []);
    if (Array.isArray(given) && places.length === 1)
      return [given.length === 1 && Array.isArray(given[0]) ? given[0] : given];
    if (Array.isArray(given)) {
      if (given.length !== places.length) {
        throw new RangeError(
          `compile: \`${what}\` must have one entry per output, ${places.length} (${places.map((p) => p.name).join(", ")}). ` +
            `Received a list of ${given.length}. Use null or [] for an output without metrics`,
        );
      }
      return given.map(asList);
    }
    const byName = given as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(byName).find((key) => !places.some((p) => p.name === key));
    if (unknown !== undefined) {
      throw new RangeError(
        `compile: \`${what}\` has a key "${unknown}" that is no output of the model. Outputs: ${places.map((p) => p.name).join(", ")}`,
      );
    }
    return places.map((place) => asList(byName[place.name]));
  }

  updateState(yTrue: unknown, yPred: unknown, sampleWeight: unknown, outputNames: readonly string[] | null): void {
    if (!this.#entries) this.build(yTrue, yPred, outputNames);
    if (this.#entries!.length === 0) return;
    const places = outputPlaces(yPred, outputNames);
    const predictions = flatten(yPred as Nested<Tensor>);
    const labels = itemsPerOutput("metrics", "y", yTrue, places, "only") as (Tensor | null)[];
    const weights = itemsPerOutput(
      "metrics",
      "sampleWeight",
      sampleWeight ?? null,
      places,
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
