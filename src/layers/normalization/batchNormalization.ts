/** Normalization of each channel over the batch. */
import { describe, ShapeError } from "../../core/errors.ts";
import { formatShape, normalizeAxis, type Shape } from "../../core/shape.ts";
import { isPlainObject } from "../../core/tree.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { positionalOption } from "../callArguments.ts";
import { checkBoolean, checkNumber } from "../checks.ts";
import { InputSpec } from "../inputSpec.ts";
import type { CallOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { BatchRenormalization, type RenormClipping } from "./batchRenormalization.ts";
import { ScaleAndOffset, type ScaleAndOffsetOptions } from "./scaleAndOffset.ts";
import { fullPrecision, maskedStatistics, moved, type Statistics, standardize, statistics } from "./statistics.ts";

/** Options of {@link BatchNormalization}. */
export interface BatchNormalizationOptions extends ScaleAndOffsetOptions {
  /** The axis of the channels, which are normalized one by one. @defaultValue `-1` */
  axis?: number;
  /** How much of the moving statistics stays at each step. @defaultValue `0.99` */
  momentum?: number;
  /** @defaultValue `"zeros"` */
  movingMeanInitializer?: initializers.InitializerLike;
  /** @defaultValue `"ones"` */
  movingVarianceInitializer?: initializers.InitializerLike;
  /** Whether training corrects the batch's statistics towards the moving ones. @defaultValue `false` */
  renorm?: boolean;
  /** Bounds of the corrections of `renorm`. @defaultValue `null` */
  renormClipping?: RenormClipping | null;
  /** How much of the statistics that `renorm` corrects towards stays at each step. @defaultValue `0.99` */
  renormMomentum?: number;
  /** Statistics over all devices. There is one here, so it changes nothing and is kept for files. @defaultValue `false` */
  synchronized?: boolean;
}

/**
 * Brings each channel to mean 0 and variance 1 over the batch, then to a trained scale and offset.
 *
 * In training the statistics are those of the batch, and moving averages of them are kept: `moving = moving · momentum +
 * batch · (1 − momentum)`. Otherwise, and always once `trainable` is false, the moving averages are used.
 *
 * Shapes: unchanged. Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`, one element per channel; `renorm` adds
 * `moving_stddev`, `renorm_mean`, `renorm_stddev`.
 * Mask: of the inputs' shape without the last axis; what it hides takes no part in the statistics of training.
 *
 * @throws ShapeError when the size of the channels' axis is not known, or a mask has another rank.
 * @example
 * const x = layers.BatchNormalization()(layers.Dense(64, { useBias: false })(inputs));
 * @see Ioffe and Szegedy, 2015, arXiv:1502.03167
 * @see keras/src/layers/normalization/batch_normalization.py (Keras 3.x)
 */
export class BatchNormalizationBase extends ScaleAndOffset {
  static readonly className: string = "BatchNormalization";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    axis: "axis",
    momentum: "momentum",
    movingMeanInitializer: "moving_mean_initializer",
    movingVarianceInitializer: "moving_variance_initializer",
    renorm: "renorm",
    renormClipping: "renorm_clipping",
    renormMomentum: "renorm_momentum",
    synchronized: "synchronized",
  };

  readonly axis: number;
  readonly momentum: number;
  readonly movingMeanInitializer: initializers.InitializerFunction;
  readonly movingVarianceInitializer: initializers.InitializerFunction;
  readonly renorm: boolean;
  readonly renormClipping: RenormClipping | null;
  readonly renormMomentum: number;
  readonly synchronized: boolean;
  /** `null` before the layer is built. */
  movingMean: Variable | null = null;
  /** `null` before the layer is built. */
  movingVariance: Variable | null = null;
  #renormalization: BatchRenormalization | null = null;

  constructor(axis: number | BatchNormalizationOptions = {}, options: BatchNormalizationOptions = {}) {
    const {
      axis: channels = -1,
      momentum = 0.99,
      movingMeanInitializer = "zeros",
      movingVarianceInitializer = "ones",
      renorm = false,
      renormClipping = null,
      renormMomentum = 0.99,
      synchronized = false,
      ...base
    } = positionalOption<BatchNormalizationOptions>("BatchNormalization", "axis", axis, options);
    super(base);
    const where = `BatchNormalization "${this.name}"`;
    if (!Number.isInteger(channels)) {
      throw new TypeError(`${where}: expected \`axis\` to be an integer. Received: axis=${describe(channels)}`);
    }
    // There is one device, whose statistics are those of all.
    this.synchronized = checkBoolean(this, "synchronized", synchronized);
    this.axis = channels;
    this.momentum = checkNumber(this, "momentum", momentum);
    this.movingMeanInitializer = initializers.get(movingMeanInitializer);
    this.movingVarianceInitializer = initializers.get(movingVarianceInitializer);
    this.renorm = checkBoolean(this, "renorm", renorm);
    this.renormClipping = renorm ? checkClipping(where, renormClipping ?? {}) : renormClipping;
    this.renormMomentum = checkNumber(this, "renormMomentum", renormMomentum);
  }

  override build(inputShape: Shape): void {
    const axis = normalizeAxis(this.axis, inputShape.length, "`axis`");
    const size = inputShape[axis] as number;
    if (this.scale) this.addGamma([size]);
    if (this.center) this.addBeta([size]);
    const statistic = (name: string, initializer: initializers.InitializerFunction): Variable =>
      this.addWeight({ name, shape: [size], initializer, trainable: false, autocast: false });
    this.movingMean = statistic("moving_mean", this.movingMeanInitializer);
    this.movingVariance = statistic("moving_variance", this.movingVarianceInitializer);
    if (this.renorm) {
      this.#renormalization = new BatchRenormalization(this, this.renormClipping!, statistic);
    }
    this.inputSpec = new InputSpec({ ndim: inputShape.length, axes: { [axis]: size } });
  }

  override call(inputs: Tensor, options: CallOptions = {}): Tensor {
    const mask = this.#checkMask(inputs, options.mask);
    const x = ops.cast(inputs, fullPrecision(inputs.dtype));
    const axis = normalizeAxis(this.axis, x.ndim);
    const axes = x.shape.map((_, i) => i).filter((i) => i !== axis);
    const alongAxis = (v: Tensor): Tensor =>
      axis === x.ndim - 1
        ? v
        : ops.reshape(
            v,
            x.shape.map((d, i) => (i === axis ? d : 1)),
          );
    const weight = (v: Variable | null): Tensor | null => v && ops.cast(alongAxis(v.value), x.dtype);
    const [gamma, beta] = [weight(this.gamma), weight(this.beta)];
    const y =
      options.training && this.trainable
        ? this.#trained(x, mask && wide(mask, x), axes, gamma, beta, alongAxis)
        : fromMoments(x, weight(this.movingMean)!, weight(this.movingVariance)!, this.epsilon, gamma, beta);
    return ops.cast(y, this.computeDtype);
  }

  #trained(
    x: Tensor,
    mask: Tensor | null,
    axes: readonly number[],
    gamma: Tensor | null,
    beta: Tensor | null,
    alongAxis: (v: Tensor) => Tensor,
  ): Tensor {
    const found: Statistics = mask ? maskedStatistics(x, mask, axes) : statistics(x, axes);
    const mean = ops.reshape(found.mean, this.movingMean!.shape);
    const variance = ops.reshape(found.variance, mean.shape);
    if (this.#renormalization) {
      const { r, d } = this.#renormalization.correct(mean, variance);
      const factor = alongAxis(r);
      const shift = gamma ? ops.multiply(alongAxis(d), gamma) : alongAxis(d);
      return standardize(
        found,
        this.epsilon,
        gamma ? ops.multiply(factor, gamma) : factor,
        beta ? ops.add(shift, beta) : shift,
      );
    }
    this.movingMean!.assign(moved(this.movingMean!, mean, this.momentum));
    this.movingVariance!.assign(moved(this.movingVariance!, variance, this.momentum));
    return standardize(found, this.epsilon, gamma, beta);
  }

  #checkMask(inputs: Tensor, mask: CallOptions["mask"]): Tensor | null {
    const given = (mask ?? null) as Tensor | null;
    if (given === null || given.ndim === inputs.ndim - 1) return given;
    throw new ShapeError(
      `the mask must have one axis less than the inputs. Received: mask ${formatShape(given.shape)}, inputs ${formatShape(inputs.shape)}`,
    );
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      axis: this.axis,
      momentum: this.momentum,
      epsilon: this.epsilon,
      center: this.center,
      scale: this.scale,
      ...this.initializerConfig(),
      moving_mean_initializer: initializers.serialize(this.movingMeanInitializer),
      moving_variance_initializer: initializers.serialize(this.movingVarianceInitializer),
      ...this.boundConfig(),
      synchronized: this.synchronized,
      renorm: this.renorm,
      renorm_clipping: this.renormClipping,
      renorm_momentum: this.renormMomentum,
    };
  }
}

