/** Axes of a sample in another order. */
import { describe } from "../../core/errors.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkIntegers } from "../checks.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

type PermuteConfig = LayerOptions & { dims: readonly number[] };

/**
 * Puts the axes of each sample in another order.
 *
 * @param dims - The axes in their new order, counted from 1 because the batch stays: `[2, 1]` swaps two axes.
 * @throws RangeError unless each of 1, 2, … occurs once.
 * @example
 * layers.Permute([2, 1])(ops.ones([5, 10, 64])).shape; // [5, 64, 10]
 * @see keras/src/layers/reshaping/permute.py (Keras 3.x)
 */
export class PermuteBase extends LayerBase {
  static readonly className: string = "Permute";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { dims: "dims" };

  readonly dims: readonly number[];

  constructor(dims: readonly number[] | PermuteConfig, options: LayerOptions = {}) {
    const { dims: order, ...base } = positionalOption<PermuteConfig>("Permute", "dims", dims, options);
    super(base);
    this.dims = checkIntegers(this, "dims", order, 1);
    if ([...this.dims].sort((a, b) => a - b).some((d, i) => d !== i + 1)) {
      throw new RangeError(
        `Permute "${this.name}": \`dims\` holds each of 1, 2, … once; the batch axis is not counted. Received: ${describe(order)}`,
      );
    }
    this.inputSpec = new InputSpec({ ndim: this.dims.length + 1 });
  }

  override call(inputs: Tensor): Tensor {
    return ops.transpose(inputs, [0, ...this.dims]);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), dims: this.dims };
  }
}

export const Permute = layerClass(PermuteBase);
export type Permute = InstanceType<typeof Permute>;
