/** The middle of images. */
import { type DataFormat, standardizeDataFormat } from "../../core/config.ts";
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { isPlainObject } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { checkPositiveInteger } from "../checks.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { resizeAxes } from "../reshaping/interpolation.ts";

/** Options of {@link CenterCrop}. */
export interface CenterCropOptions extends LayerOptions {
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

type CenterCropConfig = CenterCropOptions & { height: number; width: number };

/**
 * Cuts the middle out of images. An image that is too small on one side is first cut to the target's aspect ratio, then
 * resized by bilinear interpolation.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, height, width, channels), or without the batch; channels first likewise.
 *
 * @param height - Rows of the result; a positive integer.
 * @param width - Columns of the result; a positive integer.
 * @throws ShapeError unless the inputs are one image or a batch of them.
 * @see keras/src/layers/preprocessing/image_preprocessing/center_crop.py (Keras 3.x): images only, no labels or boxes.
 */
export class CenterCropBase extends LayerBase {
  static readonly className: string = "CenterCrop";
  static readonly modulePath: string = "keras.layers";
  static override readonly callInputs: readonly string[] = ["data"];
  static override readonly configKeys: Readonly<Record<string, string>> = {
    dataFormat: "data_format",
    height: "height",
    width: "width",
  };

  readonly height: number;
  readonly width: number;
  readonly dataFormat: DataFormat;

  constructor(height: number | CenterCropConfig, width?: number, options: CenterCropOptions = {}) {
    const given = isPlainObject(height) ? height : { ...options, height, width };
    const { height: rows, width: columns, dataFormat = null, ...base } = given as CenterCropConfig;
    super(base);
    this.height = checkPositiveInteger(this, "height", rows);
    this.width = checkPositiveInteger(this, "width", columns);
    this.dataFormat = standardizeDataFormat(dataFormat);
  }

  override call(inputs: Tensor): Tensor {
    if (!(inputs instanceof Tensor)) {
      throw new TypeError(`only images can be cropped here, without labels or boxes. Received: ${describe(inputs)}`);
    }
    if (inputs.ndim !== 3 && inputs.ndim !== 4) {
      throw new ShapeError(
        `expected one image or a batch of images, of rank 3 or 4. Received: shape ${formatShape(declaredShape(inputs.shape))}`,
      );
    }
    const x = ops.cast(inputs, this.computeDtype);
    const down = this.dataFormat === "channels_first" ? x.ndim - 2 : x.ndim - 3;
    const [rows, columns] = [x.shape[down]!, x.shape[down + 1]!];
    const { height, width } = this;
    if (rows >= height && columns >= width) return middle(x, down, height, width);
    // The largest part of the target's aspect ratio.
    const high = Math.max(1, Math.min(rows, Math.trunc((columns * height) / width)));
    const broad = Math.max(1, Math.min(columns, Math.trunc((rows * width) / height)));
    const sizes = new Map([
      [down, height],
      [down + 1, width],
    ]);
    return resizeAxes(middle(x, down, high, broad), sizes, "bilinear");
  }

  override getConfig(): Config {
    return { ...super.getConfig(), data_format: this.dataFormat, height: this.height, width: this.width };
  }
}

export const CenterCrop = layerClass(CenterCropBase);
export type CenterCrop = InstanceType<typeof CenterCrop>;

/** `height` rows and `width` columns from the middle; an odd rest goes to the end. */
function middle(x: Tensor, down: number, height: number, width: number): Tensor {
  const size = (axis: number): number => (axis === down ? height : axis === down + 1 ? width : x.shape[axis]!);
  const sizes = x.shape.map((_, axis) => size(axis));
  const starts = x.shape.map((d, axis) => Math.floor((d - sizes[axis]!) / 2));
  return ops.slice(x, starts, sizes);
}
