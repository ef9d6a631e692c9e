/** Attention by sums. */
import type { Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { layerClass } from "../layerClass.ts";
import { type AdditiveAttentionOptions, AttentionBase, type AttentionCall, checkInputs } from "./attention.ts";

/**
 * Additive attention, after Bahdanau: a key fits a query as far as the sum of `scale · tanh(query + key)` is large.
 *
 * Called like {@link Attention}, with the same shapes and masks.
 * Weights: `scale` (dim) with `useScale`.
 *
 * @throws TypeError for anything but a list of two or three tensors.
 * @see keras/src/layers/attention/additive_attention.py (Keras 3.x)
 */
export class AdditiveAttentionBase extends AttentionBase {
  static override readonly className: string = "AdditiveAttention";
  static override readonly modulePath: string = "keras.layers";

  constructor(options: AdditiveAttentionOptions = {}) {
    super({ useScale: true, ...options });
  }

  override build(inputShape: readonly Shape[]): void {
    checkInputs(inputShape, Array.isArray(inputShape) && inputShape.every(Array.isArray));
    if (!this.useScale) return;
    this.scale = this.addWeight({
      name: "scale",
      shape: [inputShape[0]!.at(-1) as number],
      initializer: "glorot_uniform",
    });
  }

  protected override get addsUp(): boolean {
    return true;
  }

  protected override scores(query: Tensor, key: Tensor): Tensor {
    const bent = ops.tanh(ops.add(ops.expandDims(query, -2), ops.expandDims(key, -3)));
    return ops.sum(this.scale ? ops.multiply(this.scale, bent) : bent, { axis: -1 });
  }

  override getConfig(): Config {
    const { score_mode: _, ...config } = super.getConfig();
    return config;
  }
}

export const AdditiveAttention = layerClass<typeof AdditiveAttentionBase, AttentionCall>(AdditiveAttentionBase);
export type AdditiveAttention = InstanceType<typeof AdditiveAttention>;
