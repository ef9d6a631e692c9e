/** What normalization layers share: an epsilon, and a trained scale (`gamma`) and offset (`beta`) per channel. */
import * as constraints from "../../constraints/index.ts";
import * as initializers from "../../initializers/index.ts";
import type { Config } from "../../ops/operation.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Variable } from "../../runtime/variable.ts";
import { checkBoolean, checkNumber } from "../checks.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";

/** Options that normalization layers share. */
export interface ScaleAndOffsetOptions extends LayerOptions {
  /** Added to the variance, so that nothing is divided by zero. @defaultValue `0.001` */
  epsilon?: number;
  /** Adds the trained offset `beta`. @defaultValue `true` */
  center?: boolean;
  /** Multiplies by the trained scale `gamma`. Not needed before a layer that scales by itself. @defaultValue `true` */
  scale?: boolean;
  /** @defaultValue `"zeros"` */
  betaInitializer?: initializers.InitializerLike;
  /** @defaultValue `"ones"` */
  gammaInitializer?: initializers.InitializerLike;
  /** @defaultValue `null` */
  betaRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  gammaRegularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  betaConstraint?: constraints.ConstraintLike | null;
  /** @defaultValue `null` */
  gammaConstraint?: constraints.ConstraintLike | null;
}

/** A layer that brings its inputs to a common scale, then to a trained one. */
export abstract class ScaleAndOffset extends LayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    epsilon: "epsilon",
    center: "center",
    scale: "scale",
    betaInitializer: "beta_initializer",
    gammaInitializer: "gamma_initializer",
    betaRegularizer: "beta_regularizer",
    gammaRegularizer: "gamma_regularizer",
    betaConstraint: "beta_constraint",
    gammaConstraint: "gamma_constraint",
  };

  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly betaInitializer: initializers.InitializerFunction;
  readonly gammaInitializer: initializers.InitializerFunction;
  readonly betaRegularizer: regularizers.RegularizerFunction | null;
  readonly gammaRegularizer: regularizers.RegularizerFunction | null;
  readonly betaConstraint: constraints.ConstraintFunction | null;
  readonly gammaConstraint: constraints.ConstraintFunction | null;
  /** `null` before the layer is built, or without scale. */
  gamma: Variable | null = null;
  /** `null` before the layer is built, or without offset. */
  beta: Variable | null = null;

  constructor(options: ScaleAndOffsetOptions) {
    const {
      epsilon = 1e-3,
      center = true,
      scale = true,
      betaInitializer = "zeros",
      gammaInitializer = "ones",
      betaRegularizer = null,
      gammaRegularizer = null,
      betaConstraint = null,
      gammaConstraint = null,
      ...base
    } = options;
    super(base);
    this.epsilon = checkNumber(this, "epsilon", epsilon, 0);
    this.center = checkBoolean(this, "center", center);
    this.scale = checkBoolean(this, "scale", scale);
    this.betaInitializer = initializers.get(betaInitializer);
    this.gammaInitializer = initializers.get(gammaInitializer);
    this.betaRegularizer = regularizers.get(betaRegularizer);
    this.gammaRegularizer = regularizers.get(gammaRegularizer);
    this.betaConstraint = constraints.get(betaConstraint);
    this.gammaConstraint = constraints.get(gammaConstraint);
    this.supportsMasking = true;
  }

  protected addGamma(shape: readonly number[]): void {
    this.gamma = this.addWeight({
      name: "gamma",
      shape,
      initializer: this.gammaInitializer,
      regularizer: this.gammaRegularizer,
      constraint: this.gammaConstraint,
      autocast: false,
    });
  }

  protected addBeta(shape: readonly number[]): void {
    this.beta = this.addWeight({
      name: "beta",
      shape,
      initializer: this.betaInitializer,
      regularizer: this.betaRegularizer,
      constraint: this.betaConstraint,
      autocast: false,
    });
  }

  /** The part of the config that starts new weights. */
  protected initializerConfig(): Config {
    return {
      beta_initializer: initializers.serialize(this.betaInitializer),
      gamma_initializer: initializers.serialize(this.gammaInitializer),
    };
  }

  /** The part of the config that bounds weights in training. */
  protected boundConfig(): Config {
    return {
      beta_regularizer: this.betaRegularizer && regularizers.serialize(this.betaRegularizer),
      gamma_regularizer: this.gammaRegularizer && regularizers.serialize(this.gammaRegularizer),
      beta_constraint: this.betaConstraint && constraints.serialize(this.betaConstraint),
      gamma_constraint: this.gammaConstraint && constraints.serialize(this.gammaConstraint),
    };
  }
}
