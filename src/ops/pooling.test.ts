import { describe } from "vitest";
import { describeWindowOps } from "../testing/windowOps.ts";

describe("pooling against Keras", () => {
  describeWindowOps("pooling");
});
