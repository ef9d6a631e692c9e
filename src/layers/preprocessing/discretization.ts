/** Numbers as the ranges that they fall into. */
import { floatx } from "../../core/config.ts";
import { type DType, isFloat } from "../../core/dtype.ts";
import { describe } from "../../core/errors.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { type Tensor, tensor } from "../../runtime/tensor.ts";
import type { CustomObjects } from "../../serialization/registry.ts";
import { positionalOption } from "../callArguments.ts";
import { checkNumber } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { type AdaptData, forEachBatch } from "./adaptBatches.ts";
import { encodeTensor } from "./categoricalEncoding.ts";
import { numbersOf } from "./numericData.ts";
import { checkCount, outputMode, refuseSparse } from "./preprocessingChecks.ts";
import { binBoundaries, EMPTY_SUMMARY, mergeSummaries, type Summary, summarize } from "./quantiles.ts";
import type { AdaptOptions } from "./vocabularyLayer.ts";

/** Options of {@link Discretization}. */
export interface DiscretizationOptions extends LayerOptions {
  /** The rising numbers between the bins. Either these or `numBins`. @defaultValue `null` */
  binBoundaries?: readonly number[] | null;
  /** How many bins of about equal content `adapt` makes. @defaultValue `null` */
  numBins?: number | null;
  /** How exact the quantiles are that `adapt` estimates: the share that may be on the wrong side. @defaultValue `0.01` */
  epsilon?: number;
  /** `"int"`: the bin of each number, int32. `"one_hot"`: a vector per number. `"multi_hot"`, `"count"`: a vector per sample. @defaultValue `"int"` */
  outputMode?: "int" | "one_hot" | "multi_hot" | "count";
  /** There are no sparse tensors here: only `false`. @defaultValue `false` */
  sparse?: boolean;
}

/**
 * Maps numbers to bins: the bin of a number is how many boundaries are not above it.
 *
 * Shapes: any → the same with `"int"`; (…, values) → (…, values, bins) with `"one_hot"`; (batch, values) → (batch, bins) otherwise.
 *
 * @throws RangeError unless one of `binBoundaries` and `numBins` is given, or when boundaries do not rise.
 * @example
 * const bin = layers.Discretization({ binBoundaries: [0, 1, 2] });
 * await bin([[-1.5, 1, 3.4, 0.5], [0, 3, 1.3, 0]]).array(); // [[0, 2, 3, 1], [1, 3, 2, 1]]
 * @see keras/src/layers/preprocessing/discretization.py (Keras 3.x): same bins; no sparse results.
 */
