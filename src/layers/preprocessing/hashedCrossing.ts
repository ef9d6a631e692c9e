/** Several features as one: their combination, hashed into bins. */
import type { DType } from "../../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape, shapesCompatible } from "../../core/shape.ts";
import type { Nested } from "../../core/tree.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkPositiveInteger } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import type { LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { concatenateFingerprints, fingerprint64 } from "./farmHash.ts";
import { encodedShape, encodeOnHost } from "./hostEncoding.ts";
import { HostLayerBase, hostTensor } from "./hostLayer.ts";
import { outputMode, refuseSparse } from "./preprocessingChecks.ts";
import { flatValues, type HostValue, readRows, rowsFromFlat } from "./tokenRows.ts";

/** Options of {@link HashedCrossing}. */
export interface HashedCrossingOptions extends LayerOptions {
  /** `"int"`: the bin of each combination. `"one_hot"`: a vector for it. @defaultValue `"int"` */
  outputMode?: "int" | "one_hot";
  /** There are no sparse tensors here: only `false`. @defaultValue `false` */
  sparse?: boolean;
}

type HashedCrossingConfig = HashedCrossingOptions & { numBins: number };

/** With which TensorFlow begins a cross. */
const HASH_KEY = 0xdecafcaffen;

const encoder = new TextEncoder();

/** Strings by their fingerprint, integers as they are. */
const featureOf = (value: HostValue): bigint =>
  typeof value === "string" ? fingerprint64(encoder.encode(value)) : BigInt.asUintN(64, BigInt(value));

/**
 * Crosses features: the combination of one value of each is hashed into one of `numBins` bins.
 *
 * Works on the host, on a list of two or more arrays of strings or integers; in a model right after `Input`s.
 *
 * Shapes: a list of (), (batch,) or (batch, 1) → the same shape with `"int"`, (batch, numBins) with `"one_hot"`.
 *
 * @param numBins - Number of bins; a positive integer.
 * @example
 * const cross = layers.HashedCrossing(5);
 * await cross([["A", "B"], [101, 102]]).array(); // a bin per pair
 * @see keras/src/layers/preprocessing/hashed_crossing.py (Keras 3.x): same bins.
 */
export class HashedCrossingBase extends HostLayerBase {
  static readonly className: string = "HashedCrossing";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    numBins: "num_bins",
    outputMode: "output_mode",
    sparse: "sparse",
  };

  readonly numBins: number;
  readonly outputMode: "int" | "one_hot";

  constructor(numBins: number | HashedCrossingConfig, options: HashedCrossingOptions = {}) {
    const {
      numBins: count,
      outputMode: mode = "int",
      sparse = false,
      dtype = null,
      ...base
    } = positionalOption<HashedCrossingConfig>("HashedCrossing", "numBins", numBins, options);
    super({ ...base, dtype: dtype ?? (mode === "int" ? "int64" : null) });
    this.numBins = checkPositiveInteger(this, "numBins", count);
    this.outputMode = outputMode(this, mode, ["int", "one_hot"]);
    refuseSparse(this, sparse);
  }

  #checkFeatures<T>(inputs: unknown): readonly T[] {
    if (Array.isArray(inputs) && inputs.length >= 2) return inputs as T[];
    throw new TypeError(
      `${placeOf(this)}: it is called on a list of at least two features. Received: ${describe(inputs)}`,
    );
  }

  #checkShapes(shapes: readonly Shape[]): Shape {
    const [first] = shapes as [Shape];
    if (first.length > 2 || (first.length === 2 && first[1] !== 1)) {
      throw new ShapeError(
        `${placeOf(this)}: features must be of shape (), (batch,) or (batch, 1). Received: ${formatShape(first)}`,
      );
    }
    const other = shapes.find((shape) => shape.length !== first.length || !shapesCompatible(first, shape));
    if (!other) return first;
    throw new ShapeError(
      `${placeOf(this)}: all features must have one shape. Received: ${shapes.map(formatShape).join(", ")}`,
    );
  }

  override call(inputs: unknown): Tensor {
    const where = placeOf(this);
    const features = this.#checkFeatures<unknown>(inputs).map((x) => flatValues(readRows(x, where), where));
    const shape = this.#checkShapes(features.map((feature) => feature.shape)) as number[];
    const broken = features.flatMap(({ flat }) => flat).find((x) => typeof x !== "string" && !Number.isInteger(x));
    if (broken !== undefined) {
      throw new DTypeError(
        `${where}: features must be strings or integers. Received: ${describe(broken)}. For floats use Discretization first`,
      );
    }
    const count = BigInt(this.numBins);
    const bins = features[0]!.flat.map((_, i) => {
      const hash = features.reduce((h, { flat }) => concatenateFingerprints(h, featureOf(flat[i]!)), HASH_KEY);
      return Number(hash % count);
    });
    const dtype = this.computeDtype as DType;
    if (this.outputMode === "int") return hostTensor(bins, shape, dtype);
    return encodeOnHost(rowsFromFlat(bins, shape), "one_hot", this.numBins, dtype, null, where);
  }

  protected override outputSpec(inputs: Nested<KerasTensor>): { shape: Shape; dtype: DType } {
    const features = this.#checkFeatures<KerasTensor>(inputs);
    const stranger = features.find((x) => !(x instanceof KerasTensor) || !/^(string|u?int)/.test(x.dtype));
    if (stranger) {
      throw new DTypeError(`features must be of dtype "string" or of an integer dtype. Received: ${stranger}`);
    }
    const shape = this.#checkShapes(features.map((x) => x.shape));
    return { shape: encodedShape(shape, this.outputMode, this.numBins), dtype: this.computeDtype as DType };
  }

  override getConfig(): Config {
    return {
      num_bins: this.numBins,
      output_mode: this.outputMode,
      sparse: false,
      name: this.name,
      dtype: this.dtype,
    };
  }
}

export const HashedCrossing = layerClass(HashedCrossingBase);
export type HashedCrossing = InstanceType<typeof HashedCrossing>;
