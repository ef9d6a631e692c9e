/** Products of samples along one axis of each. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Result } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { checkBoolean } from "../checks.ts";
import type { InputShape, LayerOptions, Mask } from "../layer.ts";
import { type Leaf, layerClass } from "../layerClass.ts";
import { MergeBase, type MergeCall, shapesOfList } from "./merge.ts";

/** Options of {@link Dot}. */
export interface DotOptions extends LayerOptions {
  /** Whether the vectors along the axis are first scaled to length 1, so that the result is their cosine. @defaultValue `false` */
  normalize?: boolean;
}

type DotConfig = DotOptions & { axes: number | readonly number[] };

/**
 * For each sample, the sum of products over one axis of each of two inputs.
 *
 * Shapes: (batch, …a, n, …b) and (batch, …c, n, …d) → (batch, …a, …b, …c, …d); (batch, 1) when nothing is left.
 *
 * @param axes - The axis in both inputs, or one for each; the batch, axis 0, cannot be one.
 * @throws ShapeError when the sizes of the two axes differ, RangeError for an axis that the inputs do not have.
 * @example
 * layers.Dot([1, 2])([a, b]); // (batch, 3, 5) and (batch, 10, 3) → (batch, 5, 10)
 * @see keras/src/layers/merging/dot.py (Keras 3.x)
 */
export class DotBase extends MergeBase {
  static readonly className: string = "Dot";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { axes: "axes", normalize: "normalize" };

  readonly axes: number | readonly number[];
  readonly normalize: boolean;

  constructor(axes: number | readonly number[] | DotConfig, options: DotOptions = {}) {
    const { axes: given, normalize = false, ...base } = positionalOption<DotConfig>("Dot", "axes", axes, options);
    super(base);
    const list: readonly unknown[] = Array.isArray(given) ? given : [given];
    if (!list.every(Number.isInteger) || (Array.isArray(given) && given.length !== 2)) {
      throw new TypeError(
        `Dot "${this.name}": expected \`axes\` to be an integer or a list of two. Received: axes=${describe(given)}`,
      );
    }
    this.axes = typeof given === "number" ? given : [...given];
    this.normalize = checkBoolean(this, "normalize", normalize);
  }

  /** The axis in each input, counted from the start. */
  #axesOf(shapes: readonly Shape[]): [number, number] {
    const [a, b] = shapes.map((shape, i) => {
      const axis = typeof this.axes === "number" ? this.axes : this.axes[i]!;
      const positive = axis < 0 ? axis + shape.length : axis;
      if (shape.length < 2 || positive < 1 || positive >= shape.length) {
        throw new RangeError(
          `\`axes\` must name an axis after the batch in both inputs. Received: axes=${describe(this.axes)} for shape ` +
            `${formatShape(shape)} of input ${i}`,
        );
      }
      return positive;
    });
    return [a!, b!];
  }

  override build(inputShape: InputShape): void {
    const shapes = shapesOfList(inputShape, 2, 2);
    const [a, b] = shapes as [Shape, Shape];
    const [i, j] = this.#axesOf(shapes);
    const [n, m] = [a[i]!, b[j]!];
    if (n !== m) {
      throw new ShapeError(
        `the two axes must have the same size. Received: ${n ?? "None"} (axis ${i} of shape ${formatShape(a)}) and ` +
          `${m ?? "None"} (axis ${j} of shape ${formatShape(b)})`,
      );
    }
  }

  override call(inputs: readonly Tensor[]): Tensor {
    return this.merge(inputs);
  }

  protected override statedShape(shapes: readonly Shape[]): Shape {
    return [shapes[0]![0] ?? null];
  }

  protected override merge(inputs: readonly Tensor[]): Tensor {
    const axes = this.#axesOf(inputs.map((x) => x.shape));
    const [a, b] = inputs.map((x, i) => (this.normalize ? unitLength(x, axes[i]!) : x));
    return dotSamples(a!, b!, axes);
  }

  override computeMask(): Mask {
    return null;
  }

  override getConfig(): Config {
    return { ...super.getConfig(), axes: this.axes, normalize: this.normalize };
  }
}

const unitLength = (x: Tensor, axis: number): Tensor => ops.normalize(x, { axis });

/** Axes in order, without one of them. */
const others = (ndim: number, without: number): number[] =>
  Array.from({ length: ndim }, (_, i) => i).filter((i) => i > 0 && i !== without);

/** As one matrix product per sample: what is left of `a` by n, times n by what is left of `b`. */
function dotSamples(a: Tensor, b: Tensor, [i, j]: readonly [number, number]): Tensor {
  const [restA, restB] = [others(a.ndim, i), others(b.ndim, j)];
  const left = ops.transpose(a, [0, ...restA, i]);
  const right = ops.transpose(b, [0, j, ...restB]);
  const [batch, n] = [a.shape[0]!, a.shape[i]!];
  const sizesA = restA.map((axis) => a.shape[axis]!);
  const sizesB = restB.map((axis) => b.shape[axis]!);
  const size = (sizes: readonly number[]): number => sizes.reduce((x, y) => x * y, 1);
  const product = ops.matmul(ops.reshape(left, [batch, size(sizesA), n]), ops.reshape(right, [batch, n, size(sizesB)]));
  const sizes = [...sizesA, ...sizesB];
  return ops.reshape(product, [batch, ...(sizes.length > 0 ? sizes : [1])]);
}

export const Dot = layerClass<typeof DotBase, MergeCall>(DotBase);
export type Dot = InstanceType<typeof Dot>;

/** Products of samples along one axis of each, by a {@link Dot} layer. @param options - `axes`. @defaultValue `-1` */
export function dot<A>(
  inputs: readonly A[],
  options: DotOptions & { axes?: number | readonly number[] } = {},
): Result<Leaf<A>> {
  const { axes = -1, ...rest } = options;
  return Dot(axes, rest)(inputs);
}
