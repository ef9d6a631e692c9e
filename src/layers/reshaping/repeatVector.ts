/** A vector as a sequence of copies. */
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkPositiveInteger } from "../checks.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

type RepeatVectorConfig = LayerOptions & { n: number };

/**
 * Repeats each sample as the time steps of a sequence.
 *
 * Shapes: (batch, features) → (batch, n, features).
 *
 * @param n - Number of time steps; a positive integer.
 * @throws RangeError when it is not.
 * @see keras/src/layers/reshaping/repeat_vector.py (Keras 3.x)
 */
export class RepeatVectorBase extends LayerBase {
  static readonly className: string = "RepeatVector";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { n: "n" };

  readonly n: number;

  constructor(n: number | RepeatVectorConfig, options: LayerOptions = {}) {
    const { n: times, ...base } = positionalOption<RepeatVectorConfig>("RepeatVector", "n", n, options);
    super(base);
    this.n = checkPositiveInteger(this, "n", times);
    this.inputSpec = new InputSpec({ ndim: 2 });
  }

  override call(inputs: Tensor): Tensor {
    const [batch, features] = inputs.shape;
    return ops.broadcastTo(ops.expandDims(inputs, 1), [batch!, this.n, features!]);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), n: this.n };
  }
}

export const RepeatVector = layerClass(RepeatVectorBase);
export type RepeatVector = InstanceType<typeof RepeatVector>;
