/** A layer applied to every time step. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import * as ops from "../../ops/index.ts";
import { standinSize } from "../../ops/kit.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { WrapperBase } from "../core/wrapper.ts";
import type { CallOptions, LayerBase, LayerOptions, Mask } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { checkTime } from "./cell.ts";
import { firstMask } from "./initialState.ts";
import { isPerSample } from "./perSample.ts";

/**
 * Applies a layer to every time step of its inputs, with the same weights everywhere.
 *
 * Layers that treat samples one by one (Dense, convolutions, most others) see all steps as one large batch; for others
 * (BatchNormalization in training, layers of yours) the steps are run one after the other, as Keras does.
 *
 * Shapes: `inputs` (batch, time, …) → (batch, time, …) with the layer's output for inputs (batch, …) after `time`. A mask is
 * (batch, time) or (batch, time, …); the layer gets that of its step.
 * Weights: those of the layer.
 *
 * @param layer - The layer inside.
 * @throws TypeError when it is no layer.
 * @throws ShapeError for inputs of fewer than three axes or without steps, or a mask that does not fit.
 * @example
 * layers.TimeDistributed(layers.Conv2D(8, 3))(ops.ones([2, 5, 16, 16, 3])).shape; // [2, 5, 14, 14, 8]
 * @see keras/src/layers/rnn/time_distributed.py (Keras 3.x)
 */
export class TimeDistributedBase extends WrapperBase {
  static override readonly className: string = "TimeDistributed";
  static override readonly modulePath: string = "keras.layers";

  constructor(layer: LayerBase | (LayerOptions & { layer: LayerBase }), options: LayerOptions = {}) {
    super(layer, options);
    this.supportsMasking = true;
  }

  override build(inputShape: Shape): void {
    super.build(this.#stepShape(inputShape));
  }

  #stepShape(inputShape: Shape): Shape {
    if (inputShape.length < 3) {
      throw new ShapeError(
        `expected inputs of at least three axes, (batch, time, …). Received: shape ${formatShape(inputShape)}`,
      );
    }
    checkTime(inputShape);
    const [batch, , ...features] = inputShape;
    return [batch!, ...features];
  }

  override call(inputs: Tensor, options: CallOptions = {}): Tensor {
    const mask = firstMask(options.mask ?? null);
    this.#stepShape(declaredShape(inputs.shape));
    checkMask(mask, inputs);
    const [batch, time] = inputs.shape as [number, number];
    const { training } = options;
    const run = (x: Tensor, stepMask: Tensor | null): Tensor => {
      const more = { ...(training === undefined ? {} : { training }), ...(stepMask ? { mask: stepMask } : {}) };
      return onlyTensor(this.layer.invoke([x, more]));
    };
    const maskForLayer = this.layer.supportsMasking ? mask : null;
    if (standinSize() !== null) {
      // Only the shape is wanted, and the number of steps may be a stand-in.
      const y = run(ops.getItem(inputs, [null, 0]), maskForLayer && ops.getItem(maskForLayer, [null, 0]));
      return ops.broadcastTo(ops.expandDims(y, 1), [batch, time, ...y.shape.slice(1)]);
    }
    if (isPerSample(this.layer, training ?? false)) {
      const merged = (x: Tensor): Tensor => ops.reshape(x, [batch * time, ...x.shape.slice(2)]);
      const y = run(merged(inputs), maskForLayer && merged(maskForLayer));
      return ops.reshape(y, [batch, time, ...y.shape.slice(1)]);
    }
    const steps = ops.unstack(inputs, { axis: 1 });
    const masks = maskForLayer && ops.unstack(maskForLayer, { axis: 1 });
    return ops.stack(
      steps.map((x, i) => run(x, masks?.[i] ?? null)),
      { axis: 1 },
    );
  }

  override computeMask(_inputs: unknown, previousMask: Mask): Mask {
    return previousMask;
  }
}

/** @throws ShapeError unless the mask is for the steps of the inputs. */
function checkMask(mask: Tensor | null, inputs: Tensor): void {
  if (mask === null) return;
  const [found, shape] = [declaredShape(mask.shape), declaredShape(inputs.shape)];
  const fits = (axis: number): boolean => found[axis] === null || shape[axis] === null || found[axis] === shape[axis];
  if (found.length >= 2 && fits(0) && fits(1)) return;
  throw new ShapeError(
    `expected a mask of shape (batch, time) or (batch, time, …), here (${shape[0]}, ${shape[1]}, …). Received: mask of shape ` +
      `${formatShape(found)} for inputs of shape ${formatShape(shape)}`,
  );
}

function onlyTensor(output: unknown): Tensor {
  if (output instanceof Tensor) return output;
  throw new TypeError("the layer inside must give one tensor. Received: a structure of several");
}

export const TimeDistributed = layerClass(TimeDistributedBase);
export type TimeDistributed = InstanceType<typeof TimeDistributed>;
