/** Normalization of each sample over groups of its channels. */
import { describe } from "../../core/errors.ts";
import { formatShape, normalizeAxis, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { positionalOption } from "../callArguments.ts";
import { InputSpec } from "../inputSpec.ts";
import { layerClass } from "../layerClass.ts";
import { ScaleAndOffset, type ScaleAndOffsetOptions } from "./scaleAndOffset.ts";
import { fullPrecision, standardize, statistics } from "./statistics.ts";

/** Options of {@link GroupNormalization}. */
export interface GroupNormalizationOptions extends ScaleAndOffsetOptions {
  /** Number of groups, which divides that of the channels; -1 makes every channel a group (instance normalization). @defaultValue `32` */
  groups?: number;
  /** The axis of the channels. @defaultValue `-1` */
  axis?: number;
}

/**
 * Brings each group of a sample's channels to mean 0 and variance 1 over all positions, then to a trained scale and offset
 * per channel. Unlike batch normalization it does not depend on the batch, so it suits small ones.
 *
 * Shapes: unchanged. Weights: `gamma`, `beta`, one element per channel.
 *
 * @param groups - Number of groups; a positive integer, or -1.
 * @throws RangeError when `groups` does not divide the number of channels.
 * @see Wu and He, 2018, arXiv:1803.08494
 * @see keras/src/layers/normalization/group_normalization.py (Keras 3.x)
 */
export class GroupNormalizationBase extends ScaleAndOffset {
  static readonly className: string = "GroupNormalization";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { groups: "groups", axis: "axis" };

  /** The number of channels, if -1 was given, once the layer is built. */
  groups: number;
  readonly axis: number;

  constructor(groups: number | GroupNormalizationOptions = {}, options: GroupNormalizationOptions = {}) {
    const {
      groups: count = 32,
      axis = -1,
      ...base
    } = positionalOption<GroupNormalizationOptions>("GroupNormalization", "groups", groups, options);
    super(base);
    const where = `GroupNormalization "${this.name}"`;
    if (!Number.isInteger(count) || (count < 1 && count !== -1)) {
      throw new RangeError(
        `${where}: expected \`groups\` to be a positive integer, or -1 for one per channel. Received: groups=${describe(count)}`,
      );
    }
    if (!Number.isInteger(axis)) {
      throw new TypeError(`${where}: expected \`axis\` to be an integer. Received: axis=${describe(axis)}`);
    }
    this.groups = count;
    this.axis = axis;
    this.autocast = false;
  }

  override build(inputShape: Shape): void {
    const axis = normalizeAxis(this.axis, inputShape.length, "`axis`");
    const channels = inputShape[axis] ?? null;
    if (axis === 0 || channels === null) {
      throw new RangeError(
        `the channels, axis ${this.axis}, must come after the batch and have a known size. Received: shape ${formatShape(inputShape)}`,
      );
    }
    if (this.groups === -1) this.groups = channels;
    if (channels % this.groups !== 0) {
      throw new RangeError(
        `\`groups\` must divide the number of channels. Received: groups=${this.groups}, ${channels} channels`,
      );
    }
    this.inputSpec = new InputSpec({ ndim: inputShape.length, axes: { [axis]: channels } });
    if (this.scale) this.addGamma([channels]);
    if (this.center) this.addBeta([channels]);
  }

  override call(inputs: Tensor): Tensor {
    const axis = normalizeAxis(this.axis, inputs.ndim);
    const parted = (shape: readonly number[]): number[] =>
      shape.flatMap((d, i) => (i === axis ? [this.groups, d / this.groups] : [d]));
    // (batch, …, groups, channels per group, …)
    const x = ops.cast(ops.reshape(inputs, parted(inputs.shape)), fullPrecision(inputs.dtype));
    const axes = x.shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis);
    const perChannel = parted(inputs.shape.map((d, i) => (i === axis ? d : 1)));
    const weight = (v: Variable | null): Tensor | null => v && ops.cast(ops.reshape(v.value, perChannel), x.dtype);
    const y = standardize(statistics(x, axes), this.epsilon, weight(this.gamma), weight(this.beta));
    return ops.cast(ops.reshape(ops.cast(y, inputs.dtype), inputs.shape), this.computeDtype);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      groups: this.groups,
      axis: this.axis,
      epsilon: this.epsilon,
      center: this.center,
      scale: this.scale,
      ...this.initializerConfig(),
      ...this.boundConfig(),
    };
  }
}

export const GroupNormalization = layerClass(GroupNormalizationBase);
export type GroupNormalization = InstanceType<typeof GroupNormalization>;
