/** Normalization of each sample over its own features. */
import type { Shape } from "../../core/shape.ts";
import { normalizeAxis } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { positionalOption } from "../callArguments.ts";
import { checkBoolean } from "../checks.ts";
import { layerClass } from "../layerClass.ts";
import { checkAxes, sizesAlong, spreadAlong } from "./axes.ts";
import { ScaleAndOffset, type ScaleAndOffsetOptions } from "./scaleAndOffset.ts";
import { fullPrecision } from "./statistics.ts";

/** Options of {@link LayerNormalization}. */
export interface LayerNormalizationOptions extends ScaleAndOffsetOptions {
  /** Axis or axes to normalize over: those of the features. @defaultValue `-1` */
  axis?: number | readonly number[];
  /**
   * Divides by the standard deviation without subtracting the mean, and has no offset.
   * @deprecated Not what the name says: use `RMSNormalization`. Kept for old files. @defaultValue `false`
   */
  rmsScaling?: boolean;
}

/**
 * Brings each sample to mean 0 and variance 1 over its features, then to a trained scale and offset per feature. Does the
 * same in training and inference.
 *
 * Shapes: unchanged. Weights: `gamma`, `beta`, of the sizes of the axes.
 *
 * @example
 * const x = layers.LayerNormalization({ epsilon: 1e-6 })(inputs);
 * @see Ba et al., 2016, arXiv:1607.06450
 * @see keras/src/layers/normalization/layer_normalization.py (Keras 3.x)
 */
export class LayerNormalizationBase extends ScaleAndOffset {
  static readonly className: string = "LayerNormalization";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { axis: "axis", rmsScaling: "rms_scaling" };

  /** A list, sorted, once the layer is built. */
  axis: number | readonly number[];
  readonly rmsScaling: boolean;

  constructor(
    axis: number | readonly number[] | LayerNormalizationOptions = {},
    options: LayerNormalizationOptions = {},
  ) {
    const {
      axis: over = -1,
      rmsScaling = false,
      ...base
    } = positionalOption<LayerNormalizationOptions>("LayerNormalization", "axis", axis, options);
    super(base);
    this.axis = checkAxes(this, over);
    this.rmsScaling = checkBoolean(this, "rmsScaling", rmsScaling);
    this.autocast = false;
    if (rmsScaling) {
      console.warn(
        `LayerNormalization "${this.name}": \`rmsScaling\` is deprecated. It divides by the standard deviation, not by the root mean square: use RMSNormalization`,
      );
    }
  }

  override build(inputShape: Shape): void {
    const { axes, sizes } = sizesAlong(this.axis, inputShape);
    this.axis = axes;
    if (this.scale || this.rmsScaling) this.addGamma(sizes);
    if (this.center && !this.rmsScaling) this.addBeta(sizes);
  }

  override call(inputs: Tensor): Tensor {
    const x = ops.cast(inputs, fullPrecision(inputs.dtype));
    const over = this.axis as readonly number[];
    const axis = over.map((a) => normalizeAxis(a, x.ndim));
    const weight = (v: Variable | null): Tensor | null => v && ops.cast(spreadAlong(v.value, over, x.shape), x.dtype);
    const [gamma, beta] = [weight(this.gamma), weight(this.beta)];
    const centred = ops.subtract(x, ops.mean(x, { axis, keepdims: true }));
    const variance = ops.mean(ops.square(centred), { axis, keepdims: true });
    let y = ops.multiply(this.rmsScaling ? x : centred, ops.rsqrt(ops.add(variance, this.epsilon)));
    if (gamma) y = ops.multiply(y, gamma);
    if (beta) y = ops.add(y, beta);
    return ops.cast(ops.cast(y, inputs.dtype), this.computeDtype);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      axis: this.axis,
      epsilon: this.epsilon,
      center: this.center,
      scale: this.scale,
      rms_scaling: this.rmsScaling,
      ...this.initializerConfig(),
      ...this.boundConfig(),
    };
  }
}

export const LayerNormalization = layerClass(LayerNormalizationBase);
export type LayerNormalization = InstanceType<typeof LayerNormalization>;
