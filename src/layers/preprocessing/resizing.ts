/** Images brought to one size. */
import { type DataFormat, floatx, standardizeDataFormat } from "../../core/config.ts";
import { type DType, isFloat, isInteger } from "../../core/dtype.ts";
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { isPlainObject } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { checkBoolean, checkNumber, checkPositiveInteger } from "../checks.ts";
import { placeOf, withTrail } from "../errorTrail.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkInterpolation, type Interpolation, resizeAxes } from "../reshaping/interpolation.ts";

/** Options of {@link Resizing}. */
export interface ResizingOptions extends LayerOptions {
  /** How the pixels between pixels are found. @defaultValue `"bilinear"` */
  interpolation?: Interpolation;
  /** Cuts the middle of the target's aspect ratio out first, so that nothing is stretched. @defaultValue `false` */
  cropToAspectRatio?: boolean;
  /** Pads to the target's aspect ratio first, so that nothing is stretched. @defaultValue `false` */
  padToAspectRatio?: boolean;
  /** How `padToAspectRatio` fills. @defaultValue `"constant"` */
  fillMode?: "constant";
  /** What `padToAspectRatio` fills with. @defaultValue `0` */
  fillValue?: number;
  /** Smooths images that become smaller, except with `"nearest"`. @defaultValue `false` */
  antialias?: boolean;
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

type ResizingConfig = ResizingOptions & { height: number; width: number };

/**
 * Brings images of any size to one size. Integers stay integers of their dtype, rounded.
 *
 * Shapes: (batch, rows, columns, channels) → (batch, height, width, channels), or without the batch; channels first likewise.
 *
 * @param height - Rows of the result; a positive integer.
 * @param width - Columns of the result; a positive integer.
 * @throws RangeError for an unknown interpolation, or when images should be both cropped and padded.
 * @throws ShapeError unless the inputs are one image or a batch of them.
 * @example
 * layers.Resizing(32, 32)(ops.ones([1, 48, 64, 3])).shape; // [1, 32, 32, 3]
 * @see keras/src/layers/preprocessing/image_preprocessing/resizing.py (Keras 3.x): images only, no labels or boxes.
 */
export class ResizingBase extends LayerBase {
  static readonly className: string = "Resizing";
  static readonly modulePath: string = "keras.layers";
  static override readonly callInputs: readonly string[] = ["data"];
  static override readonly configKeys: Readonly<Record<string, string>> = {
    dataFormat: "data_format",
    height: "height",
    width: "width",
    interpolation: "interpolation",
    cropToAspectRatio: "crop_to_aspect_ratio",
    padToAspectRatio: "pad_to_aspect_ratio",
    fillMode: "fill_mode",
    fillValue: "fill_value",
    antialias: "antialias",
  };

  readonly height: number;
  readonly width: number;
  readonly interpolation: Interpolation;
  readonly cropToAspectRatio: boolean;
  readonly padToAspectRatio: boolean;
  readonly fillMode: "constant";
  readonly fillValue: number;
  readonly antialias: boolean;
  readonly dataFormat: DataFormat;

  constructor(height: number | ResizingConfig, width?: number, options: ResizingOptions = {}) {
    const given = isPlainObject(height) ? height : { ...options, height, width };
    const {
      height: rows,
      width: columns,
      interpolation = "bilinear",
      cropToAspectRatio = false,
      padToAspectRatio = false,
      fillMode = "constant",
      fillValue = 0,
      antialias = false,
      dataFormat = null,
      ...base
    } = given as ResizingConfig;
    super(base);
    this.height = checkPositiveInteger(this, "height", rows);
    this.width = checkPositiveInteger(this, "width", columns);
    this.interpolation = checkInterpolation(this, interpolation);
    this.cropToAspectRatio = checkBoolean(this, "cropToAspectRatio", cropToAspectRatio);
    this.padToAspectRatio = checkBoolean(this, "padToAspectRatio", padToAspectRatio);
    if (cropToAspectRatio && padToAspectRatio) {
      throw new RangeError(
        `${placeOf(this)}: only one of \`cropToAspectRatio\` and \`padToAspectRatio\` can be true; leave one of them out`,
      );
    }
    if (fillMode !== "constant") {
      throw new RangeError(
        `${placeOf(this)}: expected \`fillMode\` to be "constant". Received: fillMode=${describe(fillMode)}`,
      );
    }
    this.fillMode = fillMode;
    this.fillValue = checkNumber(this, "fillValue", fillValue);
    this.antialias = checkBoolean(this, "antialias", antialias);
    this.dataFormat = withTrail(placeOf(this), () => standardizeDataFormat(dataFormat));
  }

