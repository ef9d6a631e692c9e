/** Sequences, images and volumes without their borders. */
import { type DataFormat, standardizeDataFormat } from "../../core/config.ts";
import { ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkSides, checkSidesPerAxis, onSpatialAxes, type Sides } from "./sides.ts";

/** Options of {@link Cropping1D}. */
export interface Cropping1DOptions extends LayerOptions {
  /** How many steps to cut off on both sides, or `[before, after]`. @defaultValue `[1, 1]` */
  cropping?: number | Sides;
}

interface SpatialCroppingOptions<C> extends LayerOptions {
  cropping?: C;
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

/** Options of {@link Cropping2D}. `cropping`: everywhere, or for height and width each a number or `[before, after]`. @defaultValue `0` */
export type Cropping2DOptions = SpatialCroppingOptions<number | readonly [number | Sides, number | Sides]>;
/** Options of {@link Cropping3D}. `cropping`: everywhere, or for the three axes each a number or `[before, after]`. @defaultValue `1` */
export type Cropping3DOptions = SpatialCroppingOptions<
  number | readonly [number | Sides, number | Sides, number | Sides]
>;

/** What lies between the counts cut off on each axis. */
function crop(inputs: Tensor, sides: readonly Sides[]): Tensor {
  const sizes = inputs.shape.map((d, i) => d - sides[i]![0] - sides[i]![1]);
  if (sizes.some((d, i) => d <= 0 && sides[i]!.some((n) => n > 0))) {
    const cut = sides.map(([before, after]) => `[${before}, ${after}]`).join(", ");
    throw new ShapeError(
      `\`cropping\` must leave something of each axis. Received: shape ${formatShape(declaredShape(inputs.shape))}, ` +
        `of whose axes ${cut} would be cut off`,
    );
  }
  return ops.slice(
    inputs,
    sides.map(([before]) => before),
    sizes,
  );
}

/**
 * Cuts off steps at the beginning and the end of each sequence.
 *
 * Shapes: (batch, steps, features) → (batch, steps − before − after, features).
 *
 * @param cropping - Steps on both sides, or `[before, after]`. @defaultValue `[1, 1]`
 * @throws ShapeError when nothing is left.
 * @see keras/src/layers/reshaping/cropping1d.py (Keras 3.x)
 */
export class Cropping1DBase extends LayerBase {
  static readonly className: string = "Cropping1D";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { cropping: "cropping" };

  readonly cropping: Sides;

  constructor(cropping: number | Sides | Cropping1DOptions = {}, options: Cropping1DOptions = {}) {
    const { cropping: sides = 1, ...base } = positionalOption<Cropping1DOptions>(
      "Cropping1D",
      "cropping",
      cropping,
      options,
    );
    super(base);
    this.cropping = checkSides(this, "cropping", sides);
    this.inputSpec = new InputSpec({ ndim: 3 });
  }

  override call(inputs: Tensor): Tensor {
    return crop(inputs, onSpatialAxes<Sides>("channels_last", [this.cropping], [0, 0]));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), cropping: this.cropping };
  }
}

/** A layer that crops two or three axes between batch and channels. */
abstract class SpatialCropping extends LayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    cropping: "cropping",
    dataFormat: "data_format",
  };

  readonly cropping: readonly Sides[];
  readonly dataFormat: DataFormat;

  constructor(axes: number, cropping: unknown, dataFormat: DataFormat | null, base: LayerOptions) {
    super(base);
    this.dataFormat = standardizeDataFormat(dataFormat);
    this.cropping = checkSidesPerAxis(this, "cropping", cropping, axes);
    this.inputSpec = new InputSpec({ ndim: axes + 2 });
  }

  override call(inputs: Tensor): Tensor {
    return crop(inputs, onSpatialAxes<Sides>(this.dataFormat, this.cropping, [0, 0]));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), cropping: this.cropping, data_format: this.dataFormat };
  }
}

/**
 * Cuts rows and columns off the borders of each image.
 *
 * @param cropping - Pixels on all sides; or for height and width each a number or `[before, after]`. @defaultValue `0`
 * @throws ShapeError when nothing is left.
 * @example
 * layers.Cropping2D([[2, 2], [4, 4]])(ops.ones([2, 28, 28, 3])).shape; // [2, 24, 20, 3]
 * @see keras/src/layers/reshaping/cropping2d.py (Keras 3.x)
 */
export class Cropping2DBase extends SpatialCropping {
  static readonly className: string = "Cropping2D";
  static readonly modulePath: string = "keras.layers";

  constructor(cropping: Cropping2DOptions["cropping"] | Cropping2DOptions = {}, options: Cropping2DOptions = {}) {
    const {
      cropping: sides = 0,
      dataFormat = null,
      ...base
    } = positionalOption<Cropping2DOptions>("Cropping2D", "cropping", cropping, options);
    super(2, sides, dataFormat, base);
  }
}

/**
 * Cuts off the borders of each volume.
 *
 * @param cropping - Voxels on all sides; or for the three axes each a number or `[before, after]`. @defaultValue `1`
 * @throws ShapeError when nothing is left.
 * @see keras/src/layers/reshaping/cropping3d.py (Keras 3.x)
 */
export class Cropping3DBase extends SpatialCropping {
  static readonly className: string = "Cropping3D";
  static readonly modulePath: string = "keras.layers";

  constructor(cropping: Cropping3DOptions["cropping"] | Cropping3DOptions = {}, options: Cropping3DOptions = {}) {
    const {
      cropping: sides = 1,
      dataFormat = null,
      ...base
    } = positionalOption<Cropping3DOptions>("Cropping3D", "cropping", cropping, options);
    super(3, sides, dataFormat, base);
  }
}

export const Cropping1D = layerClass(Cropping1DBase);
export type Cropping1D = InstanceType<typeof Cropping1D>;
export const Cropping2D = layerClass(Cropping2DBase);
export type Cropping2D = InstanceType<typeof Cropping2D>;
export const Cropping3D = layerClass(Cropping3DBase);
export type Cropping3D = InstanceType<typeof Cropping3D>;
