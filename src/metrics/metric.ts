/** The base of metrics: numbers kept over batches in variables. */
import { floatx } from "../core/config.ts";
import { allocate, type DType } from "../core/dtype.ts";
import { getPolicy } from "../core/dtypePolicy.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { toSnakeCase, uniqueName } from "../core/names.ts";
import { type StaticShape, sizeOf } from "../core/shape.ts";
import { get as getInitializer, type InitializerLike } from "../initializers/index.ts";
import { classNameOf } from "../ops/operation.ts";
import { nameScope } from "../runtime/nameScope.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { Variable, watchingVariables, zerosVariable } from "../runtime/variable.ts";
import { ConfigObject } from "../serialization/configObject.ts";

export interface MetricOptions {
  /** Name in logs. @defaultValue the class in snake case */
  name?: string | null;
  /** Dtype of the state and the result. @defaultValue floatx */
  dtype?: string | null;
}

/** Options of {@link Metric.addVariable}. */
export interface MetricVariableOptions {
  /** @defaultValue `[]`, a scalar */
  shape?: StaticShape;
  /** @defaultValue `"zeros"` */
  initializer?: InitializerLike;
  /** @defaultValue the dtype of the metric */
  dtype?: string;
  name?: string;
}

/** Which way a metric improves; `null` when that is not known. */
export type Direction = "up" | "down" | null;

const METRIC_OPTIONS: readonly string[] = ["name", "dtype"];

export interface Metric {
  /** Updates the state and returns the result. */
  // biome-ignore lint/suspicious/noExplicitAny: each metric states its own arguments in `updateState`
  (...args: any[]): Tensor;
}

/**
 * Base of metrics.
 *
 * `updateState` and `result` speak in ops on `variable.value`, so that they run inside a training step as well as alone.
 *
 * @example
 * class Count extends metrics.Metric {
 *   seen = this.addVariable({ name: "seen" });
 *   updateState(yTrue) { this.seen.assignAdd(yTrue.shape[0]); }
 *   result() { return this.seen.value; }
 * }
 * @see keras/src/metrics/metric.py (Keras 3.x): same state and names; no stateless methods, since `jit` makes them needless.
 */
export abstract class Metric extends ConfigObject {
  static readonly configKeys: Readonly<Record<string, string>> = { name: "name", dtype: "dtype" };
  name: string;
  readonly dtype: DType;
  direction: Direction = null;
  readonly #variables: Variable[] = [];

  /** @param known - Names of the options that the subclass has besides those of every metric. */
  constructor(options: MetricOptions = {}, known: readonly string[] = []) {
    super();
    const className = classNameOf(this);
    checkOptions(className, options, [...METRIC_OPTIONS, ...known]);
    const { name = null, dtype = null } = options;
    if (name !== null && typeof name !== "string") {
      throw new TypeError(`${className}: expected \`name\` to be a string. Received: ${describe(name)}`);
    }
    this.name = name ?? uniqueName(toSnakeCase(className));
    this.dtype = getPolicy(dtype ?? floatx()).computeDtype;
  }

  /** Takes a batch into account. */
  // biome-ignore lint/suspicious/noExplicitAny: each metric states its own arguments
  abstract updateState(...args: any[]): void;

  /** The current value. */
  abstract result(): Tensor;

  override call(...args: unknown[]): Tensor {
    this.updateState(...args);
    return this.result();
  }

  /** Starts again from zero. */
  resetState(): void {
    for (const variable of this.variables) {
      const { shape, dtype } = variable;
      variable.assign(tensorFromHost(allocate(dtype, sizeOf(shape)), shape, dtype));
    }
  }

  /** Creates a variable of the state. */
  addVariable(options: MetricVariableOptions = {}): Variable {
    checkOptions(`addVariable of metric "${this.name}"`, options, ["shape", "initializer", "dtype", "name"]);
    const { shape = [], initializer = "zeros", dtype = this.dtype, name } = options;
    const settings = { dtype, trainable: false, autocast: false, ...(name === undefined ? {} : { name }) };
    // No weight: a metric may make its state when a layer's call updates it.
    const variable = watchingVariables(null, () =>
      nameScope(this.name.replaceAll("/", ">"), () =>
        initializer === "zeros"
          ? zerosVariable(shape, settings)
          : new Variable(getInitializer(initializer), { ...settings, shape }),
      ),
    );
    this.#variables.push(variable);
    return variable;
  }

  /** The state: own variables, then those of metrics held in properties. */
  get variables(): Variable[] {
    const inner = Object.values(this).filter((value): value is Metric => value instanceof Metric);
    return [...this.#variables, ...inner.flatMap((metric) => metric.variables)];
  }
}
