/** Makes Keras's metrics that are means of a function: each is described by one table. */
import { type Callable, callable } from "../core/callable.ts";
import { checkOptions } from "../core/errors.ts";
import { type FunctionOptionTable, keysOf, readFunctionOptions, tableConfig } from "../losses/functionOptions.ts";
import type { Operand, Tensor } from "../runtime/tensor.ts";
import { optionsFromConfig } from "../serialization/options.ts";
import type { Config } from "../serialization/registry.ts";
import type { Direction, MetricOptions } from "./metric.ts";
import { type Mean, MeanMetricWrapper, type MetricFunction } from "./reductionMetrics.ts";

/** What a metric of labels and predictions looks like. */
export interface LabelledMetric extends Mean {
  updateState(yTrue: Operand, yPred: Operand, sampleWeight?: Operand | null): void;
}

/** A metric class with options `O` besides those of every metric. */
export type MeanMetricClass<O extends object = object> = Callable<
  new (
    options?: MetricOptions & O,
  ) => LabelledMetric & Readonly<Required<O>>
>;

/**
 * @param className - Keras's class name.
 * @param fn - Computes the values per sample.
 * @param name - Default name.
 * @param direction - Which way is better.
 * @param table - The options that `fn` takes.
 */
export function defineMeanMetric<O extends object = object>(
  className: string,
  fn: (yTrue: Tensor, yPred: Tensor, options: O & Required<O>) => Tensor,
  name: string,
  direction: Direction,
  table: FunctionOptionTable<O> = {} as FunctionOptionTable<O>,
): MeanMetricClass<O> {
  const known = ["name", "dtype", ...Object.keys(table)];
  class BuiltinMetric extends MeanMetricWrapper {
    static override readonly className = className;
    static override readonly modulePath = "keras.metrics";
    static override readonly configKeys = keysOf(table);

    constructor(options: MetricOptions & O = {} as O) {
      checkOptions(className, options, known);
      const values = readFunctionOptions(className, table, options);
      const all: MetricOptions & Record<string, unknown> = {
        ...(options as MetricOptions),
        name: options.name ?? name,
        ...values,
      };
      super(fn as unknown as MetricFunction, all);
      Object.assign(this, values);
      this.direction = direction;
    }

    override getConfig(): Config {
      return tableConfig(this, table);
    }

    static override fromConfig(config: Config): object {
      return new (this as unknown as new (options: object) => object)(optionsFromConfig(this, config));
    }
  }
  return callable(BuiltinMetric) as unknown as MeanMetricClass<O>;
}
