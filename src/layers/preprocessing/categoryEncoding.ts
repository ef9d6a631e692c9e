/** Category numbers as vectors. */
import type { DType } from "../../core/dtype.ts";
import { describe } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import { peekValue } from "../../runtime/evaluate.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkPositiveInteger } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import { type CallOptions, LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { encodeTensor } from "./categoricalEncoding.ts";
import { outputMode, refuseSparse } from "./preprocessingChecks.ts";

/** Options of {@link CategoryEncoding}. */
export interface CategoryEncodingOptions extends LayerOptions {
  /** `"one_hot"`: a vector per number. `"multi_hot"`, `"count"`: a vector per sample, the last axis. @defaultValue `"multi_hot"` */
  outputMode?: "one_hot" | "multi_hot" | "count" | "binary";
  /** There are no sparse tensors here: only `false`. @defaultValue `false` */
  sparse?: boolean;
}

type CategoryEncodingConfig = CategoryEncodingOptions & { numTokens: number };

/** What a call takes besides its inputs. */
export interface CategoryEncodingCall extends CallOptions {
  /** With `"count"`: what each occurrence counts, in the shape of the inputs. */
  countWeights?: Tensor;
}

/**
 * Encodes integers from 0 to `numTokens` − 1 as vectors. Without a last axis of its own (`"one_hot"` of shape (…, 1)) none is added.
 *
 * Integers outside of that range are an error where the numbers are at hand; inside a compiled program they give zeros.
 *
 * Shapes: (…, values) → (…, values, numTokens) with `"one_hot"`, (…, numTokens) otherwise.
 *
 * @param numTokens - Width of the vectors; a positive integer.
 * @throws RangeError for an integer that is not below `numTokens`, saying which and where.
 * @example
 * layers.CategoryEncoding(4)([[0, 1], [0, 0], [1, 2], [3, 1]]).shape; // [4, 4]
 * @see keras/src/layers/preprocessing/category_encoding.py (Keras 3.x): same vectors; no sparse results.
 */
export class CategoryEncodingBase extends LayerBase {
  static readonly className: string = "CategoryEncoding";
  static readonly modulePath: string = "keras.layers";
  static override readonly callKeys: Readonly<Record<string, string>> = { countWeights: "count_weights" };
  static override readonly configKeys: Readonly<Record<string, string>> = {
    numTokens: "num_tokens",
    outputMode: "output_mode",
  };

  readonly numTokens: number;
  readonly outputMode: "one_hot" | "multi_hot" | "count";

  constructor(numTokens: number | CategoryEncodingConfig, options: CategoryEncodingOptions = {}) {
    const {
      numTokens: count,
      outputMode: mode = "multi_hot",
      sparse = false,
      ...base
    } = positionalOption<CategoryEncodingConfig>("CategoryEncoding", "numTokens", numTokens, options);
    super(base);
    if (count === undefined || count === null) {
      throw new TypeError(
        `${placeOf(this)}: \`numTokens\` must be given. When it is not known, use IntegerLookup, which learns it`,
      );
    }
    this.numTokens = checkPositiveInteger(this, "numTokens", count);
    this.outputMode = outputMode(this, mode, ["one_hot", "multi_hot", "count"]);
    refuseSparse(this, sparse);
    this.autocast = false;
    this.supportsMasking = false;
  }

  override call(inputs: Tensor, { countWeights = undefined }: CategoryEncodingCall = {}): Tensor {
    if (countWeights !== undefined && this.outputMode !== "count") {
      throw new RangeError(
        `\`countWeights\` are for \`outputMode: "count"\`. Received: outputMode="${this.outputMode}"`,
      );
    }
    this.#checkRange(inputs);
    const dtype = this.computeDtype as DType;
    return encodeTensor(inputs, this.outputMode, this.numTokens, dtype, { countWeights: countWeights ?? null });
  }

  #checkRange(inputs: Tensor): void {
    const data = peekValue(inputs.node);
    if (!data) return;
    for (let i = 0; i < data.length; i++) {
      const value = Number(data[i]);
      if (value >= 0 && value < this.numTokens) continue;
      const place: number[] = [];
      let rest = i;
      for (const d of inputs.shape.toReversed()) {
        place.unshift(rest % d);
        rest = Math.floor(rest / d);
      }
      throw new RangeError(
        `expected integers from 0 to ${this.numTokens - 1} (\`numTokens\` − 1). Received: ${describe(value)} at ` +
          `${formatShape(place)} of inputs of shape ${formatShape(declaredShape(inputs.shape))}. Raise \`numTokens\`, or look the ` +
          "values up first (IntegerLookup)",
      );
    }
  }

  override getConfig(): Config {
    return { ...super.getConfig(), num_tokens: this.numTokens, output_mode: this.outputMode };
  }
}

export const CategoryEncoding = layerClass(CategoryEncodingBase);
export type CategoryEncoding = InstanceType<typeof CategoryEncoding>;
