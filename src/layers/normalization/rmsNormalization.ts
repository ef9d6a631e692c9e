/** Normalization of each sample by its root mean square. */
import { normalizeAxis, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { positionalOption } from "../callArguments.ts";
import { checkNumber } from "../checks.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkAxes, sizesAlong } from "./axes.ts";
import { fullPrecision } from "./statistics.ts";

/** Options of {@link RMSNormalization}. */
export interface RMSNormalizationOptions extends LayerOptions {
  /** Axis or axes to normalize over: those of the features. @defaultValue `-1` */
  axis?: number | readonly number[];
  /** Added to the mean square, so that nothing is divided by zero. @defaultValue `1e-6` */
  epsilon?: number;
}

/**
 * Divides each sample by the root of the mean of its squares, and multiplies by a trained scale per feature: layer
 * normalization without the mean.
 *
 * Shapes: unchanged. Weights: `scale`, of the sizes of the axes. As in Keras it multiplies along the last axes, which are
 * those to normalize over in the usual case.
 *
 * @see Zhang and Sennrich, 2019, arXiv:1910.07467
 * @see keras/src/layers/normalization/rms_normalization.py (Keras 3.x)
 */
export class RMSNormalizationBase extends LayerBase {
  static readonly className: string = "RMSNormalization";
  static readonly modulePath: string = "keras.layers";
  static override readonly callInputs: readonly string[] = ["x"];
  static override readonly configKeys: Readonly<Record<string, string>> = { axis: "axis", epsilon: "epsilon" };

  /** A list, sorted, once the layer is built. */
  axis: number | readonly number[];
  readonly epsilon: number;
  /** `null` before the layer is built. */
  scale: Variable | null = null;

  constructor(axis: number | readonly number[] | RMSNormalizationOptions = {}, options: RMSNormalizationOptions = {}) {
    const {
      axis: over = -1,
      epsilon = 1e-6,
      ...base
    } = positionalOption<RMSNormalizationOptions>("RMSNormalization", "axis", axis, options);
    super(base);
    this.axis = checkAxes(this, over);
    this.epsilon = checkNumber(this, "epsilon", epsilon, 0);
  }

  override build(inputShape: Shape): void {
    const { axes, sizes } = sizesAlong(this.axis, inputShape);
    this.axis = axes;
    this.scale = this.addWeight({ name: "scale", shape: sizes, initializer: "ones" });
  }

  override call(inputs: Tensor): Tensor {
    const x = ops.cast(inputs, fullPrecision(inputs.dtype));
    const axis = (this.axis as readonly number[]).map((a) => normalizeAxis(a, x.ndim));
    const inverse = ops.rsqrt(ops.add(ops.mean(ops.square(x), { axis, keepdims: true }), this.epsilon));
    const y = ops.multiply(ops.multiply(x, inverse), ops.cast(this.scale!, x.dtype));
    return ops.cast(y, inputs.dtype);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis, epsilon: this.epsilon };
  }
}

export const RMSNormalization = layerClass(RMSNormalizationBase);
export type RMSNormalization = InstanceType<typeof RMSNormalization>;
