/** What layers share that turn a list of tensors into one. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { KerasTensor, Result } from "../../ops/kerasTensor.ts";
import { withFirstSizes } from "../../ops/outputSpec.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { type InputShape, LayerBase, type LayerOptions, type Mask } from "../layer.ts";
import type { CommonOptions, Leaf } from "../layerClass.ts";

/** A call of a merging layer: a list of tensors to one tensor. */
export interface MergeCall {
  <A>(inputs: readonly A[], options?: CommonOptions): Result<Leaf<A>>;
}

export const formatShapes = (shapes: readonly Shape[]): string => shapes.map(formatShape).join(", ");

/** The shapes of a list of inputs. @throws TypeError for a single tensor or too few. */
export function shapesOfList(inputShape: unknown, atLeast: number, atMost = Number.POSITIVE_INFINITY): Shape[] {
  const isList = Array.isArray(inputShape) && inputShape.every(Array.isArray);
  const count = isList ? inputShape.length : 0;
  if (isList && count >= atLeast && count <= atMost) return inputShape as Shape[];
  const wanted =
    atMost === atLeast ? `exactly ${atLeast} inputs` : `at least ${atLeast} input${atLeast > 1 ? "s" : ""}`;
  const received =
    isList && count > 0
      ? `${count} of shapes ${formatShapes(inputShape as Shape[])}`
      : Array.isArray(inputShape) && count === 0 && inputShape.length > 0 && !inputShape.some(Array.isArray)
        ? `one tensor of shape ${formatShape(inputShape as Shape)}; pass [a, b]`
        : describe(inputShape);
  throw new TypeError(`a merging layer is called on a list of ${wanted}. Received: ${received}`);
}

/**
 * Shape of the result of an elementwise function, as Keras states it: lower ranks get axes of size 1 after the batch, and
 * an unknown size stays unknown.
 *
 * @throws ShapeError when the shapes do not broadcast.
 */
export function mergedShape(shapes: readonly Shape[]): Shape {
  const incompatible = (): never => {
    throw new ShapeError(
      `the inputs' shapes do not broadcast, apart from the batch. Received: ${formatShapes(shapes)}`,
    );
  };
  const join = (a: Shape, b: Shape): Shape => {
    const [long, short] = a.length >= b.length ? [a, b] : [b, a];
    const lead = long.length - short.length;
    return long.map((d, i) => {
      const other = i < lead ? 1 : short[i - lead]!;
      if (i < lead) return d;
      if (d === null || other === null) return null;
      if (d === 1) return other;
      return other === 1 || other === d ? d : incompatible();
    });
  };
  const batches = new Set(shapes.flatMap((shape) => (shape.length > 0 && shape[0] !== null ? [shape[0]] : [])));
  if (batches.size > 1) {
    throw new ShapeError(`the inputs have different batch sizes. Received: ${formatShapes(shapes)}`);
  }
  const samples = shapes.map((shape): Shape => shape.slice(1)).reduce(join);
  return [[...batches][0] ?? null, ...samples];
}

/** Combines a list of tensors element by element. */
export abstract class MergeBase extends LayerBase {
  constructor(options: LayerOptions = {}) {
    super(options);
    this.supportsMasking = true;
  }

  /** The function, for inputs of one rank. */
  protected abstract merge(inputs: readonly Tensor[]): Tensor;

  /** Checks the shapes; there is nothing to create. */
  override build(inputShape: InputShape): void {
    mergedShape(shapesOfList(inputShape, 1));
  }

  override call(inputs: readonly Tensor[]): Tensor {
    if (!Array.isArray(inputs)) shapesOfList((inputs as unknown as Tensor).shape, 1);
    const ndim = Math.max(...inputs.map((x) => x.ndim));
    return this.merge(inputs.map((x) => (x.ndim === ndim ? x : padAxes(x, ndim))));
  }

  override computeOutputSpec(...args: unknown[]): KerasTensor {
    const [inputs, ...rest] = args;
    if (!Array.isArray(inputs)) return super.computeOutputSpec(...args) as KerasTensor;
    const output = super.computeOutputSpec(inputs, ...rest) as KerasTensor;
    return withFirstSizes(output, this.statedShape(inputs.map((x: KerasTensor | Tensor) => x.shape)));
  }

  /** What is stated of the result, for inputs of these shapes: all sizes or the first ones. */
  protected statedShape(shapes: readonly Shape[]): Shape {
    return mergedShape(shapes);
  }

  /** What is masked in all inputs; nothing if one has no mask. */
  override computeMask(_inputs: unknown, previousMask: Mask): Mask {
    const masks = this.maskList(previousMask);
    if (masks.length === 0 || masks.some((mask) => mask === null)) return null;
    return (masks as Tensor[]).reduce((a, b) => ops.logicalOr(a, b));
  }

  protected maskList(mask: Mask): readonly (Tensor | null)[] {
    if (mask === null) return [];
    if (Array.isArray(mask)) return mask;
    throw new TypeError(`expected \`mask\` to be a list with one mask per input. Received: ${describe(mask)}`);
  }
}

/** Axes of size 1 after the batch. */
function padAxes(x: Tensor, ndim: number): Tensor {
  return ops.expandDims(
    x,
    Array.from({ length: ndim - x.ndim }, (_, i) => i + 1),
  );
}

/** A mask with its features axis, in the shape of its tensor. */
export function maskLike(x: Tensor): Tensor | null {
  return x.mask && ops.broadcastTo(ops.expandDims(x.mask, -1), x.shape);
}

/** Sets the mask of a result from the masks of its elements. */
export function withElementMask(output: Tensor, elements: Tensor | null): Tensor {
  if (elements) output.mask = ops.any(elements, { axis: -1 });
  return output;
}
