/** What the fixtures of rarer ops cannot say: use in graphs of layers, promises, and messages. */
import { describe, expect, it } from "vitest";
import { tensor } from "../runtime/tensor.ts";
import { Trace, withTrace } from "../runtime/trace.ts";
import * as ops from "./index.ts";
import { KerasTensor } from "./kerasTensor.ts";

const symbolic = (...shape: (number | null)[]) => new KerasTensor(shape);
const { image } = ops;

describe("meshgrid", () => {
  it("takes vectors one after another or in a list, options last", async () => {
    const [x, y] = [tensor([1, 2, 3]), tensor([4, 5])];
    const numbers = (grids: ReturnType<typeof ops.meshgrid<typeof x>>) =>
      Promise.all(grids.map((grid) => grid.array()));
    const xy = [
      [[1, 2, 3], [1, 2, 3]],
      [[4, 4, 4], [5, 5, 5]],
    ]; // biome-ignore format: a grid a line
    const ij = [
      [[1, 1], [2, 2], [3, 3]],
      [[4, 5], [4, 5], [4, 5]],
    ]; // biome-ignore format: a grid a line
    expect(await numbers(ops.meshgrid(x, y))).toEqual(xy);
    expect(await numbers(ops.meshgrid([x, y]))).toEqual(xy);
    expect(await numbers(ops.meshgrid([1, 2, 3], [4, 5], { indexing: "ij" }))).toEqual(ij);
    expect(await numbers(ops.meshgrid([x, y], { indexing: "ij" }))).toEqual(ij);
    expect((await numbers(ops.meshgrid(x)))[0]).toEqual([1, 2, 3]);
    expect(() => ops.meshgrid(x, y, { indexing: "yx" as "xy" })).toThrow(/`indexing` to be "xy" or "ij"/);
  });
});

describe("bincount", () => {
  it("counts numbers without being told how many there are, and grows as Keras does", async () => {
    const counted = ops.array([1, 1, 5], { dtype: "int32" });
    expect(await (await ops.bincount(counted)).array()).toEqual([0, 2, 0, 0, 0, 1]);
    expect(await (await ops.bincount([1, 2, 2], { weights: [0.5, 1, 2] })).array()).toEqual([0, 0.5, 3]);
    expect((await ops.bincount(ops.zeros([0], { dtype: "int32" }))).shape).toEqual([0]);
    expect(await ops.bincount(counted, { minlength: 2 }).array()).toEqual([0, 2, 0, 0, 0, 1]);
    expect(ops.bincount(new KerasTensor([null], { dtype: "int32" }), { minlength: 2 }).shape).toEqual([2]);
    expect(() => ops.bincount(symbolic(null))).toThrow(/bincount: its result depends on the numbers.*Give `minlength`/);
    await expect(ops.bincount([1, -1])).rejects.toThrow("expected integers that are not negative. Received: -1");
  });
});

