/** Makes Keras's loss classes: each is a function of functions.ts with options, described by one table. */
import { type Callable, callable } from "../core/callable.ts";
import { checkOptions } from "../core/errors.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { optionsFromConfig } from "../serialization/options.ts";
import type { Config } from "../serialization/registry.ts";
import { type FunctionOptionTable, keysOf, readFunctionOptions, tableConfig } from "./functionOptions.ts";
import { LOSS_OPTIONS, type Loss, type LossFunction, LossFunctionWrapper, type LossOptions } from "./loss.ts";

/** A loss class with options `O` besides those of every loss. */
export type LossClass<O extends object = object> = Callable<
  new (
    options?: LossOptions & O,
  ) => Loss & Readonly<Required<O>>
>;

/**
 * @param className - Keras's class name.
 * @param fn - Computes the values per sample.
 * @param name - Default name.
 * @param table - The options that `fn` takes.
 */
export function defineLoss<O extends object = object>(
  className: string,
  fn: (yTrue: Tensor, yPred: Tensor, options: O & Required<O>) => Tensor,
  name: string,
  table: FunctionOptionTable<O> = {} as FunctionOptionTable<O>,
): LossClass<O> {
  const known = [...LOSS_OPTIONS, ...Object.keys(table)];
  class BuiltinLoss extends LossFunctionWrapper {
    static override readonly className = className;
    static override readonly modulePath = "keras.losses";
    static override readonly configKeys = keysOf(table);

    constructor(options: LossOptions & O = {} as O) {
      checkOptions(className, options, known);
      const values = readFunctionOptions(className, table, options);
      const all: LossOptions & Record<string, unknown> = {
        ...(options as LossOptions),
        name: options.name ?? name,
        ...values,
      };
      super(fn as unknown as LossFunction, all);
      Object.assign(this, values);
    }

    override getConfig(): Config {
      return tableConfig(this, table);
    }

    static override fromConfig(config: Config): object {
      // `this` may be a class of the user that extends one of Keras's.
      return new (this as unknown as new (options: object) => object)(optionsFromConfig(this, config));
    }
  }
  return callable(BuiltinLoss) as unknown as LossClass<O>;
}
