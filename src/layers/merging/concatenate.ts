/** Tensors one after another along an axis. */
import { describe, ShapeError } from "../../core/errors.ts";
import { normalizeAxis, type Shape } from "../../core/shape.ts";
import { isPlainObject } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { Result } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { InputShape, LayerOptions, Mask } from "../layer.ts";
import { type Leaf, layerClass } from "../layerClass.ts";
import { formatShapes, MergeBase, type MergeCall, shapesOfList } from "./merge.ts";

/** Options of {@link Concatenate}. */
export interface ConcatenateOptions extends LayerOptions {
  /** Axis that grows, counted with the batch. @defaultValue `-1` */
  axis?: number;
}

/**
 * Puts its inputs one after another along an axis. All other sizes must agree.
 *
 * Mask: inputs without one count as not masked.
 *
 * @throws ShapeError when other sizes than that of the axis differ, or the ranks.
 * @example
 * layers.Concatenate({ axis: 1 })([a, b]); // (batch, 2, 5) and (batch, 1, 5) → (batch, 3, 5)
 * @see keras/src/layers/merging/concatenate.py (Keras 3.x)
 */
export class ConcatenateBase extends MergeBase {
  static readonly className: string = "Concatenate";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { axis: "axis" };

  readonly axis: number;

  constructor(axis: number | ConcatenateOptions = {}, options: LayerOptions = {}) {
    const given = isPlainObject(axis) ? axis : { ...options, axis };
    const { axis: along = -1, ...base } = given as ConcatenateOptions;
    super(base);
    if (!Number.isInteger(along)) {
      throw new TypeError(
        `Concatenate "${this.name}": expected \`axis\` to be an integer. Received: axis=${describe(along)}`,
      );
    }
    this.axis = along;
  }

  override build(inputShape: InputShape): void {
    const shapes = shapesOfList(inputShape, 1);
    const first = shapes[0]!;
    const axis = normalizeAxis(this.axis, first.length, "`axis`");
    const fits = shapes.every(
      (shape) =>
        shape.length === first.length &&
        shape.every((d, i) => i === axis || shapes.every((other) => d === null || other[i] === null || d === other[i])),
    );
    if (fits) return;
    throw new ShapeError(
      `the inputs' shapes must agree on all axes but axis ${this.axis}. Received: ${formatShapes(shapes)}`,
    );
  }

  override call(inputs: readonly Tensor[]): Tensor {
    return this.merge(inputs);
  }

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return ops.concatenate(inputs, { axis: this.axis });
  }

  /** All sizes but that of the axis are the first input's. */
  protected override statedShape(shapes: readonly Shape[]): Shape {
    const first = shapes[0]!;
    const axis = normalizeAxis(this.axis, first.length, "`axis`");
    const sizes = shapes.map((shape) => shape[axis] ?? null);
    const total = sizes.includes(null) ? null : (sizes as number[]).reduce((sum, d) => sum + d);
    return first.map((d, i) => (i === axis ? total : d));
  }

  override computeMask(inputs: unknown, previousMask: Mask): Mask {
    const masks = this.maskList(previousMask);
    if (masks.every((mask) => mask === null)) return null;
    const elements = (inputs as Tensor[]).map((x, i) => {
      const mask = masks[i] ?? null;
      if (!mask) return ops.onesLike(x, { dtype: "bool" });
      // In the shape of its tensor, whose sizes may be unknown.
      return mask.ndim < x.ndim ? ops.logicalOr(ops.expandDims(mask, -1), ops.zerosLike(x, { dtype: "bool" })) : mask;
    });
    return ops.any(ops.concatenate(elements, { axis: this.axis }), { axis: -1 });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis };
  }
}

export const Concatenate = layerClass<typeof ConcatenateBase, MergeCall>(ConcatenateBase);
export type Concatenate = InstanceType<typeof Concatenate>;

/** The inputs one after another along an axis, by a {@link Concatenate} layer. */
export const concatenate = <A>(inputs: readonly A[], options?: ConcatenateOptions): Result<Leaf<A>> =>
  Concatenate(options)(inputs);
