/** Any values into a fixed number of bins, without a vocabulary. */
import { floatx } from "../../core/config.ts";
import type { DType } from "../../core/dtype.ts";
import { describe } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import type { Nested } from "../../core/tree.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkPositiveInteger } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import type { LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkSalt, hashToBins, type Salt } from "./hashBins.ts";
import { encodedShape, encodeOnHost, type OutputMode } from "./hostEncoding.ts";
import { HostLayerBase, hostTensor } from "./hostLayer.ts";
import { outputMode, refuseSparse } from "./preprocessingChecks.ts";
import { flatValues, type HostValue, mapRows, readRows } from "./tokenRows.ts";

/** How bins become numbers. */
export type HashingMode = Exclude<OutputMode, "tf_idf">;

/** Options of {@link Hashing}. */
export interface HashingOptions extends LayerOptions {
  /** A value that gets bin 0 for itself; all others share the bins from 1. @defaultValue `null` */
  maskValue?: string | number | null;
  /** Key of the hash: one integer, or two. With it the hash is SipHash, without FarmHash. @defaultValue `null` */
  salt?: Salt | null;
  /** `"int"`: the bin of each value. `"one_hot"`: a vector per value. `"multi_hot"`, `"count"`: a vector per sample. @defaultValue `"int"` */
  outputMode?: HashingMode | "binary";
  /** There are no sparse tensors here: only `false`. @defaultValue `false` */
  sparse?: boolean;
}

type HashingConfig = HashingOptions & { numBins: number };

/**
 * Maps strings or integers to bins by a hash: the same bin for the same value, always and everywhere.
 *
 * Works on the host, in a model right after an `Input`. Floats lose their fraction before they are hashed.
 *
 * Shapes: any → the same with `"int"`; (…, values) → (…, values, numBins) with `"one_hot"`, (…, numBins) otherwise.
 *
 * @param numBins - Number of bins; a positive integer.
 * @example
 * await layers.Hashing(3)([["A"], ["B"], ["C"]]).array(); // [[1], [0], [1]]
 * @see keras/src/layers/preprocessing/hashing.py (Keras 3.x): same bins.
 */
export class HashingBase extends HostLayerBase {
  static readonly className: string = "Hashing";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    numBins: "num_bins",
    salt: "salt",
    maskValue: "mask_value",
    outputMode: "output_mode",
    sparse: "sparse",
  };

  readonly numBins: number;
  readonly salt: readonly [number | bigint, number | bigint] | null;
  readonly maskValue: string | number | null;
  readonly outputMode: HashingMode;

  constructor(numBins: number | HashingConfig, options: HashingOptions = {}) {
    const {
      numBins: count,
      maskValue = null,
      salt = null,
      outputMode: mode = "int",
      sparse = false,
      dtype = null,
      ...base
    } = positionalOption<HashingConfig>("Hashing", "numBins", numBins, options);
    super({ ...base, dtype: dtype ?? (mode === "int" ? "int64" : floatx()) });
    this.numBins = checkPositiveInteger(this, "numBins", count);
    this.outputMode = outputMode(this, mode, ["int", "one_hot", "multi_hot", "count"]);
    if (this.outputMode === "int" && !["int32", "int64"].includes(this.computeDtype)) {
      throw new RangeError(
        `${placeOf(this)}: with \`outputMode: "int"\`, \`dtype\` must be "int32" or "int64". Received: dtype="${this.computeDtype}"`,
      );
    }
    refuseSparse(this, sparse);
    this.salt = checkSalt(this, salt);
    if (maskValue !== null && typeof maskValue !== "string" && typeof maskValue !== "number") {
      throw new TypeError(
        `${placeOf(this)}: expected \`maskValue\` to be a string or a number. Received: maskValue=${describe(maskValue)}`,
      );
    }
    this.maskValue = maskValue;
  }

  override call(inputs: unknown): Tensor {
    const { maskValue, numBins } = this;
    const where = placeOf(this);
    const masks = maskValue !== null && numBins > 1;
    const bin = hashToBins(masks ? numBins - 1 : numBins, this.salt);
    const bins = mapRows(readRows(inputs, where), (value: HostValue): number => {
      if (!masks) return bin(value);
      if (typeof value !== typeof maskValue) {
        throw new TypeError(
          `${where}: \`maskValue\` ${describe(maskValue)} is of another type than the inputs. Received: ${describe(value)}`,
        );
      }
      return value === maskValue ? 0 : bin(value) + 1;
    });
    const dtype = this.computeDtype as DType;
    if (this.outputMode !== "int") return encodeOnHost(bins, this.outputMode, numBins, dtype, null, where);
    const { flat, shape } = flatValues(bins, where);
    return hostTensor(flat, shape, dtype);
  }

  protected override outputSpec(inputs: Nested<KerasTensor>): { shape: Shape; dtype: DType } {
    if (!(inputs instanceof KerasTensor)) throw new TypeError(`expected one input. Received: ${describe(inputs)}`);
    return { shape: encodedShape(inputs.shape, this.outputMode, this.numBins), dtype: this.computeDtype as DType };
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      num_bins: this.numBins,
      salt: this.salt,
      mask_value: this.maskValue,
      output_mode: this.outputMode,
      sparse: false,
    };
  }
}

export const Hashing = layerClass(HashingBase);
export type Hashing = InstanceType<typeof Hashing>;
