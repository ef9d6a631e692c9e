/** The fully connected layer along any axes. */
import * as activations from "../../activations/index.ts";
import * as constraints from "../../constraints/index.ts";
import { describe } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import * as initializers from "../../initializers/index.ts";
import { renewed } from "../../initializers/initializer.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { positionalOption } from "../callArguments.ts";
import { placeOf, withTrail } from "../errorTrail.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkEquation, einsumShapes } from "./einsumEquation.ts";
import { LORA_KEYS, Lora, type LoraOptions } from "./lora.ts";

/** Options of {@link EinsumDense}. */
export interface EinsumDenseOptions extends LayerOptions, LoraOptions {
  /**
   * Sizes of the output without the batch and without the axes that `...` stands for; `null` where the input tells.
   * A number is a list of one.
   */
  outputShape?: number | readonly (number | null)[];
  /** Applied to the result. @defaultValue `null` (linear) */
  activation?: activations.ActivationLike | null;
  /** Axes of the output that have a trained offset, as letters of the equation. @defaultValue `null`, no offset */
  biasAxes?: string | null;
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

type EinsumDenseConfig = EinsumDenseOptions & { equation: string };

/**
 * Multiplies its input with a kernel along the axes that an equation names: `activation(einsum(equation, x, kernel) + bias)`.
 *
 * Weights: `kernel` and `bias`, of the shapes that the equation and the sizes give.
 *
 * @param equation - One input times the kernel: `"ab,bc->ac"`, `"...x,xy->...y"`; the first axis is the batch.
 * @throws RangeError for an equation of another form, or an axis that has no place in it.
 * @throws ShapeError when the input does not fit the equation or `outputShape`.
 * @example
 * // A Dense layer for every step of a sequence.
 * layers.EinsumDense("abc,cd->abd", { outputShape: [null, 64], biasAxes: "d" })(ops.ones([2, 10, 32])).shape; // [2, 10, 64]
 * @see keras/src/layers/core/einsum_dense.py (Keras 3.x): same maths; no quantization.
 */
export class EinsumDenseBase extends LayerBase {
  static readonly className: string = "EinsumDense";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    equation: "equation",
    outputShape: "output_shape",
    activation: "activation",
    biasAxes: "bias_axes",
    kernelInitializer: "kernel_initializer",
    biasInitializer: "bias_initializer",
    kernelRegularizer: "kernel_regularizer",
    biasRegularizer: "bias_regularizer",
    kernelConstraint: "kernel_constraint",
    biasConstraint: "bias_constraint",
    ...LORA_KEYS,
  };
  static readonly ignoredConfigKeys: readonly string[] = ["gptq_unpacked_column_size", "quantization_config"];

  readonly equation: string;
  /** `outputShape` as given, a list. */
  readonly partialOutputShape: Shape;
  readonly biasAxes: string | null;
  readonly activation: activations.ActivationFunction;
  readonly kernelInitializer: initializers.InitializerFunction;
  readonly biasInitializer: initializers.InitializerFunction;
  readonly kernelRegularizer: regularizers.RegularizerFunction | null;
  readonly biasRegularizer: regularizers.RegularizerFunction | null;
  readonly kernelConstraint: constraints.ConstraintFunction | null;
  readonly biasConstraint: constraints.ConstraintFunction | null;
  /** The low-rank adaptation of the kernel. */
  readonly lora: Lora;
  /** `null` before the layer is built. With LoRA on, without what that adds. */
  kernel: Variable | null = null;
  /** `null` before the layer is built, or without bias. */
  bias: Variable | null = null;