describe("symbolic use", () => {
  const batch = symbolic(null, 8, 6, 3);
  it.each<[string, () => unknown, (number | null)[]]>([
    ["resize", () => image.resize(batch, [4, 5]), [null, 4, 5, 3]],
    ["resize of any size", () => image.resize(symbolic(null, null, null, 3), [4, 5]), [null, 4, 5, 3]],
    ["rgbToGrayscale", () => image.rgbToGrayscale(batch), [null, 8, 6, 1]],
    ["extractPatches", () => image.extractPatches(batch, 2), [null, 4, 3, 12]],
    ["extractPatches of any size", () => image.extractPatches(symbolic(null, null, 6, 3), 2), [null, null, 3, 12]],
    ["gaussianBlur", () => image.gaussianBlur(batch), [null, 8, 6, 3]],
    ["affineTransform", () => image.affineTransform(batch, [1, 0, 0, 0, 1, 0, 0, 0]), [null, 8, 6, 3]],
    [
      "cropImages",
      () => image.cropImages(batch, { topCropping: 1, leftCropping: 1, targetHeight: 3, targetWidth: 2 }),
      [null, 3, 2, 3],
    ],
    ["inv", () => ops.inv(symbolic(null, 3, 3)), [null, 3, 3]],
    ["det", () => ops.det(symbolic(null, 5, 5)), [null]],
    ["rfft", () => ops.rfft(symbolic(null, 10))[0], [null, 6]],
    ["stft", () => ops.stft(symbolic(null, 64), 8, 4, 16)[1], [null, 17, 9]],
    ["rearrange", () => ops.rearrange(symbolic(null, 4, 6), "b (h s) w -> b h (w s)", { s: 2 }), [null, 2, 12]],
    ["ctcLoss", () => ops.ctcLoss(symbolic(null, 4), symbolic(null, 9, 5), symbolic(null), symbolic(null)), [null]],
    ["layerNormalization", () => ops.layerNormalization(symbolic(null, 4)), [null, 4]],
    ["nanmedian", () => ops.nanmedian(symbolic(null, 4), { axis: 1 }), [null]],
    ["unique with a size", () => ops.unique(symbolic(3, 4), { size: 5 }), [5]],
  ])("of %s", (_, run, shape) => {
    expect((run() as KerasTensor).shape).toEqual(shape);
  });

  it("records Keras's classes and keys", () => {
    const operation = image.resize(batch, [4, 5], { antialias: true }).kerasHistory!.operation;
    expect(operation.getConfig()).toMatchObject({ size: [4, 5], antialias: true, crop_to_aspect_ratio: false });
    expect(ops.svd(symbolic(2, 3, 4))[0].kerasHistory!.operation.getConfig()).toMatchObject({ full_matrices: true });
  });
});

