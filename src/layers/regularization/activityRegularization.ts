/** A loss on what passes through. */
import type { Config } from "../../ops/operation.ts";
import * as regularizers from "../../regularizers/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** Options of {@link ActivityRegularization}. */
export interface ActivityRegularizationOptions extends Omit<LayerOptions, "activityRegularizer"> {
  /** Factor of the sum of absolute values. @defaultValue `0` */
  l1?: number;
  /** Factor of the sum of squares. @defaultValue `0` */
  l2?: number;
}

/**
 * Passes its inputs on and adds l1 · Σ|x| + l2 · Σx², divided by the batch size, to the loss.
 *
 * @see keras/src/layers/regularization/activity_regularization.py (Keras 3.x)
 */
export class ActivityRegularizationBase extends LayerBase {
  static readonly className: string = "ActivityRegularization";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { l1: "l1", l2: "l2" };

  readonly l1: number;
  readonly l2: number;

  constructor(options: ActivityRegularizationOptions = {}) {
    const { l1 = 0, l2 = 0, ...base } = options;
    super({ ...base, activityRegularizer: regularizers.L1L2({ l1, l2 }) });
    this.l1 = l1;
    this.l2 = l2;
    this.supportsMasking = true;
    this.builtAtOnce();
  }

  override call(inputs: Tensor): Tensor {
    return inputs;
  }

  override getConfig(): Config {
    const { activity_regularizer: _, ...config } = super.getConfig();
    return { ...config, l1: this.l1, l2: this.l2 };
  }
}

export const ActivityRegularization = layerClass(ActivityRegularizationBase);
export type ActivityRegularization = InstanceType<typeof ActivityRegularization>;
