/** Examples run small with `--small` or KERAS_TS_SMALL=1: less data, to see in seconds that everything works. */
import type * as keras from "../../src/node.ts";

export const small: boolean = process.env.KERAS_TS_SMALL === "1" || process.argv.includes("--small");

/** The first samples of a tensor: `full` of them, or `few` in a small run. */
export const first = (x: keras.Tensor, full: number, few: number): keras.Tensor =>
  x.get([0, Math.min(small ? few : full, x.shape[0]!)]);

/** Grey levels from 0 to 1 as text, one line per row of pixels; several images side by side. */
export function drawImages(images: readonly (readonly number[])[], width: number): string {
  const shades = " .:-=+*#%@";
  const shade = (level: number): string => shades[Math.max(0, Math.min(9, Math.round(level * 9)))]!.repeat(2);
  const rows = images[0]!.length / width;
  return Array.from({ length: rows }, (_, row) =>
    images
      .map((levels) =>
        levels
          .slice(row * width, (row + 1) * width)
          .map(shade)
          .join(""),
      )
      .join("  |  "),
  ).join("\n");
}
