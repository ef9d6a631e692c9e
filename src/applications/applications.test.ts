/** The image models against real Keras: layers, names, shapes and order of weights, configs; pixels and class names. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type DataFormat, setImageDataFormat } from "../core/config.ts";
import { resetNames } from "../core/names.ts";
import { isPlainObject } from "../core/tree.ts";
import * as layers from "../layers/index.ts";
import { LayerBase } from "../layers/layer.ts";
import { Model } from "../models/index.ts";
import type { Config } from "../ops/operation.ts";
import { nodePlatform } from "../platform/node.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { tensor } from "../runtime/tensor.ts";
import { emptyGroup, writeH5 } from "../saving/h5/h5File.ts";
import { serializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as applications from "./index.ts";

interface ModelCase {
  readonly function: keyof typeof applications;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly parameters: number;
  readonly inputs: unknown;
  readonly outputs: unknown;
  readonly operations: readonly (readonly [name: string, cls: string, weights: readonly number[][], digest: string])[];
}

interface PreprocessCase {
  readonly mode: applications.imagenetUtils.PreprocessMode;
  readonly data_format: DataFormat;
  readonly input: EncodedArray;
  readonly output: EncodedArray;
}

const fixture = loadFixture<{ models: ModelCase[]; preprocess: PreprocessCase[] }>("applications");

/** As `canonical` in tools/fixtures/applications.py. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isPlainObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  return typeof value === "number" ? value.toExponential(9).replace("e+", "e") : JSON.stringify(value);
}

const digest = (value: unknown): string => crc32(canonical(value)).toString(16).padStart(8, "0");
const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const build = (name: ModelCase["function"], options: object): Model =>
  // biome-ignore lint/performance/noDynamicNamespaceImportAccess: the fixture names the functions
  (applications[name] as applications.Application<applications.ApplicationOptions>)({ ...options, weights: null });

/** The file of a model's weights as Keras publishes it. */
async function oldLayout(model: Model): Promise<Uint8Array<ArrayBuffer>> {
  const root = emptyGroup();
  root.attributes.set(
    "layer_names",
    model.layers.map((layer) => layer.name),
  );
  for (const layer of model.layers) {
    const group = emptyGroup();
    root.groups.set(layer.name, group);
    group.attributes.set(
      "weight_names",
      layer.weights.map((weight) => `${weight.name}:0`),
    );
    for (const { name, shape, dtype, value } of layer.weights) {
      group.datasets.set(`${name}:0`, { shape, dtype, data: await value.data() });
    }
  }
  return (await writeH5(root)) as Uint8Array<ArrayBuffer>;
}

beforeAll(registerAllBuiltins);
beforeEach(resetNames);

describe("architectures are Keras's", () => {
  it.each(fixture.models.map((c) => [c.function, JSON.stringify(c.arguments), c] as const))("%s %s", (_, __, c) => {
    const options = Object.fromEntries(Object.entries(c.arguments).map(([key, value]) => [camelCase(key), value]));
    const model = build(c.function, options);
    const { config } = serializeObject(model) as { config: Config & { layers: Config[] } };
    expect(model.name).toBe(c.name);
    const found = model.operations.map((operation, i) => [
      operation.name,
      config.layers[i]!.class_name,
      operation instanceof LayerBase ? operation.weights.map((weight) => weight.shape) : [],
      digest(config.layers[i]),
    ]);
    expect(found).toEqual(c.operations);
    expect([config.input_layers, config.output_layers]).toEqual([c.inputs, c.outputs]);
    expect(model.countParams()).toBe(c.parameters);
  });
});