  override call(inputs: Tensor): Tensor {
    if (!(inputs instanceof Tensor)) {
      throw new TypeError(`only images can be resized here, without labels or boxes. Received: ${describe(inputs)}`);
    }
    const declared = declaredShape(inputs.shape);
    if (inputs.ndim !== 3 && inputs.ndim !== 4) {
      throw new ShapeError(
        `expected one image or a batch of images, of rank 3 or 4. Received: shape ${formatShape(declared)}`,
      );
    }
    const down = this.dataFormat === "channels_first" ? inputs.ndim - 2 : inputs.ndim - 3;
    const known = declared[down] !== null && declared[down + 1] !== null;
    const framed = known ? this.#frame(inputs, down) : inputs;
    const sizes = new Map([
      [down, this.height],
      [down + 1, this.width],
    ]);
    return saturated(resizeAxes(framed, sizes, this.interpolation, this.antialias), inputs.dtype);
  }

  /** Images of the target's aspect ratio, as far as whole pixels allow. */
  #frame(x: Tensor, down: number): Tensor {
    const { height, width } = this;
    const [rows, columns] = [x.shape[down]!, x.shape[down + 1]!];
    const [fittingRows, fittingColumns] = [Math.trunc((columns * height) / width), Math.trunc((rows * width) / height)];
    if (this.cropToAspectRatio) {
      const size = [Math.max(1, Math.min(rows, fittingRows)), Math.max(1, Math.min(columns, fittingColumns))];
      const sizes = x.shape.map((d, axis) => size[axis - down] ?? d);
      const starts = x.shape.map((d, axis) => Math.floor((d - sizes[axis]!) / 2));
      return ops.slice(x, starts, sizes);
    }
    if (!this.padToAspectRatio) return x;
    // As much on both sides, so that an odd rest is left out.
    const more = [Math.max(0, fittingRows - rows), Math.max(0, fittingColumns - columns)].map((n) => Math.floor(n / 2));
    const sides = x.shape.map((_, axis) => [more[axis - down] ?? 0, more[axis - down] ?? 0]);
    const values = isFloat(x.dtype) ? x : ops.cast(x, floatx());
    return more.some((n) => n > 0) ? ops.pad(values, sides, { constantValues: this.fillValue }) : x;
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      data_format: this.dataFormat,
      height: this.height,
      width: this.width,
      interpolation: this.interpolation,
      crop_to_aspect_ratio: this.cropToAspectRatio,
      pad_to_aspect_ratio: this.padToAspectRatio,
      fill_mode: this.fillMode,
      fill_value: this.fillValue,
      antialias: this.antialias,
    };
  }
}

export const Resizing = layerClass(ResizingBase);
export type Resizing = InstanceType<typeof Resizing>;

/** Largest and smallest number of each integer dtype that has fewer of them than float32 holds. */
const LIMITS: Partial<Record<DType, readonly [number, number]>> = {
  bool: [0, 1],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

/** Back in the images' dtype: interpolation may have gone beyond what it holds. */
function saturated(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  const whole = isInteger(dtype) ? ops.round(x) : x;
  const limits = LIMITS[dtype];
  return ops.cast(limits ? ops.clip(whole, ...limits) : whole, dtype);
}
