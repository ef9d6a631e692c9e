/** Softmax as a layer, with a mask. */
import * as activations from "../../activations/index.ts";
import { ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { isPlainObject } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { checkIntegers } from "../checks.ts";
import { type CallOptions, LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** Options of {@link Softmax}. */
export interface SoftmaxOptions extends LayerOptions {
  /** Axis, or axes, whose values sum to 1. @defaultValue `-1` */
  axis?: number | readonly number[];
}

/** Small enough that e to its power is 0, and within the dtype's range. */
const largeNegative = (dtype: string): number => (dtype === "float16" ? -3e4 : -1e9);

/**
 * e^x / Σ e^x along an axis. Positions that a mask excludes get exactly 0.
 *
 * Call option `mask`: a tensor that broadcasts to the inputs, true where a position counts.
 *
 * @throws ShapeError for a mask that does not broadcast to the inputs.
 * @see keras/src/layers/activations/softmax.py (Keras 3.x)
 */
export class SoftmaxBase extends LayerBase {
  static readonly className: string = "Softmax";
  static readonly modulePath: string = "keras.layers";
  static override readonly callKeys: Readonly<Record<string, string>> = { mask: "mask" };
  static override readonly configKeys: Readonly<Record<string, string>> = { axis: "axis" };

  readonly axis: number | readonly number[];

  constructor(axis: number | readonly number[] | SoftmaxOptions = {}, options: LayerOptions = {}) {
    const given = isPlainObject(axis) ? axis : { ...options, axis };
    const { axis: along = -1, ...base } = given as SoftmaxOptions;
    super(base);
    const [first, ...rest] = checkIntegers(this, "axis", [along].flat(), Number.NEGATIVE_INFINITY);
    if (first === undefined) {
      throw new RangeError(`Softmax "${this.name}": expected at least one axis. Received: axis=[]`);
    }
    this.axis = typeof along === "number" ? first : [first, ...rest];
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override call(inputs: Tensor, options: CallOptions = {}): Tensor {
    const mask = options.mask instanceof Tensor ? this.#keep(options.mask, inputs) : null;
    const x = mask ? ops.where(mask, inputs, ops.cast(largeNegative(inputs.dtype), inputs.dtype)) : inputs;
    const y = activations.softmax(x, { axis: this.axis });
    // Where a whole row is masked, softmax alone would give equal parts.
    return mask ? ops.where(mask, y, ops.zerosLike(y)) : y;
  }

  /** The mask as booleans; other dtypes count from 0.5. */
  #keep(mask: Tensor, inputs: Tensor): Tensor {
    const sizes = inputs.shape.slice(-mask.ndim);
    const fits = mask.ndim <= inputs.ndim && mask.shape.every((d, i) => d === 1 || d === sizes[i]);
    if (!fits) {
      throw new ShapeError(
        `the mask must broadcast to the inputs. Received: mask ${formatShape(mask.shape)}, inputs ${formatShape(inputs.shape)}`,
      );
    }
    return mask.dtype === "bool" ? mask : ops.greater(mask, 0.5);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis };
  }
}

export const Softmax = layerClass(SoftmaxBase);
export type Softmax = InstanceType<typeof Softmax>;
