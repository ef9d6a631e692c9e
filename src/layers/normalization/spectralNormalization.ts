/** A layer whose kernel is kept at spectral norm 1. */
import type { Shape } from "../../core/shape.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import { type Config, classNameOf } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { Variable } from "../../runtime/variable.ts";
import { positionalOption } from "../callArguments.ts";
import { checkPositiveInteger } from "../checks.ts";
import { WrapperBase } from "../core/wrapper.ts";
import { InputSpec } from "../inputSpec.ts";
import type { CallOptions, LayerBase, LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** Options of {@link SpectralNormalization}. */
export interface SpectralNormalizationOptions extends LayerOptions {
  /** Steps of the power iteration at each call in training. @defaultValue `1` */
  powerIterations?: number;
}

type SpectralNormalizationConfig = SpectralNormalizationOptions & { layer: LayerBase };

/**
 * Divides the kernel of a layer by its largest singular value at each call in training, so that the layer changes
 * distances at most by that of its other parts; it steadies the training of GANs. The normalized kernel replaces the
 * layer's own.
 *
 * Weights: those of the layer, and `vector_u` (1, last size of the kernel), the estimate of the first singular vector.
 *
 * @param layer - A layer with a `kernel` (Dense, convolutions) or `embeddings`.
 * @throws TypeError when the layer has neither.
 * @example
 * const y = layers.SpectralNormalization(layers.Dense(10))(x);
 * @see Miyato et al., 2018, arXiv:1802.05957
 * @see keras/src/layers/normalization/spectral_normalization.py (Keras 3.x)
 */
export class SpectralNormalizationBase extends WrapperBase {
  static override readonly className: string = "SpectralNormalization";
  static override readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { powerIterations: "power_iterations" };

  readonly powerIterations: number;
  /** The layer's own; `null` before it is built. */
  kernel: Variable | null = null;
  /** `null` before the layer is built. */
  vectorU: Variable | null = null;

  constructor(layer: LayerBase | SpectralNormalizationConfig, options: SpectralNormalizationOptions = {}) {
    const { powerIterations = 1, ...base } = positionalOption<SpectralNormalizationConfig>(
      "SpectralNormalization",
      "layer",
      layer,
      options,
    );
    super(base);
    this.powerIterations = checkPositiveInteger(this, "powerIterations", powerIterations);
  }

  override build(inputShape: Shape): void {
    super.build(inputShape);
    this.inputSpec = new InputSpec({ minNdim: 1, axes: { [-1]: inputShape.at(-1) as number } });
    const { kernel, embeddings } = this.layer as { kernel?: unknown; embeddings?: unknown };
    const found = kernel ?? embeddings;
    if (!(found instanceof Variable)) {
      throw new TypeError(
        `the layer inside must have a \`kernel\` or \`embeddings\`. Received: ${classNameOf(this.layer)} "${this.layer.name}"`,
      );
    }
    this.kernel = found;
    this.vectorU = this.addWeight({
      name: "vector_u",
      shape: [1, found.shape.at(-1)!],
      initializer: new initializers.TruncatedNormal({ stddev: 0.02 }),
      trainable: false,
      dtype: found.dtype,
    });
  }

  override call(inputs: Tensor, options: CallOptions = {}): Tensor {
    if (options.training) this.#normalize();
    const layer = this.layer as unknown as (x: Tensor) => Tensor;
    return ops.cast(layer(inputs), inputs.dtype);
  }

  #normalize(): void {
    const kernel = this.kernel!.value;
    const weights = ops.reshape(kernel, [-1, kernel.shape.at(-1)!]);
    const before = this.vectorU!.value;
    let [u, v] = [before, before];
    for (let i = 0; i < this.powerIterations; i++) {
      v = ops.normalize(ops.matmul(u, ops.transpose(weights)));
      u = ops.normalize(ops.matmul(v, weights));
    }
    [u, v] = [ops.stopGradient(u), ops.stopGradient(v)];
    const sigma = ops.matmul(ops.matmul(v, weights), ops.transpose(u));
    // A kernel of zeros has no direction and stays; the divisor 1 keeps NaN out of the gradient of what is not chosen.
    const empty = ops.all(ops.equal(kernel, 0));
    const divisor = ops.where(empty, 1, ops.reshape(sigma, []));
    this.vectorU!.assign(ops.where(empty, before, u));
    this.kernel!.assign(ops.divide(kernel, divisor));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), power_iterations: this.powerIterations };
  }
}

export const SpectralNormalization = layerClass(SpectralNormalizationBase);
export type SpectralNormalization = InstanceType<typeof SpectralNormalization>;