export const BatchNormalization = layerClass(BatchNormalizationBase);
export type BatchNormalization = InstanceType<typeof BatchNormalization>;

/** The mask over the last axis too. */
const wide = (mask: Tensor, x: Tensor): Tensor => ops.broadcastTo(ops.cast(ops.expandDims(mask, -1), "bool"), x.shape);

/** Normalization by given statistics: x · a + b with a and b per channel. */
function fromMoments(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  epsilon: number,
  gamma: Tensor | null,
  beta: Tensor | null,
): Tensor {
  const inverse = ops.rsqrt(ops.add(variance, epsilon));
  const factor = gamma ? ops.multiply(inverse, gamma) : inverse;
  const shift = ops.multiply(mean, factor);
  return ops.add(ops.multiply(x, factor), beta ? ops.subtract(beta, shift) : ops.negative(shift));
}

function checkClipping(where: string, clipping: RenormClipping): RenormClipping {
  const known = ["rmax", "rmin", "dmax"];
  if (!isPlainObject(clipping) || Object.keys(clipping).some((key) => !known.includes(key))) {
    throw new RangeError(
      `${where}: expected \`renormClipping\` to be an object with ${known.join(", ")}. Received: ${describe(clipping)}`,
    );
  }
  const { rmax = null, rmin = null, dmax = null } = clipping as RenormClipping;
  if (rmax !== null && rmin !== null && rmax < rmin) {
    throw new RangeError(`${where}: expected \`rmax\` to be at least \`rmin\`. Received: rmax=${rmax}, rmin=${rmin}`);
  }
  if (dmax !== null && dmax < 0) {
    throw new RangeError(`${where}: expected \`dmax\` not to be negative. Received: dmax=${dmax}`);
  }
  return clipping;
}
