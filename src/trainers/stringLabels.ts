/** Strings cannot be computed with: labels that are words are refused where the output they belong to is known. */
import type { Tensor } from "../runtime/tensor.ts";
import type { OutputPlace } from "./outputStructure.ts";

/** @throws TypeError naming the output, and how words become numbers. */
export function refuseStringLabels(
  where: string,
  places: readonly OutputPlace[],
  labels: readonly (Tensor | null)[],
): void {
  const place = places.find(({ index }) => labels[index]?.dtype === "string");
  if (!place) return;
  throw new TypeError(
    `${where}: the labels for output "${place.name}" are strings; losses and metrics compute with numbers. Turn them into class ` +
      "numbers first: const lookup = layers.StringLookup({ vocabulary: classes, numOovIndices: 0 }); " +
      "fit(x, lookup(y)), or map them with it in a dataset. Strings of digits: parse them into numbers",
  );
}
