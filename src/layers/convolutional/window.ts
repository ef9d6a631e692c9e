/** Windows that move over the spatial axes: what convolutions and pooling accept, and what is left of an axis. */
import { type DataFormat, standardizeDataFormat } from "../../core/config.ts";
import { describe, didYouMean, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import type { Operation } from "../../ops/operation.ts";
import { placeOf, withTrail } from "../errorTrail.ts";

/** Number of spatial axes: sequences, images, volumes. */
export type Rank = 1 | 2 | 3;

/** One integer for all spatial axes, or one for each. */
export type PerAxis<R extends Rank> =
  | number
  | { 1: readonly [number]; 2: readonly [number, number]; 3: readonly [number, number, number] }[R];

/** What happens at the borders: `"valid"` stays inside, `"same"` pads so that only strides make the output smaller. */
export type Padding = "valid" | "same";

/** The padding in lower case. @throws RangeError when it is none of the `known`. */
export function checkPadding<P extends string>(layer: Operation, value: unknown, known: readonly P[]): P {
  const name = typeof value === "string" ? value.toLowerCase() : value;
  if (known.includes(name as P)) return name as P;
  const names = known.map((p) => `"${p}"`).join(" or ");
  const hint = typeof name === "string" ? didYouMean(name, known) : "";
  throw new RangeError(
    `${placeOf(layer)}: expected \`padding\` to be ${names}.${hint} Received: padding=${describe(value)}`,
  );
}

/** The data format, or the default for `null`. @throws RangeError for anything else. */
export const checkDataFormat = (layer: Operation, value: string | null): DataFormat =>
  withTrail(placeOf(layer), () => standardizeDataFormat(value));

/** The axis of the channels, as input specs have it. */
export const channelAxis = (dataFormat: DataFormat): 1 | -1 => (dataFormat === "channels_first" ? 1 : -1);

/**
 * Checks that a window fits into every spatial axis, which `padding: "valid"` needs.
 *
 * @param what - The window as messages name it: `kernel`.
 * @throws ShapeError naming the axis, the window and the shape.
 */
export function checkFits(
  what: string,
  size: readonly number[],
  dilationRate: readonly number[],
  dataFormat: DataFormat,
  inputShape: Shape,
): void {
  const first = dataFormat === "channels_first" ? 2 : 1;
  for (const [i, n] of size.entries()) {
    const axis = first + i;
    const found = inputShape[axis] ?? null;
    const extent = (n - 1) * dilationRate[i]! + 1;
    if (found === null || found >= extent) continue;
    const dilated = extent > n ? `, which dilation by ${dilationRate[i]} makes ${extent} wide` : "";
    throw new ShapeError(
      `the ${what} of size ${formatShape(size)} is larger than the input on axis ${axis}${dilated}, so nothing would be ` +
        `left of that axis. Received: input of shape ${formatShape(inputShape)}, dataFormat "${dataFormat}"; use ` +
        `padding "same", a smaller ${what} or a larger input`,
    );
  }
}
