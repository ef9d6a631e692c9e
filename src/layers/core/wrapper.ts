/** What layers share that hold another layer and change what it does. */
import { describe } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import type { Config } from "../../ops/operation.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { positionalOption } from "../callArguments.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

type WrapperConfig = LayerOptions & { layer: LayerBase };

/**
 * Base of layers around another layer. Extend it; by itself it does nothing.
 *
 * @param layer - The layer inside. It is built with the wrapper, if it was not before.
 * @throws TypeError when it is no layer.
 * @see keras/src/layers/core/wrapper.py (Keras 3.x)
 */
export class WrapperBase extends LayerBase {
  static readonly className: string = "Wrapper";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { layer: "layer" };

  readonly layer: LayerBase;

  constructor(layer: LayerBase | WrapperConfig, options: LayerOptions = {}) {
    const { layer: inner, ...base } = positionalOption<WrapperConfig>("Wrapper", "layer", layer, options);
    super(base);
    if (!(inner instanceof LayerBase)) {
      const { className } = this.constructor as { className?: string };
      throw new TypeError(
        `${className ?? "Wrapper"} "${this.name}": expected \`layer\` to be a layer. Received: layer=${describe(inner)}`,
      );
    }
    this.layer = inner;
  }

  override build(inputShape: Shape): void {
    if (!this.layer.built) this.layer.build(inputShape);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), layer: serializeObject(this.layer) };
  }
}

/** Base class of layers around another layer. See {@link WrapperBase}. */
export const Wrapper = layerClass(WrapperBase);
export type Wrapper = InstanceType<typeof Wrapper>;
