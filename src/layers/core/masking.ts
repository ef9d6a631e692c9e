/** Marks padding, so that layers after it skip it. */
import { describe } from "../../core/errors.ts";
import { isPlainObject } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** Options of {@link Masking}. */
export interface MaskingOptions extends LayerOptions {
  /** A time step whose features all have this value is padding. @defaultValue `0` */
  maskValue?: number | Tensor;
}

/**
 * Masks time steps whose features all equal `maskValue`: they are set to 0, and layers that support masks skip them.
 *
 * Shapes: `x` (batch, time, …, features) → the same; mask (batch, time, …).
 *
 * @see keras/src/layers/core/masking.py (Keras 3.x)
 */
export class MaskingBase extends LayerBase {
  static readonly className: string = "Masking";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { maskValue: "mask_value" };

  readonly maskValue: number | Tensor;

  constructor(maskValue: number | Tensor | MaskingOptions = {}, options: Omit<MaskingOptions, "maskValue"> = {}) {
    const given = isPlainObject(maskValue) ? (maskValue as MaskingOptions) : { ...options, maskValue };
    const { maskValue: value = 0, ...base } = given as MaskingOptions;
    super(base);
    if (typeof value !== "number" && !(value instanceof Tensor)) {
      throw new TypeError(
        `Masking "${this.name}": expected \`maskValue\` to be a number. Received: maskValue=${describe(value)}`,
      );
    }
    this.maskValue = value;
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override computeMask(inputs: unknown): Tensor {
    return ops.any(ops.notEqual(inputs as Tensor, this.maskValue), { axis: -1 });
  }

  override call(inputs: Tensor): Tensor {
    const mask = this.computeMask(inputs);
    const outputs = ops.where(ops.expandDims(mask, -1), inputs, ops.zerosLike(inputs));
    outputs.mask = mask;
    return outputs;
  }

  override getConfig(): Config {
    return { ...super.getConfig(), mask_value: serializeObject(this.maskValue) };
  }
}

export const Masking = layerClass(MaskingBase);
export type Masking = InstanceType<typeof Masking>;
