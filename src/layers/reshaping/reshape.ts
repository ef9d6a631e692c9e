/** Samples in another shape. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkIntegers } from "../checks.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

type ReshapeConfig = LayerOptions & { targetShape: readonly number[] };

/**
 * Gives each sample another shape, in row-major order.
 *
 * Shapes: (batch, …) → (batch, …targetShape).
 *
 * @param targetShape - Sizes without the batch; one may be -1 and takes what is left.
 * @throws ShapeError when a sample does not fill the shape.
 * @example
 * layers.Reshape([-1, 2])(ops.ones([5, 6])).shape; // [5, 3, 2]
 * @see keras/src/layers/reshaping/reshape.py (Keras 3.x)
 */
export class ReshapeBase extends LayerBase {
  static readonly className: string = "Reshape";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { targetShape: "target_shape" };

  readonly targetShape: readonly number[];

  constructor(targetShape: readonly number[] | ReshapeConfig, options: LayerOptions = {}) {
    const { targetShape: target, ...base } = positionalOption<ReshapeConfig>(
      "Reshape",
      "targetShape",
      targetShape,
      options,
    );
    super(base);
    this.targetShape = checkIntegers(this, "targetShape", target, -1);
    if (this.targetShape.filter((d) => d === -1).length > 1) {
      throw new RangeError(
        `Reshape "${this.name}": at most one size in \`targetShape\` may be -1. Received: ${describe(target)}`,
      );
    }
    this.builtAtOnce();
  }

  override call(inputs: Tensor): Tensor {
    const [batch = 1, ...sample] = inputs.shape;
    return ops.reshape(inputs, [batch, ...this.#sizes(sample)]);
  }

  /** The target with -1 replaced where the sample's size is known, so that an empty batch keeps its shape. */
  #sizes(sample: readonly number[]): readonly number[] {
    const target = this.targetShape;
    if (declaredShape(sample).some((d) => d === null)) return target;
    const size = sample.reduce((n, d) => n * d, 1);
    const known = target.reduce((n, d) => (d === -1 ? n : n * d), 1);
    const rest = target.includes(-1) ? size / known : 1;
    if (!Number.isInteger(rest) || rest * known !== size) {
      throw new ShapeError(
        `samples of shape ${formatShape(sample)} have ${size} elements and do not fill \`targetShape\` ${formatShape(target)}`,
      );
    }
    return target.map((d) => (d === -1 ? rest : d));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), target_shape: this.targetShape };
  }
}

export const Reshape = layerClass(ReshapeBase);
export type Reshape = InstanceType<typeof Reshape>;
