/** What pooling over all steps, pixels or cells shares. */
import type { DataFormat } from "../../core/config.ts";
import { isPlainObject } from "../../core/tree.ts";
import type { Config } from "../../ops/operation.ts";
import { checkBoolean } from "../checks.ts";
import { checkDataFormat, type Rank } from "../convolutional/window.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";

/** Options of global pooling. */
export interface GlobalPoolingOptions extends LayerOptions {
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
  /** Keeps the pooled axes with size 1. @defaultValue `false` */
  keepdims?: boolean;
}

/** The first argument of global pooling: options, or as in Keras the data format. */
export type GlobalPoolingArgument = DataFormat | GlobalPoolingOptions | null;

/** One number for each channel. */
export abstract class BaseGlobalPooling extends LayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    dataFormat: "data_format",
    keepdims: "keepdims",
  };

  readonly dataFormat: DataFormat;
  readonly keepdims: boolean;
  /** The axes that are pooled. */
  readonly #axes: readonly number[];

  constructor(rank: Rank, first: GlobalPoolingArgument, options: GlobalPoolingOptions) {
    const given: GlobalPoolingOptions = isPlainObject(first) ? first : { ...options, dataFormat: first as DataFormat };
    const { dataFormat = null, keepdims = false, ...base } = given;
    super(base);
    this.dataFormat = checkDataFormat(this, dataFormat);
    this.keepdims = checkBoolean(this, "keepdims", keepdims);
    this.#axes = Array.from({ length: rank }, (_, i) => i + (this.dataFormat === "channels_first" ? 2 : 1));
    this.inputSpec = new InputSpec({ ndim: rank + 2 });
    this.builtAtOnce();
  }

  /** Options of the reduction, for ops. */
  protected reduction() {
    return { axis: this.#axes, keepdims: this.keepdims };
  }

  override getConfig(): Config {
    return { ...super.getConfig(), data_format: this.dataFormat, keepdims: this.keepdims };
  }
}
