/** Convolutions whose one kernel mixes the channels: the number of filters is theirs to choose. */
import * as constraints from "../../constraints/index.ts";
import * as initializers from "../../initializers/index.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Variable } from "../../runtime/variable.ts";
import { checkPositiveInteger } from "../checks.ts";
import { BaseConv, type BaseConvConfig, type BaseConvOptions, type WeightSettings } from "./baseConv.ts";
import type { Padding, Rank } from "./window.ts";

/** Options of convolutions with one kernel. */
export interface FilterConvOptions<R extends Rank, P extends string = Padding> extends BaseConvOptions<R, P> {
  /** @defaultValue `"glorot_uniform"` */
  kernelInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  kernelRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  kernelConstraint?: constraints.ConstraintLike | null;
}

/** What the base takes; see {@link BaseConvConfig}. */
export type FilterConvConfig = BaseConvConfig & FilterConvOptions<Rank, string> & { filters: number };

/** A convolution with a kernel and as many channels of the output as it has filters. */
export abstract class FilterConv extends BaseConv {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    filters: "filters",
    kernelInitializer: "kernel_initializer",
    kernelRegularizer: "kernel_regularizer",
    kernelConstraint: "kernel_constraint",
  };

  readonly filters: number;
  readonly kernelInitializer: initializers.InitializerFunction;
  readonly kernelRegularizer: regularizers.RegularizerFunction | null;
  readonly kernelConstraint: constraints.ConstraintFunction | null;
  /** `null` before the layer is built. */
  kernel: Variable | null = null;

  constructor(rank: Rank, options: FilterConvConfig, paddings?: readonly string[]) {
    const {
      filters,
      kernelInitializer = "glorot_uniform",
      kernelRegularizer = null,
      kernelConstraint = null,
      ...base
    } = options;
    super(rank, base, paddings);
    this.filters = checkPositiveInteger(this, "filters", filters);
    this.kernelInitializer = initializers.get(kernelInitializer);
    this.kernelRegularizer = regularizers.get(kernelRegularizer);
    this.kernelConstraint = constraints.get(kernelConstraint);
    this.checkStridesOrDilation();
  }

  protected kernelSettings(): WeightSettings {
    const { kernelInitializer, kernelRegularizer, kernelConstraint } = this;
    return { initializer: kernelInitializer, regularizer: kernelRegularizer, constraint: kernelConstraint };
  }
}
