/** Sizes of images: which ones an architecture takes, and the zeros around them before a convolution with strides. */
import { imageDataFormat } from "../core/config.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import type { KerasTensor } from "../ops/kerasTensor.ts";
import type { Settings } from "./application.ts";

const channelsFirst = (): boolean => imageDataFormat() === "channels_first";

/** The channel axis of batches of images. */
export const channelAxis = (): number => (channelsFirst() ? 1 : 3);
/** The same, counted as the MobileNets' files have it. */
export const lastChannelAxis = (): number => (channelsFirst() ? 1 : -1);

/** Channels of symbolic feature maps. */
export const channelsOf = (x: KerasTensor): number => x.shape.at(lastChannelAxis())!;

/** Height and width in the shape of one image. */
export function imageSize(shape: Shape): [rows: number | null, columns: number | null] {
  const [rows = null, columns = null] = channelsFirst() ? shape.slice(1) : shape;
  return [rows, columns];
}

/** A shape of one image from its parts. */
export const imageShape = (rows: number | null, columns: number | null, channels: number | null): Shape =>
  channelsFirst() ? [channels, rows, columns] : [rows, columns, channels];

const channelsIn = (shape: Shape): number | null => (channelsFirst() ? shape[0] : shape.at(-1)) ?? null;

/**
 * The shape of the images for given options.
 *
 * @param where - Name of the architecture, for messages.
 * @param defaultSize - Height and width when the classifier needs one and none is given.
 * @throws ShapeError for a shape that the architecture or the published weights do not take.
 * @see keras/src/applications/imagenet_utils.py (Keras 3.x), `obtain_input_shape`
 */
export function obtainInputShape(where: string, settings: Settings, defaultSize: number, minSize = 32): Shape {
  const { inputShape, weights, includeTop } = settings;
  const trained = weights === "imagenet";
  if (inputShape === null) return includeTop ? imageShape(defaultSize, defaultSize, 3) : imageShape(null, null, 3);
  const fail = (expected: string): never => {
    throw new ShapeError(`${where}: expected \`inputShape\` to ${expected}. Received: ${formatShape(inputShape)}`);
  };
  if (!Array.isArray(inputShape) || inputShape.length !== 3) return fail("have three sizes, without the batch");
  const channels = channelsIn(inputShape);
  const [rows, columns] = imageSize(inputShape);
  if (trained && includeTop) {
    const only = imageShape(defaultSize, defaultSize, 3);
    if (formatShape(only) !== formatShape(inputShape)) {
      fail(`be ${formatShape(only)}, as the published weights of the classifier need it`);
    }
  } else if (trained && channels !== 3) fail("have 3 channels, as the published weights need it");
  if (!trained && channels !== 1 && channels !== 3) {
    console.warn(`${where}: images usually have 1 or 3 channels. Received: inputShape=${formatShape(inputShape)}`);
  }
  if ([rows, columns].some((size) => size !== null && size < minSize)) fail(`be at least ${minSize} x ${minSize}`);
  if (includeTop && [rows, columns, channels].includes(null)) {
    fail("have known sizes, as the classifier needs it; or pass `includeTop: false`");
  }
  return inputShape;
}

/**
 * Rows and columns of zeros that make a "valid" convolution of stride 2 cover what a "same" one does.
 *
 * @see keras/src/applications/imagenet_utils.py (Keras 3.x), `correct_pad`
 */
export function correctPad(x: KerasTensor, kernelSize: number): [[number, number], [number, number]] {
  const [rows, columns] = imageSize(x.shape.slice(1));
  const half = Math.floor(kernelSize / 2);
  const side = (size: number | null): [number, number] => [half - (rows === null ? 1 : 1 - ((size ?? 0) % 2)), half];
  return [side(rows), side(columns)];
}

/** A number of channels near `value` that `divisor` divides, at most a tenth smaller. */
export function makeDivisible(value: number, divisor = 8): number {
  const near = Math.max(divisor, Math.floor(Math.trunc(value + divisor / 2) / divisor) * divisor);
  return near < 0.9 * value ? near + divisor : near;
}

/** A width factor as file names have it: `1.0`, `0.75`. */
export const factorText = (factor: number): string => (Number.isInteger(factor) ? factor.toFixed(1) : String(factor));
