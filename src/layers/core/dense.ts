/** The fully connected layer. */
import * as activations from "../../activations/index.ts";
import * as constraints from "../../constraints/index.ts";
import type { Shape } from "../../core/shape.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { positionalOption } from "../callArguments.ts";
import { checkBoolean, checkPositiveInteger } from "../checks.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { LORA_KEYS, Lora, type LoraOptions } from "./lora.ts";

/** Options of {@link Dense}. */
export interface DenseOptions extends LayerOptions, LoraOptions {
  /** Applied to the result. @defaultValue `null` (linear) */
  activation?: activations.ActivationLike | null;
  /** Adds a trained offset per unit. @defaultValue `true` */
  useBias?: boolean;
  /** @defaultValue `"glorot_uniform"` */
  kernelInitializer?: initializers.InitializerLike;
  /** @defaultValue `"zeros"` */
  biasInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  kernelRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  biasRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  kernelConstraint?: constraints.ConstraintLike | null;
  /** @defaultValue `null` */
  biasConstraint?: constraints.ConstraintLike | null;
}

type DenseConfig = DenseOptions & { units: number };

/**
 * Fully connected layer: `y = activation(x · kernel + bias)`.
 *
 * Inputs of more axes are multiplied along their last axis, with the same weights everywhere.
 *
 * Shapes: `x` (batch, …, inputDim) → `y` (batch, …, units).
 * Weights: `kernel` (inputDim, units), `bias` (units).
 *
 * @param units - Width of the output; a positive integer.
 * @throws RangeError when `units` is not a positive integer.
 * @throws ShapeError for inputs of fewer than two axes, or whose last axis differs from the one it was built with.
 * @example
 * const y = layers.Dense(2)(ops.ones([3, 4]));
 * y.shape; // [3, 2]
 * @see keras/src/layers/core/dense.py (Keras 3.x): same maths; no quantization.
 */
export class DenseBase extends LayerBase {
  static readonly className: string = "Dense";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    units: "units",
    activation: "activation",
    useBias: "use_bias",
    kernelInitializer: "kernel_initializer",
    biasInitializer: "bias_initializer",
    kernelRegularizer: "kernel_regularizer",
    biasRegularizer: "bias_regularizer",
    kernelConstraint: "kernel_constraint",
    biasConstraint: "bias_constraint",
    ...LORA_KEYS,
  };
  static readonly ignoredConfigKeys: readonly string[] = ["quantization_config"];

  readonly units: number;
  readonly activation: activations.ActivationFunction;
  readonly useBias: boolean;
  readonly kernelInitializer: initializers.InitializerFunction;
  readonly biasInitializer: initializers.InitializerFunction;
  readonly kernelRegularizer: regularizers.RegularizerFunction | null;
  readonly biasRegularizer: regularizers.RegularizerFunction | null;
  readonly kernelConstraint: constraints.ConstraintFunction | null;
  readonly biasConstraint: constraints.ConstraintFunction | null;
  /** The low-rank adaptation of the kernel. */
  readonly lora: Lora;
  /** (inputDim, units); `null` before the layer is built. With LoRA on, without what that adds. */
  kernel: Variable | null = null;
  /** (units); `null` before the layer is built, or without bias. */
  bias: Variable | null = null;

  constructor(units: number | DenseConfig, options: DenseOptions = {}) {
    const {
      units: width,
      activation,
      useBias = true,
      kernelInitializer = "glorot_uniform",
      biasInitializer = "zeros",
      kernelRegularizer = null,
      biasRegularizer = null,
      kernelConstraint = null,
      biasConstraint = null,
      loraRank = null,
      loraAlpha = null,
      ...base
    } = positionalOption<DenseConfig>("Dense", "units", units, options);
    super(base);
    this.units = checkPositiveInteger(this, "units", width);
    this.activation = activations.get(activation);
    this.useBias = checkBoolean(this, "useBias", useBias);
    this.kernelInitializer = initializers.get(kernelInitializer);
    this.biasInitializer = initializers.get(biasInitializer);
    this.kernelRegularizer = regularizers.get(kernelRegularizer);
    this.biasRegularizer = regularizers.get(biasRegularizer);
    this.kernelConstraint = constraints.get(kernelConstraint);
    this.biasConstraint = constraints.get(biasConstraint);
    this.lora = new Lora(this, { loraRank, loraAlpha });
    this.inputSpec = new InputSpec({ minNdim: 2 });
    this.supportsMasking = true;
  }

  override build(inputShape: Shape): void {
    const inputDim = inputShape.at(-1) as number;
    this.kernel = this.addWeight({
      name: "kernel",
      shape: [inputDim, this.units],
      initializer: this.kernelInitializer,
      regularizer: this.kernelRegularizer,
      constraint: this.kernelConstraint,
    });
    if (this.useBias) {
      this.bias = this.addWeight({
        name: "bias",
        shape: [this.units],
        initializer: this.biasInitializer,
        regularizer: this.biasRegularizer,
        constraint: this.biasConstraint,
      });
    }
    this.inputSpec = new InputSpec({ minNdim: 2, axes: { [-1]: inputDim } });
    this.lora.addIfStated(this.kernel);
  }

  /**
   * Turns LoRA on: freezes the kernel and trains two thin matrices beside it: from now on the layer computes with
   * kernel + (loraAlpha / rank) · a·b. Compile the model again afterwards.
   *
   * Weights: `lora.a` (inputDim, rank), `lora.b` (rank, units).
   *
   * @param loraAlpha - @defaultValue `rank`
   * @throws Error when the layer is not built, has LoRA already, or has a `kernelConstraint`.
   */
  enableLora(
    rank: number,
    loraAlpha: number | null = null,
    aInitializer: initializers.InitializerLike = "he_uniform",
    bInitializer: initializers.InitializerLike = "zeros",
  ): void {
    this.lora.enable(this.kernel, rank, loraAlpha, aInitializer, bInitializer);
  }

  override call(inputs: Tensor): Tensor {
    const x = ops.matmul(inputs, this.lora.adapted(this.kernel!));
    return this.activation(this.bias ? ops.add(x, this.bias) : x);
  }

  override saveOwnVariables(store: VariableStore): void {
    if (this.lora.enabled) this.lora.save(store, this.ownVariables);
    else super.saveOwnVariables(store);
  }

  override loadOwnVariables(store: VariableStore): void {
    if (this.lora.enabled) this.lora.load(store, this.ownVariables);
    else super.loadOwnVariables(store);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      units: this.units,
      activation: activations.serialize(this.activation),
      use_bias: this.useBias,
      kernel_initializer: initializers.serialize(this.kernelInitializer),
      bias_initializer: initializers.serialize(this.biasInitializer),
      kernel_regularizer: this.kernelRegularizer && regularizers.serialize(this.kernelRegularizer),
      bias_regularizer: this.biasRegularizer && regularizers.serialize(this.biasRegularizer),
      kernel_constraint: this.kernelConstraint && constraints.serialize(this.kernelConstraint),
      bias_constraint: this.biasConstraint && constraints.serialize(this.biasConstraint),
      quantization_config: null,
      ...this.lora.getConfig(),
    };
  }
}

export const Dense = layerClass(DenseBase);
export type Dense = InstanceType<typeof Dense>;
