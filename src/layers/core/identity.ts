/** A layer that does nothing. */
import type { KerasTensor, Result } from "../../ops/kerasTensor.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { type CommonOptions, type Leaf, layerClass } from "../layerClass.ts";

/**
 * Returns its inputs: a placeholder where a layer is expected.
 *
 * Shapes: any structure of tensors → the same.
 *
 * @see keras/src/layers/core/identity.py (Keras 3.x)
 */
export class IdentityBase extends LayerBase {
  static readonly className: string = "Identity";
  static readonly modulePath: string = "keras.layers";

  constructor(options: LayerOptions = {}) {
    super(options);
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override call<X>(inputs: X): X {
    return inputs;
  }
}

type AnyTensor = Tensor | KerasTensor;

/** What calling an {@link Identity} gives: what it got; numbers become a tensor. */
export interface IdentityCall {
  <A>(
    inputs: A,
    options?: CommonOptions,
  ): A extends AnyTensor | readonly AnyTensor[] | Readonly<Record<string, AnyTensor>> ? A : Result<Leaf<A>>;
}

export const Identity = layerClass<typeof IdentityBase, IdentityCall>(IdentityBase);
export type Identity = InstanceType<typeof Identity>;