  constructor(equation: string | EinsumDenseConfig, options: EinsumDenseOptions = {}) {
    const {
      equation: text,
      outputShape,
      activation,
      biasAxes = null,
      kernelInitializer = "glorot_uniform",
      biasInitializer = "zeros",
      kernelRegularizer = null,
      biasRegularizer = null,
      kernelConstraint = null,
      biasConstraint = null,
      loraRank = null,
      loraAlpha = null,
      ...base
    } = positionalOption<EinsumDenseConfig>("EinsumDense", "equation", equation, options);
    super(base);
    this.equation = this.#checkText("equation", text);
    this.biasAxes = biasAxes === null ? null : this.#checkText("biasAxes", biasAxes);
    withTrail(placeOf(this), () => checkEquation(this.equation, this.biasAxes));
    this.partialOutputShape = this.#checkShape(outputShape);
    this.activation = activations.get(activation);
    this.kernelInitializer = initializers.get(kernelInitializer);
    this.biasInitializer = initializers.get(biasInitializer);
    this.kernelRegularizer = regularizers.get(kernelRegularizer);
    this.biasRegularizer = regularizers.get(biasRegularizer);
    this.kernelConstraint = constraints.get(kernelConstraint);
    this.biasConstraint = constraints.get(biasConstraint);
    this.lora = new Lora(this, { loraRank, loraAlpha });
  }

  #checkText(option: string, value: unknown): string {
    if (typeof value === "string" && value !== "") return value;
    throw new TypeError(
      `${placeOf(this)}: expected \`${option}\` to be a string such as "ab,bc->ac". Received: ${option}=${describe(value)}`,
    );
  }

  #checkShape(given: unknown): Shape {
    const sizes: unknown[] = Array.isArray(given) ? given : [given];
    if (sizes.every((d) => d === null || (Number.isInteger(d) && (d as number) > 0)) && sizes.length > 0) {
      return sizes as Shape;
    }
    throw new TypeError(
      `${placeOf(this)}: expected \`outputShape\` to be a positive integer or a list of them and null. ` +
        `Received: outputShape=${describe(given)}`,
    );
  }

  override build(inputShape: Shape): void {
    const shapes = einsumShapes(this.equation, this.biasAxes, inputShape, this.partialOutputShape);
    this.kernel = this.addWeight({
      name: "kernel",
      shape: shapes.kernel as number[],
      initializer: withAxes(this.kernelInitializer, shapes),
      regularizer: this.kernelRegularizer,
      constraint: this.kernelConstraint,
    });
    if (shapes.bias) {
      this.bias = this.addWeight({
        name: "bias",
        shape: shapes.bias as number[],
        initializer: this.biasInitializer,
        regularizer: this.biasRegularizer,
        constraint: this.biasConstraint,
      });
    }
    this.inputSpec = new InputSpec({ ndim: inputShape.length });
    this.lora.addIfStated(this.kernel);
  }

  /**
   * Turns LoRA on: freezes the kernel and trains two thin matrices beside it: from now on the layer computes with
   * kernel + (loraAlpha / rank) · a·b. Compile the model again afterwards.
   *
   * Weights: `lora.a` (…, rank), `lora.b` (rank, last axis).
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
    const x = ops.einsum(this.equation, inputs, this.lora.adapted(this.kernel!));
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
      output_shape: [...this.partialOutputShape],
      equation: this.equation,
      activation: activations.serialize(this.activation),
      bias_axes: this.biasAxes,
      kernel_initializer: initializers.serialize(this.kernelInitializer),
      bias_initializer: initializers.serialize(this.biasInitializer),
      kernel_regularizer: this.kernelRegularizer && regularizers.serialize(this.kernelRegularizer),
      bias_regularizer: this.biasRegularizer && regularizers.serialize(this.biasRegularizer),
      activity_regularizer: this.activityRegularizer && regularizers.serialize(this.activityRegularizer),
      kernel_constraint: this.kernelConstraint && constraints.serialize(this.kernelConstraint),
      bias_constraint: this.biasConstraint && constraints.serialize(this.biasConstraint),
      quantization_config: null,
      ...this.lora.getConfig(),
    };
  }
}

/** An initializer that scales by the number of inputs and outputs counts them along the axes of the equation. */
function withAxes(
  initializer: initializers.InitializerFunction,
  { inputAxes, outputAxes }: { inputAxes: readonly number[]; outputAxes: readonly number[] },
): initializers.InitializerFunction {
  if (!(initializer instanceof initializers.VarianceScaling)) return initializer;
  if (initializer.inputAxes && initializer.outputAxes) return initializer;
  return renewed(initializer, { input_axes: inputAxes, output_axes: outputAxes });
}

export const EinsumDense = layerClass(EinsumDenseBase);
export type EinsumDense = InstanceType<typeof EinsumDense>;
