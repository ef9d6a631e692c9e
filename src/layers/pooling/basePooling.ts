/** What pooling over windows shares: the window, its steps, what happens at the borders. */
import type { DataFormat } from "../../core/config.ts";
import type { Shape } from "../../core/shape.ts";
import type { Config } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import {
  checkDataFormat,
  checkFits,
  checkPadding,
  type Padding,
  type PerAxis,
  type Rank,
} from "../convolutional/window.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { checkPerAxis } from "../reshaping/sides.ts";

/** Options that pooling layers share. */
export interface PoolingOptions<R extends Rank> extends LayerOptions {
  /** Steps of the window, per axis. @defaultValue `poolSize`: windows side by side */
  strides?: PerAxis<R> | null;
  /** @defaultValue `"valid"` */
  padding?: Padding;
  /** @defaultValue `imageDataFormat()`, `"channels_last"` */
  dataFormat?: DataFormat | null;
}

/** What the base takes: dimensions are checked at run time. */
export type PoolingConfig = PoolingOptions<Rank> & { poolSize?: unknown };

/** Options of the pooling itself, for ops. */
export interface PoolingWindow {
  readonly strides: readonly number[];
  readonly padding: Padding;
  readonly dataFormat: DataFormat;
}

/** One number for each window and channel. */
export abstract class BasePooling extends LayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    poolSize: "pool_size",
    padding: "padding",
    strides: "strides",
    dataFormat: "data_format",
  };

  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: Padding;
  readonly dataFormat: DataFormat;

  constructor(rank: Rank, options: PoolingConfig) {
    const { poolSize, strides = null, padding = "valid", dataFormat = null, ...base } = options;
    super(base);
    this.poolSize = checkPerAxis(this, "poolSize", poolSize, rank, 1);
    this.strides = strides === null ? this.poolSize : checkPerAxis(this, "strides", strides, rank, 1);
    this.padding = checkPadding<Padding>(this, padding, ["valid", "same"]);
    this.dataFormat = checkDataFormat(this, dataFormat);
    this.inputSpec = new InputSpec({ ndim: rank + 2 });
    this.builtAtOnce();
  }

  /** The numbers of the windows. */
  protected abstract pool(inputs: Tensor, window: PoolingWindow): Tensor;

  override call(inputs: Tensor): Tensor {
    this.#checkWindowFits(declaredShape(inputs.shape));
    const { strides, padding, dataFormat } = this;
    return this.pool(inputs, { strides, padding, dataFormat });
  }

  #checkWindowFits(inputShape: Shape): void {
    if (this.padding !== "valid") return;
    const apart = this.poolSize.map(() => 1);
    checkFits("pooling window", this.poolSize, apart, this.dataFormat, inputShape);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      pool_size: this.poolSize,
      padding: this.padding,
      strides: this.strides,
      data_format: this.dataFormat,
    };
  }
}
