/** All axes of a sample in one. */
import { type DataFormat, standardizeDataFormat } from "../../core/config.ts";
import { isPlainObject } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** Options of {@link Flatten}. */
export interface FlattenOptions extends LayerOptions {
  /** Where the inputs have their channels; they come out last. @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

/**
 * Puts all axes but the batch into one.
 *
 * Shapes: (batch, a, b, …) → (batch, a · b · …); (batch) → (batch, 1).
 *
 * @see keras/src/layers/reshaping/flatten.py (Keras 3.x)
 */
export class FlattenBase extends LayerBase {
  static readonly className: string = "Flatten";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { dataFormat: "data_format" };

  readonly dataFormat: DataFormat;

  constructor(dataFormat: DataFormat | FlattenOptions | null = {}, options: LayerOptions = {}) {
    const given = isPlainObject(dataFormat) ? dataFormat : { ...options, dataFormat };
    const { dataFormat: format = null, ...base } = given as FlattenOptions;
    super(base);
    this.dataFormat = standardizeDataFormat(format);
    this.inputSpec = new InputSpec({ minNdim: 1 });
  }

  override call(inputs: Tensor): Tensor {
    const { ndim } = inputs;
    const channelsInside = this.dataFormat === "channels_first" && ndim > 2;
    const x = channelsInside ? ops.transpose(inputs, [0, ...axes(2, ndim), 1]) : inputs;
    const [batch, ...rest] = x.shape;
    // With the size as a product, an empty batch keeps it too.
    const known = declaredShape(rest).every((d) => d !== null);
    return ops.reshape(x, [batch!, known ? rest.reduce((n, d) => n * d, 1) : -1]);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), data_format: this.dataFormat };
  }
}

const axes = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

export const Flatten = layerClass(FlattenBase);
export type Flatten = InstanceType<typeof Flatten>;
