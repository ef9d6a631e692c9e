/** Inputs brought to another range. */
import { imageDataFormat } from "../../core/config.ts";
import type { DType } from "../../core/dtype.ts";
import { describe } from "../../core/errors.ts";
import { toTensor } from "../../ops/define.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { positionalOption } from "../callArguments.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** One number, or one per channel. */
type PerChannel = number | readonly number[] | Tensor;

/** Options of {@link Rescaling}. */
export interface RescalingOptions extends LayerOptions {
  /** Added after scaling: one number, or one per channel. @defaultValue `0` */
  offset?: PerChannel;
}

type RescalingConfig = RescalingOptions & { scale: PerChannel };

/**
 * Computes `x · scale + offset`, in training and inference alike. Integers become floats.
 *
 * @param scale - One number, or one per channel. Channels are the last axis, or with `imageDataFormat()` "channels_first"
 *   the third from last, for `offset` too (which Keras then adds along the last axis).
 * @example
 * const x = layers.Rescaling(1 / 127.5, { offset: -1 })(images); // 0…255 → −1…1
 * @see keras/src/layers/preprocessing/rescaling.py (Keras 3.x)
 */
export class RescalingBase extends LayerBase {
  static readonly className: string = "Rescaling";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { scale: "scale", offset: "offset" };

  readonly scale: PerChannel;
  readonly offset: PerChannel;

  constructor(scale: PerChannel | RescalingConfig, options: RescalingOptions = {}) {
    const {
      scale: factor,
      offset = 0,
      ...base
    } = positionalOption<RescalingConfig>("Rescaling", "scale", scale, options);
    super(base);
    this.scale = this.#check("scale", factor);
    this.offset = this.#check("offset", offset);
    this.supportsMasking = true;
  }

  #check(option: string, value: unknown): PerChannel {
    const fits =
      typeof value === "number" ||
      value instanceof Tensor ||
      (Array.isArray(value) && value.length > 0 && value.every((x) => typeof x === "number"));
    if (fits) return value as PerChannel;
    throw new TypeError(
      `Rescaling "${this.name}": expected \`${option}\` to be a number, or a list of one per channel. Received: ${option}=${describe(value)}`,
    );
  }

  override call(inputs: Tensor): Tensor {
    const dtype = this.computeDtype as DType;
    const perChannel = (value: PerChannel): Tensor => {
      const t = ops.cast(toTensor(value), dtype);
      const first = t.ndim === 1 && imageDataFormat() === "channels_first";
      return first ? ops.reshape(t, [t.size, 1, 1]) : t;
    };
    const scaled = ops.multiply(ops.cast(inputs, dtype), perChannel(this.scale));
    return this.offset === 0 ? scaled : ops.add(scaled, perChannel(this.offset));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), scale: serializeObject(this.scale), offset: serializeObject(this.offset) };
  }
}

export const Rescaling = layerClass(RescalingBase);
export type Rescaling = InstanceType<typeof Rescaling>;
