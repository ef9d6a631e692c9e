/** What pooling to a stated size shares. */
import type { DataFormat } from "../../core/config.ts";
import type { Config } from "../../ops/operation.ts";
import { checkDataFormat, type PerAxis, type Rank } from "../convolutional/window.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { checkPerAxis } from "../reshaping/sides.ts";

/** Options of adaptive pooling. */
export interface AdaptivePoolingOptions extends LayerOptions {
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

/** All options in one object. */
export type AdaptivePoolingConfig<R extends Rank> = AdaptivePoolingOptions & { outputSize: PerAxis<R> };

/**
 * Pooling to a stated size: of n elements, cell i of m gets those from ⌊i · n / m⌋ up to ⌈(i + 1) · n / m⌉. Cells overlap
 * where m does not divide n.
 */
export abstract class BaseAdaptivePooling extends LayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    outputSize: "output_size",
    dataFormat: "data_format",
  };

  readonly outputSize: readonly number[];
  readonly dataFormat: DataFormat;

  constructor(rank: Rank, options: AdaptivePoolingConfig<Rank>) {
    const { outputSize, dataFormat = null, ...base } = options;
    super(base);
    this.outputSize = checkPerAxis(this, "outputSize", outputSize, rank, 1);
    this.dataFormat = checkDataFormat(this, dataFormat);
    this.inputSpec = new InputSpec({ ndim: rank + 2 });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), output_size: this.outputSize, data_format: this.dataFormat };
  }
}
