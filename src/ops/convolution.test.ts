import { describe } from "vitest";
import { describeWindowOps } from "../testing/windowOps.ts";

describe("convolutions against Keras", () => {
  describeWindowOps("convolution");
  describeWindowOps("convolution_transpose");
});
