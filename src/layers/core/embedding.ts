/** The table of vectors. */
import * as constraints from "../../constraints/index.ts";
import { describe } from "../../core/errors.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { TensorLike } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import * as regularizers from "../../regularizers/index.ts";
import { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { positionalOption } from "../callArguments.ts";
import { checkBoolean, checkPositiveInteger } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import { type InputShape, LayerBase, type LayerOptions, type Mask } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { useIds } from "./idUse.ts";
import { LORA_KEYS, Lora, type LoraOptions } from "./lora.ts";

/** Options of {@link Embedding}. */
export interface EmbeddingOptions extends LayerOptions, LoraOptions {
  /** @defaultValue `"uniform"` */
  embeddingsInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  embeddingsRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  embeddingsConstraint?: constraints.ConstraintLike | null;
  /** Whether id 0 is padding, which layers after this one skip. @defaultValue `false` */
  maskZero?: boolean;
  /** The table to start from, of shape (inputDim, outputDim). @defaultValue `null`, made by the initializer */
  weights?: TensorLike | readonly [TensorLike] | null;
}

type EmbeddingConfig = EmbeddingOptions & { inputDim: number; outputDim: number };

/**
 * A table of vectors that are trained: each integer becomes the row of that number.
 *
 * Ids are integers from 0 to `inputDim` − 1; fractions are cut off and negative ids count from the end, as in Keras.
 *
 * Shapes: ids (…) → (…, outputDim). With `maskZero` the output's mask, of the shape of the ids, is false where the id is 0.
 * Weights: `embeddings` (inputDim, outputDim).
 *
 * @param inputDim - Rows of the table: the largest id plus one.
 * @param outputDim - Length of a vector.
 * @throws RangeError when a size is not a positive integer, and for an id that is no row, wherever ids are known.
 * @throws ShapeError when `weights` has another shape than the table.
 * @example
 * const words = keras.Input({ shape: [null], dtype: "int32" });
 * const x = layers.Embedding(10_000, 64, { maskZero: true })(words);
 * x.shape; // [null, null, 64]
 * @see keras/src/layers/core/embedding.py (Keras 3.x): no quantization.
 */
export class EmbeddingBase extends LayerBase {
  static readonly className: string = "Embedding";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    inputDim: "input_dim",
    outputDim: "output_dim",
    embeddingsInitializer: "embeddings_initializer",
    embeddingsRegularizer: "embeddings_regularizer",
    embeddingsConstraint: "embeddings_constraint",
    maskZero: "mask_zero",
    weights: "weights",
    ...LORA_KEYS,
  };
  static readonly ignoredConfigKeys: readonly string[] = ["quantization_config"];

  readonly inputDim: number;
  readonly outputDim: number;
  readonly embeddingsInitializer: initializers.InitializerFunction;
  readonly embeddingsRegularizer: regularizers.RegularizerFunction | null;
  readonly embeddingsConstraint: constraints.ConstraintFunction | null;
  readonly maskZero: boolean;
  /** The low-rank adaptation of the table. */
  readonly lora: Lora;
  /** (inputDim, outputDim); `null` before the layer is built. With LoRA on, without what that adds. */
  embeddings: Variable | null = null;

  constructor(
    inputDim: number | EmbeddingConfig,
    outputDim?: number | (EmbeddingOptions & { outputDim: number }),
    options: EmbeddingOptions = {},
  ) {
    const {
      inputDim: rows,
      outputDim: width,
      embeddingsInitializer = "uniform",
      embeddingsRegularizer = null,
      embeddingsConstraint = null,
      maskZero = false,
      weights = null,
      loraRank = null,
      loraAlpha = null,
      ...base
    } = positionalOption<EmbeddingConfig>(
      "Embedding",
      "inputDim",
      inputDim,
      positionalOption<EmbeddingOptions & { outputDim: number }>("Embedding", "outputDim", outputDim, options),
    );
    refuseQuantization(base);
    super(base);
    this.inputDim = checkPositiveInteger(this, "inputDim", rows);
    this.outputDim = checkPositiveInteger(this, "outputDim", width);
    this.embeddingsInitializer = initializers.get(embeddingsInitializer);
    this.embeddingsRegularizer = regularizers.get(embeddingsRegularizer);
    this.embeddingsConstraint = constraints.get(embeddingsConstraint);
    this.maskZero = checkBoolean(this, "maskZero", maskZero);
    this.supportsMasking = this.maskZero;
    this.autocast = false;
    this.lora = new Lora(this, { loraRank, loraAlpha });
    if (weights === null) return;
    this.build();
    this.setWeights(isListOfOne(weights) ? weights : [weights]);
  }

  override build(_inputShape?: InputShape): void {
    this.embeddings = this.addWeight({
      name: "embeddings",
      shape: [this.inputDim, this.outputDim],
      initializer: this.embeddingsInitializer,
      regularizer: this.embeddingsRegularizer,
      constraint: this.embeddingsConstraint,
    });
    this.lora.addIfStated(this.embeddings);
  }

  /**
   * Turns LoRA on: freezes the table and trains two thin matrices beside it: from now on the layer computes with
   * embeddings + (loraAlpha / rank) · a·b. Compile the model again afterwards.
   *
   * Weights: `lora.a` (inputDim, rank), `lora.b` (rank, outputDim).
   *
   * @param loraAlpha - @defaultValue `rank`
   * @throws Error when the layer is not built, has LoRA already, or has an `embeddingsConstraint`.
   */
  enableLora(
    rank: number,
    loraAlpha: number | null = null,
    aInitializer: initializers.InitializerLike = "he_uniform",
    bInitializer: initializers.InitializerLike = "zeros",
  ): void {
    this.lora.enable(this.embeddings, rank, loraAlpha, aInitializer, bInitializer);
  }

  override call(inputs: Tensor): Tensor {
    useIds({ where: placeOf(this), rows: this.inputDim }, inputs);
    const ids = inputs.dtype === "int32" || inputs.dtype === "int64" ? inputs : ops.cast(inputs, "int32");
    return ops.cast(this.lora.adaptedRows(this.embeddings!, ids), this.computeDtype);
  }

  override saveOwnVariables(store: VariableStore): void {
    if (this.lora.enabled) this.lora.save(store, this.ownVariables);
    else super.saveOwnVariables(store);
  }

  override loadOwnVariables(store: VariableStore): void {
    if (this.lora.enabled) this.lora.load(store, this.ownVariables);
    else super.loadOwnVariables(store);
  }

  override computeMask(inputs: unknown): Mask {
    return this.maskZero ? ops.notEqual(inputs as Tensor, 0) : null;
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      input_dim: this.inputDim,
      output_dim: this.outputDim,
      embeddings_initializer: initializers.serialize(this.embeddingsInitializer),
      embeddings_regularizer: this.embeddingsRegularizer && regularizers.serialize(this.embeddingsRegularizer),
      activity_regularizer: this.activityRegularizer && regularizers.serialize(this.activityRegularizer),
      embeddings_constraint: this.embeddingsConstraint && constraints.serialize(this.embeddingsConstraint),
      mask_zero: this.maskZero,
      quantization_config: null,
      ...this.lora.getConfig(),
    };
  }
}

/** Whether the table came as Keras's list of weights; nested numbers are the table itself. */
const isListOfOne = (weights: TensorLike | readonly [TensorLike]): weights is readonly [TensorLike] => {
  const [first, ...more] = Array.isArray(weights) ? (weights as readonly unknown[]) : [];
  return more.length === 0 && (first instanceof Tensor || (Array.isArray(first) && Array.isArray(first[0])));
};

/** @throws TypeError for quantization, which files and Python code may ask for. */
function refuseQuantization(options: LayerOptions & { quantizationConfig?: unknown }): void {
  const { quantizationConfig: value } = options;
  if (value === undefined) return;
  if (value !== null) {
    throw new TypeError(
      `Embedding: quantization is not supported. Received: quantizationConfig=${describe(value)}. Train the whole table, ` +
        "freeze it with `trainable: false`, or train little of it with `loraRank`",
    );
  }
  delete options.quantizationConfig;
}

export const Embedding = layerClass(EmbeddingBase);
export type Embedding = InstanceType<typeof Embedding>;
