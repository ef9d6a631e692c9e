/** Samples scaled to length 1. */
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkAxes } from "./axes.ts";

/** Options of {@link UnitNormalization}. */
export interface UnitNormalizationOptions extends LayerOptions {
  /** Axis or axes of the vectors. @defaultValue `-1` */
  axis?: number | readonly number[];
}

/**
 * Divides each vector along the axes by its Euclidean length.
 *
 * @example
 * layers.UnitNormalization()([[3, 4]]); // [[0.6, 0.8]]
 * @see keras/src/layers/normalization/unit_normalization.py (Keras 3.x)
 */
export class UnitNormalizationBase extends LayerBase {
  static readonly className: string = "UnitNormalization";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { axis: "axis" };

  readonly axis: number | readonly number[];

  constructor(
    axis: number | readonly number[] | UnitNormalizationOptions = {},
    options: UnitNormalizationOptions = {},
  ) {
    const { axis: over = -1, ...base } = positionalOption<UnitNormalizationOptions>(
      "UnitNormalization",
      "axis",
      axis,
      options,
    );
    super(base);
    this.axis = checkAxes(this, over);
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override call(inputs: Tensor): Tensor {
    return ops.normalize(inputs, { axis: this.axis, order: 2, epsilon: 1e-12 });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis };
  }
}

export const UnitNormalization = layerClass(UnitNormalizationBase);
export type UnitNormalization = InstanceType<typeof UnitNormalization>;
