/** One-hot rows of class numbers; the numbers are those of `keras.utils.to_categorical` in Keras 3.15. */
import { describe, expect, it } from "vitest";
import { tensor } from "../runtime/tensor.ts";
import { toCategorical } from "./numerical.ts";

describe("toCategorical", () => {
  it("counts negative labels from the last class, as NumPy does", async () => {
    const rows = [
      [1, 0, 0],
      [0, 0, 1],
      [0, 1, 0],
    ];
    expect(await toCategorical([0, -1, -2], 3).array()).toEqual(rows);
    expect(await toCategorical(tensor([[0], [-1], [-2]]), 3).array()).toEqual(rows);
    expect(await toCategorical([0, 2, 1]).array()).toEqual([rows[0], rows[1], rows[2]]);
  });

  it("refuses labels beyond the classes on either side", () => {
    expect(() => toCategorical([0, 3], 3)).toThrow("toCategorical: label 3 is beyond the 3 classes, numbered 0 to 2");
    expect(() => toCategorical([0, -4], 3)).toThrow("toCategorical: label -4 is beyond the 3 classes, numbered 0 to 2");
  });
});
