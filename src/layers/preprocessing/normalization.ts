/** Features brought to mean 0 and variance 1. */
import { epsilon } from "../../core/config.ts";
import type { DType } from "../../core/dtype.ts";
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { type NumberArray, Tensor, tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { tensorConfig } from "../../serialization/values.ts";
import { positionalOption } from "../callArguments.ts";
import { checkBoolean } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { type AdaptData, forEachBatch } from "./adaptBatches.ts";
import { Moments } from "./moments.ts";
import { numbersOf } from "./numericData.ts";

/** Options of {@link Normalization}. */
export interface NormalizationOptions extends LayerOptions {
  /** Axes that have a mean and a variance for each of their positions; `null`: one for all numbers. @defaultValue `-1` */
  axis?: number | readonly number[] | null;
  /** The means, instead of learning them: one number, or one per position along `axis`. @defaultValue `null` */
  mean?: NumberArray | Tensor | null;
  /** The variances, in the shape of `mean`. @defaultValue `null` */
  variance?: NumberArray | Tensor | null;
  /** Brings normalized numbers back to their range. @defaultValue `false` */
  invert?: boolean;
}

/**
 * Shifts and scales features: `y = (x − mean) / max(√variance, epsilon())`, with means and variances of data that
 * `adapt` saw, or given ones.
 *
 * Shapes: any → the same.
 * Weights: `mean`, `variance` (sizes of `axis`), `count` (), none of them trained; no weights when they are given.
 *
 * @param axis - See the option.
 * @throws TypeError when only one of `mean` and `variance` is given; ShapeError when they do not fit each other or `axis`.
 * @example
 * const normalize = layers.Normalization();
 * await normalize.adapt([[0, 7], [2, 9], [0, 7], [2, 9]]);
 * await normalize([[0, 7]]).array(); // [[-1, -1]]
 * @see keras/src/layers/preprocessing/normalization.py (Keras 3.x)
 */
export class NormalizationBase extends LayerBase {
  static readonly className: string = "Normalization";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    axis: "axis",
    invert: "invert",
    mean: "mean",
    variance: "variance",
  };

  readonly axis: readonly number[];
  readonly invert: boolean;
  readonly inputMean: NumberArray | Tensor | null;
  readonly inputVariance: NumberArray | Tensor | null;
  declare adaptMean: Variable | undefined;
  declare adaptVariance: Variable | undefined;
  declare count: Variable | undefined;
  #keptAxes: readonly number[] = [];
  #buildShape: Shape | null = null;

  constructor(
    axis?: number | readonly number[] | null | NormalizationOptions,
    options: Omit<NormalizationOptions, "axis"> = {},
  ) {
    const {
      axis: axes = -1,
      mean = null,
      variance = null,
      invert = false,
      ...base
    } = positionalOption<NormalizationOptions>("Normalization", "axis", axis, options);
    super(base);
    this.axis = this.#checkAxes(axes === null ? [] : typeof axes === "number" ? [axes] : axes);
    this.invert = checkBoolean(this, "invert", invert);
    this.#checkMoments(mean, variance);
    this.inputMean = mean;
    this.inputVariance = variance;
    this.supportsMasking = true;
  }

  #checkAxes(axes: unknown): readonly number[] {
    if (Array.isArray(axes) && axes.every(Number.isInteger)) return [...axes];
    throw new TypeError(
      `${placeOf(this)}: expected \`axis\` to be an integer, a list of integers or null. Received: axis=${describe(axes)}`,
    );
  }

  #checkMoments(mean: unknown, variance: unknown): void {
    const where = placeOf(this);
    if ((mean === null) !== (variance === null)) {
      const missing = mean === null ? "mean" : "variance";
      throw new TypeError(
        `${where}: \`mean\` and \`variance\` are given together or learned together. Missing: \`${missing}\``,
      );
    }
    if (mean === null) return;
    const [m, v] = [mean, variance].map((x) => ops.convertToTensor(x as NumberArray).shape) as [number[], number[]];
    if (formatShape(m) !== formatShape(v)) {
      throw new ShapeError(
        `${where}: \`mean\` and \`variance\` must have one shape. Received: ${formatShape(m)} and ${formatShape(v)}`,
      );
    }
    if (m.length > this.axis.length) {
      throw new ShapeError(
        `${where}: \`mean\` has ${m.length} axes, but \`axis\` names ${this.axis.length}. Received: mean of shape ${formatShape(m)}, ` +
          `axis=[${this.axis.join(", ")}]`,
      );
    }
  }

  override build(inputShape: Shape): void {
    const ndim = inputShape.length;
    const bad = this.axis.find((a) => a < -ndim || a >= ndim);
    if (bad !== undefined) {
      throw new RangeError(
        `${placeOf(this)}: \`axis\` ${bad} is out of range for inputs of shape ${formatShape(inputShape)}`,
      );
    }
    this.#keptAxes = [...new Set(this.axis.map((a) => (a < 0 ? a + ndim : a)))].sort((a, b) => a - b);
    const open = this.#keptAxes.find((a) => inputShape[a] === null);
    if (open !== undefined) {
      throw new ShapeError(
        `${placeOf(this)}: the size of axis ${open} must be known, for each position has a mean. Received: inputs of shape ` +
          `${formatShape(inputShape)}. Give the size in \`Input({ shape })\``,
      );
    }
    this.#buildShape = inputShape;
    if (this.inputMean !== null) return;
    const shape = this.#keptAxes.map((a) => inputShape[a]!);
    const weight = { shape, trainable: false } as const;
    this.adaptMean = this.addWeight({ name: "mean", initializer: "zeros", ...weight });
    this.adaptVariance = this.addWeight({ name: "variance", initializer: "ones", ...weight });
    // Nothing counts with it; older files have it.
    this.count = this.addWeight({ name: "count", shape: [], dtype: "int32", initializer: "zeros", trainable: false });
  }

  /**
   * Learns mean and variance of every position along `axis`.
   *
   * @param data - An array or a tensor of samples; or batches from an iterable, of which `[x, y]` gives x.
   * @throws Error when they were given; ShapeError when the data differs from what the layer was built for.
   */
  async adapt(data: AdaptData): Promise<void> {
    const where = `adapt of ${placeOf(this)}`;
    if (this.inputMean !== null) {
      throw new Error(
        `${where}: its \`mean\` and \`variance\` were given, so there is nothing to learn. Leave them out to adapt it`,
      );
    }
    let moments: Moments | null = null;
    const add = async (batch: unknown): Promise<void> => {
      const { values, shape } = await numbersOf(batch, where);
      if (!this.built) this.build(shape);
      const kept = this.#keptAxes;
      if (shape.length !== this.#buildShape!.length || kept.some((a) => shape[a] !== this.#buildShape![a])) {
        throw new ShapeError(
          `${where}: the layer is for inputs of shape ${formatShape(this.#buildShape!)}. Received: data of shape ${formatShape(shape)}`,
        );
      }
      moments ??= new Moments(kept.map((a) => shape[a]!));
      moments.add(values, shape, kept);
    };
    const batches = await forEachBatch(this, data, null, add, (batch) =>
      // What a data set for training yields.
      add(Array.isArray(batch) && batch[0] instanceof Tensor ? batch[0] : batch),
    );
    if (!moments) throw new RangeError(`${where}: there was no data. Received: ${batches} batches`);
    const { mean, variance, shape } = moments as Moments;
    this.adaptMean!.assign(tensor(mean, shape, this.variableDtype));
    this.adaptVariance!.assign(tensor(variance, shape, this.variableDtype));
  }

  /** Mean and variance in a shape that broadcasts with the inputs. */
  #moment(given: NumberArray | Tensor | null, learned: Variable | undefined, ndim: number): Tensor {
    const values = given === null ? learned!.value : ops.convertToTensor(given);
    // Sizes stand for the last of the kept axes when there are fewer of them.
    const axes = values.ndim === 0 ? [] : this.#keptAxes.slice(-values.ndim);
    const shape = new Array<number>(ndim).fill(1);
    axes.forEach((axis, i) => {
      shape[axis] = values.shape[i]!;
    });
    return ops.cast(ops.reshape(values, shape), this.computeDtype as DType);
  }

  override call(inputs: Tensor): Tensor {
    const x = ops.cast(inputs, this.computeDtype as DType);
    const mean = this.#moment(this.inputMean, this.adaptMean, x.ndim);
    const variance = this.#moment(this.inputVariance, this.adaptVariance, x.ndim);
    const deviation = ops.maximum(ops.sqrt(variance), epsilon());
    return this.invert ? ops.add(mean, ops.multiply(x, deviation)) : ops.divide(ops.subtract(x, mean), deviation);
  }

  override getConfig(): Config {
    const numbers = (value: NumberArray | Tensor | null): unknown => {
      if (!(value instanceof Tensor) && !ArrayBuffer.isView(value)) return serializeObject(value);
      const { config } = tensorConfig(ops.convertToTensor(value), placeOf(this));
      return (config as { value: unknown }).value;
    };
    return {
      ...super.getConfig(),
      axis: [...this.axis],
      invert: this.invert,
      mean: numbers(this.inputMean),
      variance: numbers(this.inputVariance),
    };
  }
}

export const Normalization = layerClass(NormalizationBase);
export type Normalization = InstanceType<typeof Normalization>;