describe("results as large as the data say", () => {
  it("are promises", async () => {
    const [rows, columns] = await ops.nonzero([
      [0, 1],
      [1, 1],
    ]);
    expect([await rows!.array(), await columns!.array()]).toEqual([
      [0, 1, 1],
      [1, 0, 1],
    ]);
    expect(await (await ops.unique([3, 1, 3])).array()).toEqual([1, 3]);
    expect(await ops.convertToNumpy([[1, 2]])).toEqual([[1, 2]]);
  });

  it.each([
    ["nonzero", () => ops.nonzero(symbolic(3) as never), /nonzero: .*do not exist yet.*ops\.where/],
    ["unique", async () => ops.unique(symbolic(3) as never), /unique: .*`size`/],
    ["nonzero in a trace", () => withTrace(new Trace(), () => ops.nonzero([1])), /nonzero: .*traced function/],
    ["convertToNumpy", () => ops.convertToNumpy(symbolic(3)), /convertToNumpy: expected a tensor with numbers/],
  ])("say why %s cannot run", async (_, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});

describe("methods", () => {
  const x = tensor([
    [1, 4],
    [9, 16],
  ]);
  it("are the ops of their names", async () => {
    expect(await x.sqrt().array()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(await x.clip(2, 10).array()).toEqual([
      [2, 4],
      [9, 10],
    ]);
    expect(await x.ravel().cumsum().array()).toEqual([1, 5, 14, 30]);
    expect(await x.swapaxes(0, 1).argmin({ axis: 1 }).array()).toEqual([0, 0]);
    expect(await x.prod({ axis: 0 }).array()).toEqual([9, 64]);
    expect([await x.less(10).any().item(), await x.less(10).all().item()]).toEqual([1, 0]);
    expect(await x.var().item()).toBeCloseTo(32.25, 4);
    expect(await x.div(4).round().array()).toEqual([
      [0, 1],
      [2, 4],
    ]);
  });

  it("work on symbolic tensors", () => {
    expect(symbolic(null, 3).exp().std({ axis: 1 }).shape).toEqual([null]);
  });
});

describe("elasticTransform", () => {
  const picture = tensor(
    Float32Array.from({ length: 300 }, (_, i) => i % 17),
    [1, 10, 10, 3],
  );
  it("repeats with a seed, and moves pixels", async () => {
    const draw = (seed: number) => image.elasticTransform(picture, { seed, alpha: 5, sigma: 1 }).array();
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  it("leaves images alone without a movement", async () => {
    const same = image.elasticTransform(picture, { seed: 1, alpha: 0, sigma: 1 });
    expect(await ops.max(ops.abs(same.sub(picture))).item()).toBeLessThan(1e-5);
  });

  it("asks for a seed in a graph", () => {
    expect(() => image.elasticTransform(symbolic(null, 8, 8, 3))).toThrow(/elasticTransform: .*SeedGenerator/);
  });
});

describe("rarer ops say what is wrong", () => {
  const picture = ops.zeros([5, 6, 3]);
  it.each([
    ["rank", () => image.resize(ops.zeros([4]), [2, 2]), /resize: expected an image .*\(4,\)/],
    [
      "interpolation",
      () => image.resize(picture, [2, 2], { interpolation: "area" as "nearest" }),
      /"bilinear".*"area"/,
    ],
    ["both", () => image.resize(picture, [2, 2], { cropToAspectRatio: true, padToAspectRatio: true }), /only one of/],
    [
      "sides",
      () => image.padImages(picture, { topPadding: 1 }),
      /padImages: give exactly two of `topPadding`, `bottomPadding`/,
    ],
    [
      "crop",
      () => image.cropImages(picture, { topCropping: 4, bottomCropping: 4, leftCropping: 0, rightCropping: 0 }),
      /height of 5/,
    ],
    ["channels", () => image.rgbToHsv(ops.zeros([2, 2, 4])), /rgbToHsv: expected 3 channels on axis 2/],
    ["bytes", () => image.rgbToHsv(ops.zeros([2, 2, 3], { dtype: "uint8" })), /rgbToHsv: expected floats.*uint8/],
    ["transform", () => image.affineTransform(picture, [1, 2]), /affineTransform: expected `transform` of 8 numbers/],
    ["pair", () => ops.fft(ops.ones([4]) as never), /fft: expected a pair \[real, imaginary\].*ops\.zerosLike/],
    ["parts", () => ops.fft([ops.ones([4]), ops.ones([3])]), /same shape.*\(4,\) and \(3,\)/],
    ["frame", () => ops.stft(ops.ones([20]), 8, 2, 4), /stft: expected `fftLength` to be at least/],
    ["window", () => ops.stft(ops.ones([20]), 8, 2, 8, { window: [1, 2] }), /window.*of 8/],
    ["pattern", () => ops.rearrange(picture, "a b -> b a"), /has 2 axes.*\(5, 6, 3\)/],
    ["names", () => ops.rearrange(picture, "a b c -> a b"), /same axes, each once/],
    ["lengths", () => ops.rearrange(picture, "(a d) b c -> a d b c"), /all but one/],
    ["block", () => ops.spaceToDepth(ops.zeros([1, 5, 4, 1]), 2), /5×4 do not divide into blocks of 2×2/],
    [
      "blank",
      () => ops.ctcLoss([[1]], ops.zeros([2, 3]), [1], [1]),
      /ctcLoss: expected logits \(batch, time, classes\)/,
    ],
    [
      "strategy",
      () => ops.ctcDecode(ops.zeros([1, 2, 3]), [2], { strategy: "beam" as "greedy" }),
      /"greedy" or "beam_search"/,
    ],
    [
      "reduction",
      () => ops.scatterUpdate([1], [[0]], [1], { reduction: "sub" as "add" }),
      /null or one of add, max, min, mul/,
    ],
    ["vector", () => ops.batchNormalization(picture, ops.ones([2]), ops.ones([3]), -1), /`mean` to be a vector of 3/],
    ["bits", () => ops.view(ops.ones([2]), { dtype: "float64" }), /view: .*float32 and integers.*ops\.cast/],
    ["bytes of a view", () => ops.view(ops.zeros([3], { dtype: "uint8" }), { dtype: "int32" }), /do not fill int32/],
    ["integers", () => ops.gcd(1.5, 2), /gcd: expected integers.*float32/],
    ["space", () => ops.geomspace(-1, 1), /geomspace: expected .* of one sign/],
    ["histogram", () => ops.histogram(picture), /histogram: expected a vector.*ops\.ravel/],
  ])("about %s", (_, run, message) => {
    expect(run).toThrow(message);
  });
});
