/** Any activation function as a layer. */
import * as activations from "../../activations/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

type ActivationConfig = LayerOptions & { activation: activations.ActivationLike | null };

/**
 * Applies an activation function.
 *
 * @param activation - A name such as `"relu"`, or a function of a tensor.
 * @throws RangeError for an unknown name, with the nearest one.
 * @example
 * layers.Activation("relu")([-3, -1, 0, 2]); // [0, 0, 0, 2]
 * @see keras/src/layers/activations/activation.py (Keras 3.x)
 */
export class ActivationBase extends LayerBase {
  static readonly className: string = "Activation";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { activation: "activation" };

  readonly activation: activations.ActivationFunction;

  constructor(activation: activations.ActivationLike | ActivationConfig | null, options: LayerOptions = {}) {
    const { activation: given, ...base } = positionalOption<ActivationConfig>(
      "Activation",
      "activation",
      activation,
      options,
    );
    super(base);
    if (given === undefined) {
      throw new TypeError(`Activation "${this.name}": expected an activation, for example "relu". Received: none`);
    }
    this.activation = activations.get(given);
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override call(inputs: Tensor): Tensor {
    return this.activation(inputs);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), activation: activations.serialize(this.activation) };
  }
}

export const Activation = layerClass(ActivationBase);
export type Activation = InstanceType<typeof Activation>;
