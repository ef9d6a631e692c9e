/** docs/coverage.md says what the package has now. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { coveragePage, ourName } from "../../tools/coverage.ts";

describe("docs/coverage.md", () => {
  it("is what `npm run coverage` writes", () => {
    const page = readFileSync(new URL("../../docs/coverage.md", import.meta.url), "utf8");
    expect(page === coveragePage(), "run `npm run coverage` and commit docs/coverage.md").toBe(true);
  });

  it.each([
    ["logical_and", "logicalAnd"],
    ["Conv2D", "Conv2D"],
    ["fft2", "fft2"],
    ["extract_patches_3d", "extractPatches3d"],
    ["efficientnet_v2", "efficientnetV2"],
  ])("calls %s %s", (theirs, ours) => {
    expect(ourName(theirs)).toBe(ours);
  });
});
