/** A rectified linear unit whose negative slope is trained. */
import * as constraints from "../../constraints/index.ts";
import type { Shape } from "../../core/shape.ts";
import * as initializers from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import { checkIntegers } from "../checks.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** Options of {@link PReLU}. */
export interface PReLUOptions extends LayerOptions {
  /** @defaultValue `"zeros"` */
  alphaInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  alphaRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  alphaConstraint?: constraints.ConstraintLike | null;
  /** Axes along which one slope is shared, counted with the batch: `[1, 2]` for one per channel of images. @defaultValue `null` */
  sharedAxes?: number | readonly number[] | null;
}

/**
 * f(x) = x for x ≥ 0, alpha · x below, with a trained alpha per position of the input.
 *
 * Weights: `alpha`, of the input's shape without the batch, 1 on shared axes.
 *
 * @see keras/src/layers/activations/prelu.py (Keras 3.x)
 */
export class PReLUBase extends LayerBase {
  static readonly className: string = "PReLU";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    alphaInitializer: "alpha_initializer",
    alphaRegularizer: "alpha_regularizer",
    alphaConstraint: "alpha_constraint",
    sharedAxes: "shared_axes",
  };

  readonly alphaInitializer: initializers.InitializerFunction;
  readonly alphaRegularizer: regularizers.RegularizerFunction | null;
  readonly alphaConstraint: constraints.ConstraintFunction | null;
  readonly sharedAxes: readonly number[] | null;
  /** `null` before the layer is built. */
  alpha: Variable | null = null;

  constructor(options: PReLUOptions = {}) {
    const {
      alphaInitializer = "zeros",
      alphaRegularizer = null,
      alphaConstraint = null,
      sharedAxes = null,
      ...base
    } = options;
    super(base);
    this.alphaInitializer = initializers.get(alphaInitializer);
    this.alphaRegularizer = regularizers.get(alphaRegularizer);
    this.alphaConstraint = constraints.get(alphaConstraint);
    const axes = typeof sharedAxes === "number" ? [sharedAxes] : sharedAxes;
    this.sharedAxes = axes === null ? null : checkIntegers(this, "sharedAxes", axes, 1);
    this.supportsMasking = true;
  }

  override build(inputShape: Shape): void {
    const shared = new Set(this.sharedAxes);
    const beyond = this.sharedAxes?.find((axis) => axis >= inputShape.length);
    if (beyond !== undefined) {
      throw new RangeError(`\`sharedAxes\` holds axis ${beyond}, but the input has rank ${inputShape.length}`);
    }
    const shape = inputShape.map((d, axis) => (shared.has(axis) ? 1 : (d as number))).slice(1);
    this.alpha = this.addWeight({
      name: "alpha",
      shape,
      initializer: this.alphaInitializer,
      regularizer: this.alphaRegularizer,
      constraint: this.alphaConstraint,
    });
    const axes = shape.flatMap((d, i) => (shared.size > 0 && !shared.has(i + 1) ? [[i + 1, d]] : []));
    this.inputSpec = new InputSpec({ ndim: inputShape.length, axes: Object.fromEntries(axes) });
  }

  override call(inputs: Tensor): Tensor {
    const below = ops.multiply(ops.negative(this.alpha!), ops.relu(ops.negative(inputs)));
    return ops.add(ops.relu(inputs), below);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      alpha_initializer: initializers.serialize(this.alphaInitializer),
      alpha_regularizer: this.alphaRegularizer && regularizers.serialize(this.alphaRegularizer),
      alpha_constraint: this.alphaConstraint && constraints.serialize(this.alphaConstraint),
      shared_axes: this.sharedAxes,
    };
  }
}

export const PReLU = layerClass(PReLUBase);
export type PReLU = InstanceType<typeof PReLU>;