describe("building a model", () => {
  it("is quick and computes no weights", () => {
    applications.VGG16({ weights: null, inputShape: [32, 32, 3], includeTop: false }); // the code is warm
    const start = performance.now();
    applications.VGG19({ weights: null });
    applications.ResNet50({ weights: null });
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it("starts from a tensor of another graph", () => {
    const image = layers.Input({ shape: [64, 64, 3], name: "photo" });
    const inputTensor = layers.Rescaling(1 / 255)(image);
    const model = applications.MobileNetV2({ weights: null, inputTensor, includeTop: false, pooling: "avg" });
    expect(model.inputs[0]).toBe(image);
    expect(model.layers[1]!.name).toBe("rescaling");
    expect(model.outputShape).toEqual([null, 1280]);
  });

  it("gives channels first where the configuration says so", () => {
    setImageDataFormat("channels_first");
    try {
      const options = { weights: null, inputShape: [3, 64, 96], includeTop: false } as const;
      const shapes = [applications.ResNet50(options), applications.MobileNetV2(options)].map((m) => m.outputShape);
      expect(shapes).toEqual([
        [null, 2048, 2, 3],
        [null, 1280, 2, 3],
      ]);
    } finally {
      setImageDataFormat("channels_last");
    }
  });

  const { VGG16, VGG19, ResNet50, MobileNet, MobileNetV2, MobileNetV3Small } = applications;
  it.each<[string, () => unknown, string]>([
    [
      "a file that is not there",
      () => VGG16({ weights: "nowhere.h5" }),
      'VGG16: expected `weights` to be "imagenet", null, or a file of weights that exists. Received: "nowhere.h5"',
    ],
    ["classes of one's own with ImageNet's", () => VGG19({ classes: 10 }), "`classes` is 1000. Received: classes=10"],
    [
      "an activation with trained weights",
      () => ResNet50({ classifierActivation: "relu" }),
      '`classifierActivation` is "softmax" or null. Received: "relu"',
    ],
    ["an unknown pooling", () => VGG16({ weights: null, pooling: "mean" as never }), '"avg", "max" or null'],
    ["small images", () => VGG16({ weights: null, inputShape: [31, 40, 3] }), "to be at least 32 x 32. Received: (31"],
    [
      "open sizes before the classifier",
      () => VGG16({ weights: null, inputShape: [null, 64, 3] }),
      "have known sizes, as the classifier needs it; or pass `includeTop: false`. Received: (None, 64, 3)",
    ],
    [
      "another size than the published classifier's",
      () => ResNet50({ inputShape: [64, 64, 3] }),
      "to be (224, 224, 3), as the published weights of the classifier need it. Received: (64, 64, 3)",
    ],
    [
      "grey images for the published weights",
      () => ResNet50({ inputShape: [64, 64, 1], includeTop: false }),
      "to have 3 channels, as the published weights need it",
    ],
    [
      "a batch in the shape",
      () => VGG16({ weights: null, inputShape: [1, 64, 64, 3] }),
      "three sizes, without the batch",
    ],
    ["a width without weights", () => MobileNet({ alpha: 0.3 }), "`alpha` is one of 0.25, 0.5, 0.75, 1. Received: 0.3"],
    ["a depth without weights", () => MobileNet({ depthMultiplier: 2 }), "`depthMultiplier` is 1. Received: 2"],
    ["a lean width without weights", () => MobileNetV3Small({ minimalistic: true, alpha: 0.75 }), "one of 1. Received"],
    [
      "two sizes",
      () => MobileNetV2({ weights: null, inputShape: [32, 32, 3], inputTensor: layers.Input({ shape: [64, 64, 3] }) }),
      "`inputShape` and `inputTensor` differ",
    ],
    [
      "numbers as input",
      () => VGG16({ weights: null, inputTensor: 3 as never }),
      "to be a symbolic tensor. Received: 3",
    ],
    ["an unknown option", () => VGG16({ weights: null, aplha: 1 } as never), "unknown option `aplha`"],
  ])("refuses %s", async (_, run, words) => {
    await expect(async () => await run()).rejects.toThrow(words);
  });
});

describe("weights", () => {
  let home = "";
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "keras-ts-"));
    vi.stubEnv("KERAS_HOME", home);
    vi.spyOn(nodePlatform.terminal, "write").mockImplementation(() => {});
  });
  afterEach(() => {
    rmSync(home, { recursive: true });
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  const options = { alpha: 0.35, inputShape: [32, 32, 3], includeTop: false, pooling: "avg" } as const;

  it("come from a file of one's own, by path or as bytes", async () => {
    const model = applications.MobileNetV2({ ...options, weights: null });
    const path = join(home, "mine.weights.h5");
    await model.saveWeights(path);
    for (const weights of [path, new Uint8Array(readFileSync(path))]) {
      const again = await applications.MobileNetV2({ ...options, weights });
      expect(await again.weights[0]!.array()).toEqual(await model.weights[0]!.array());
    }
  });

  it("are Keras's own by default, and without a network the message says which file goes where", async () => {
    vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("fetch failed"));
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const failure = (run: () => Promise<unknown>) => run().then(String, (error: Error) => error.message);
    const at = (file: string) => join(home, "models", file);
    const cases: [() => Promise<unknown>, folder: string, file: string][] = [
      [() => applications.VGG16(), "vgg16", "vgg16_weights_tf_dim_ordering_tf_kernels.h5"],
      [
        () => applications.ResNet101V2({ includeTop: false }),
        "resnet",
        "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
      ],
      [() => applications.MobileNet({ alpha: 0.5, inputShape: [160, 160, 3] }), "mobilenet", "mobilenet_5_0_160_tf.h5"],
      [
        () => applications.MobileNetV2(options),
        "mobilenet_v2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5",
      ],
      [
        () => applications.MobileNetV3Large({ minimalistic: true }),
        "mobilenet_v3",
        "weights_mobilenet_v3_large_minimalistic_224_1.0_float.h5",
      ],
      [
        () => applications.MobileNetV3Small({ alpha: 0.75, includeTop: false }),
        "mobilenet_v3",
        "weights_mobilenet_v3_small_224_0.75_float_no_top_v2.h5",
      ],
    ];
    for (const [run, folder, file] of cases) {
      const message = await failure(run);
      expect(message).toContain(`https://storage.googleapis.com/tensorflow/keras-applications/${folder}/${file}`);
      expect(message).toContain(`To work offline, get that file by other means and put it at ${at(file)}`);
    }
  });

  it("are downloaded once, from files in the old layout", async () => {
    const model = applications.MobileNetV2({ ...options, inputShape: [96, 96, 3], weights: null });
    const file = await oldLayout(model);
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(file));
    for (let use = 0; use < 2; use++) {
      const again = await applications.MobileNetV2({ ...options, inputShape: [96, 96, 3] });
      for (const [k, weight] of again.weights.entries()) {
        expect(await weight.data()).toEqual(await model.weights[k]!.data());
      }
    }
    expect(fetched).toHaveBeenCalledTimes(1);
    expect(String(fetched.mock.calls[0]![0])).toMatch(/_tf_kernels_0\.35_96_no_top\.h5$/);
  });

  it("names of classes come from Keras's list", async () => {
    const names = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, [`n${i}`, `class_${i}`]]));
    const scores = new Float32Array(2000);
    scores.set([0.5, 0.25], 7);
    scores[1000 + 999] = 1;
    vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("fetch failed"));
    const decoded = () => applications.vgg16.decodePredictions(tensor(scores, [2, 1000]), { top: 2 });
    await expect(decoded()).rejects.toThrow(join(home, "models", "imagenet_class_index.json"));
    const list = new TextEncoder().encode(JSON.stringify(names));
    vi.spyOn(nodePlatform.files!, "md5").mockReturnValue("c2c37ea517e94d9795004a39431a14cb");
    writeFileSync(join(home, "models", "imagenet_class_index.json"), list);
    expect(await decoded()).toEqual([
      [
        ["n7", "class_7", 0.5],
        ["n8", "class_8", 0.25],
      ],
      [
        ["n999", "class_999", 1],
        ["n0", "class_0", 0],
      ],
    ]);
    await expect(applications.resnet.decodePredictions(tensor([[1, 2]]))).rejects.toThrow(
      "expected predictions of shape (images, 1000). Received: shape (1, 2)",
    );
  });
});