export class DiscretizationBase extends LayerBase {
  static readonly className: string = "Discretization";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    binBoundaries: "bin_boundaries",
    numBins: "num_bins",
    epsilon: "epsilon",
    outputMode: "output_mode",
    sparse: "sparse",
  };

  readonly numBins: number | null;
  readonly epsilon: number;
  readonly outputMode: "int" | "one_hot" | "multi_hot" | "count";
  #boundaries: readonly number[] | null;
  #summary: Summary = EMPTY_SUMMARY;

  constructor(
    boundaries?: readonly number[] | null | DiscretizationOptions,
    options: Omit<DiscretizationOptions, "binBoundaries"> = {},
  ) {
    const {
      binBoundaries: given = null,
      numBins = null,
      epsilon = 0.01,
      outputMode: mode = "int",
      sparse = false,
      ...base
    } = positionalOption<DiscretizationOptions>("Discretization", "binBoundaries", boundaries, options);
    super(base);
    const where = placeOf(this);
    if ((given === null) === (numBins === null)) {
      throw new RangeError(
        `${where}: give either \`binBoundaries\` or \`numBins\`, for which \`adapt\` finds boundaries. Received: ` +
          `binBoundaries=${describe(given)}, numBins=${describe(numBins)}`,
      );
    }
    this.numBins = numBins === null ? null : checkCount(this, "numBins", numBins, 1);
    this.epsilon = checkNumber(this, "epsilon", epsilon, Number.MIN_VALUE, 1);
    this.outputMode = outputMode(this, mode, ["int", "one_hot", "multi_hot", "count"]);
    refuseSparse(this, sparse);
    this.#boundaries = given === null ? null : this.#checkBoundaries(given);
    this.supportsMasking = false;
  }

  #checkBoundaries(boundaries: unknown): readonly number[] {
    const where = placeOf(this);
    if (!Array.isArray(boundaries) || !boundaries.every((x) => typeof x === "number" && !Number.isNaN(x))) {
      throw new TypeError(
        `${where}: expected \`binBoundaries\` to be a list of numbers. Received: binBoundaries=${describe(boundaries)}`,
      );
    }
    const at = boundaries.findIndex((x, i) => i > 0 && x < boundaries[i - 1]!);
    if (at < 0) return [...boundaries];
    throw new RangeError(
      `${where}: \`binBoundaries\` must be sorted, the smallest first. Received: ${boundaries[at - 1]} before ${boundaries[at]}, ` +
        `at index ${at}`,
    );
  }

  /** The numbers between the bins; `null` before `adapt` found them. */
  get binBoundaries(): readonly number[] | null {
    return this.#boundaries;
  }

  /**
   * Finds boundaries that split the data into `numBins` bins of about equal content.
   *
   * @param data - An array or a tensor, or batches from an iterable.
   * @throws Error for a layer made with boundaries.
   */
  async adapt(data: AdaptData, options: AdaptOptions = {}): Promise<void> {
    if (this.numBins === null) {
      throw new Error(
        `adapt of ${placeOf(this)}: it was made with \`binBoundaries\`, so there is nothing to find. Give \`numBins\` instead`,
      );
    }
    this.resetState();
    const update = (batch: unknown): Promise<void> => this.updateState(batch);
    await forEachBatch(this, data, options.steps ?? null, update, update);
    this.finalizeState();
  }

  /** Adds a batch to what is known of the data. */
  async updateState(data: unknown): Promise<void> {
    const { values } = await numbersOf(data, `adapt of ${placeOf(this)}`);
    this.#summary = mergeSummaries(summarize(Float32Array.from(values), this.epsilon), this.#summary, this.epsilon);
  }

  /** Makes boundaries of what is known. */
  finalizeState(): void {
    if (this.numBins === null || this.#summary.values.length === 0) return;
    this.#boundaries = binBoundaries(this.#summary, this.numBins);
  }

  /** Forgets the data; the boundaries stay. */
  resetState(): void {
    this.#summary = EMPTY_SUMMARY;
  }

  override call(inputs: Tensor): Tensor {
    const boundaries = this.#boundaries;
    if (!boundaries) {
      throw new Error(
        "it has no boundaries yet. Find them, `await layer.adapt(data)`, or give them: the option `binBoundaries`",
      );
    }
    const x = isFloat(inputs.dtype) ? inputs : ops.cast(inputs, floatx());
    const bins =
      boundaries.length === 0
        ? ops.cast(ops.zerosLike(x), "int32")
        : ops.digitize(x, tensor([...boundaries], [boundaries.length], x.dtype));
    const dtype = this.outputMode === "int" ? "int32" : (this.computeDtype as DType);
    return encodeTensor(bins, this.outputMode, boundaries.length + 1, dtype, { sampleAxis: 1 });
  }

  override getConfig(): Config {
    return {
      bin_boundaries: this.#boundaries,
      num_bins: this.numBins,
      epsilon: this.epsilon,
      output_mode: this.outputMode,
      sparse: false,
      name: this.name,
      dtype: this.dtype,
    };
  }

  /** After `adapt` the config holds both the boundaries and the number of bins. */
  static override fromConfig(config: Config, customObjects?: CustomObjects): object {
    const { bin_boundaries: boundaries, num_bins: bins } = config;
    const both = (boundaries ?? null) !== null && (bins ?? null) !== null;
    const make = (given: Config): object => LayerBase.fromConfig.call(this, given, customObjects);
    if (!both) return make(config);
    const layer = make({ ...config, bin_boundaries: null }) as DiscretizationBase;
    layer.#boundaries = layer.#checkBoundaries(boundaries);
    return layer;
  }
}

export const Discretization = layerClass(DiscretizationBase);
export type Discretization = InstanceType<typeof Discretization>;
