/** Zeros around sequences, images and volumes. */
import { type DataFormat, standardizeDataFormat } from "../../core/config.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkSides, checkSidesPerAxis, onSpatialAxes, type Sides } from "./sides.ts";

interface PaddingOptions<P> extends LayerOptions {
  /** How many zeros to add. */
  padding?: P;
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

/** Options of {@link ZeroPadding1D}. `padding`: on both sides, or `[before, after]`. @defaultValue `1` */
export type ZeroPadding1DOptions = PaddingOptions<number | Sides>;
/** Options of {@link ZeroPadding2D}. `padding`: everywhere, or for height and width each a number or `[before, after]`. @defaultValue `1` */
export type ZeroPadding2DOptions = PaddingOptions<number | readonly [number | Sides, number | Sides]>;
/** Options of {@link ZeroPadding3D}. `padding`: everywhere, or for the three axes each a number or `[before, after]`. @defaultValue `1` */
export type ZeroPadding3DOptions = PaddingOptions<number | readonly [number | Sides, number | Sides, number | Sides]>;

/** A layer that pads the axes between batch and channels. */
abstract class ZeroPadding extends LayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    padding: "padding",
    dataFormat: "data_format",
  };

  abstract readonly padding: Sides | readonly Sides[];
  readonly dataFormat: DataFormat;

  constructor(ndim: number, { dataFormat = null, ...base }: Omit<PaddingOptions<never>, "padding">) {
    super(base);
    this.dataFormat = standardizeDataFormat(dataFormat);
    this.inputSpec = new InputSpec({ ndim });
  }

  protected pad(inputs: Tensor, sides: readonly Sides[]): Tensor {
    return ops.pad(inputs, onSpatialAxes<Sides>(this.dataFormat, sides, [0, 0]) as [number, number][]);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), padding: this.padding, data_format: this.dataFormat };
  }
}

/**
 * Adds zeros before and after each sequence.
 *
 * Shapes: (batch, steps, features) → (batch, before + steps + after, features); channels first: the last axis.
 *
 * @param padding - Zeros on both sides, or `[before, after]`. @defaultValue `1`
 * @example
 * layers.ZeroPadding1D([2, 0])(ops.ones([1, 3, 4])).shape; // [1, 5, 4]
 * @see keras/src/layers/reshaping/zero_padding1d.py (Keras 3.x)
 */
export class ZeroPadding1DBase extends ZeroPadding {
  static readonly className: string = "ZeroPadding1D";
  static readonly modulePath: string = "keras.layers";

  readonly padding: Sides;

  constructor(padding: number | Sides | ZeroPadding1DOptions = {}, options: ZeroPadding1DOptions = {}) {
    const { padding: sides = 1, ...base } = positionalOption<ZeroPadding1DOptions>(
      "ZeroPadding1D",
      "padding",
      padding,
      options,
    );
    super(3, base);
    this.padding = checkSides(this, "padding", sides);
  }

  override call(inputs: Tensor): Tensor {
    return this.pad(inputs, [this.padding]);
  }
}

/**
 * Adds rows and columns of zeros around each image.
 *
 * @param padding - Zeros on all sides; or for height and width each a number or `[before, after]`. @defaultValue `1`
 * @example
 * layers.ZeroPadding2D([[1, 0], 2])(ops.ones([1, 4, 4, 3])).shape; // [1, 5, 8, 3]
 * @see keras/src/layers/reshaping/zero_padding2d.py (Keras 3.x)
 */
export class ZeroPadding2DBase extends ZeroPadding {
  static readonly className: string = "ZeroPadding2D";
  static readonly modulePath: string = "keras.layers";

  readonly padding: readonly Sides[];

  constructor(
    padding: ZeroPadding2DOptions["padding"] | ZeroPadding2DOptions = {},
    options: ZeroPadding2DOptions = {},
  ) {
    const { padding: sides = 1, ...base } = positionalOption<ZeroPadding2DOptions>(
      "ZeroPadding2D",
      "padding",
      padding,
      options,
    );
    super(4, base);
    this.padding = checkSidesPerAxis(this, "padding", sides, 2);
  }

  override call(inputs: Tensor): Tensor {
    return this.pad(inputs, this.padding);
  }
}

/**
 * Adds zeros around each volume.
 *
 * @param padding - Zeros on all sides; or for the three axes each a number or `[before, after]`. @defaultValue `1`
 * @see keras/src/layers/reshaping/zero_padding3d.py (Keras 3.x)
 */
export class ZeroPadding3DBase extends ZeroPadding {
  static readonly className: string = "ZeroPadding3D";
  static readonly modulePath: string = "keras.layers";

  readonly padding: readonly Sides[];

  constructor(
    padding: ZeroPadding3DOptions["padding"] | ZeroPadding3DOptions = {},
    options: ZeroPadding3DOptions = {},
  ) {
    const { padding: sides = 1, ...base } = positionalOption<ZeroPadding3DOptions>(
      "ZeroPadding3D",
      "padding",
      padding,
      options,
    );
    super(5, base);
    this.padding = checkSidesPerAxis(this, "padding", sides, 3);
  }

  override call(inputs: Tensor): Tensor {
    return this.pad(inputs, this.padding);
  }
}

export const ZeroPadding1D = layerClass(ZeroPadding1DBase);
export type ZeroPadding1D = InstanceType<typeof ZeroPadding1D>;
export const ZeroPadding2D = layerClass(ZeroPadding2DBase);
export type ZeroPadding2D = InstanceType<typeof ZeroPadding2D>;
export const ZeroPadding3D = layerClass(ZeroPadding3DBase);
export type ZeroPadding3D = InstanceType<typeof ZeroPadding3D>;