describe("preprocessInput is Keras's", () => {
  const { imagenetUtils } = applications;
  it.each(fixture.preprocess.map((c) => [c.mode, c.data_format, c.input.dtype, c] as const))(
    "%s %s %s",
    async (_, __, ___, c) => {
      const { data, shape, dtype } = decode(c.input);
      const options = { mode: c.mode, dataFormat: c.data_format };
      const expected = decode(c.output);
      const result = imagenetUtils.preprocessInput(tensor(data, shape, dtype), options);
      expect([result.shape, result.dtype]).toEqual([expected.shape, expected.dtype]);
      expectAllClose(await result.data(), expected.data);
      const input = layers.Input({ batchShape: shape, dtype });
      const model = Model({ inputs: input, outputs: imagenetUtils.preprocessInput(input, options) });
      expectAllClose(await (model(tensor(data, shape, dtype)) as typeof result).data(), expected.data);
    },
  );

  it("by family, and refuses other modes and channels", async () => {
    const pixel = tensor([[[255, 0, 127.5]]]);
    const families = [applications.vgg19, applications.resnet50, applications.resnetV2, applications.mobilenetV3];
    const results = await Promise.all(families.map((family) => family.preprocessInput(pixel).data()));
    expect(results.map((pixels) => Array.from(pixels as Float32Array, Math.round))).toEqual([
      [24, -117, 131],
      [24, -117, 131],
      [1, -1, 0],
      [255, 0, 128],
    ]);
    expect(() => imagenetUtils.preprocessInput(pixel, { mode: "tensorflow" as never })).toThrow(
      '"caffe", "tf" or "torch"',
    );
    expect(() => imagenetUtils.preprocessInput(tensor([[[1]]]))).toThrow("expected 3 channels on axis 2");
  });
});
