/** Our image models: the autoencoder and the toy ResNet of Keras's guide, VGG19's features, ResNet50. */
import * as keras from "../../src/node.ts";
import { loadCifar10 } from "./cifar10.mjs";
import { loadMnist } from "./mnist.mjs";
import { EpochRecorder, once, peakRssMb, type Timing, timed } from "./timing.ts";

const { layers } = keras;

interface FitParameters {
  readonly model: "autoencoder" | "resnet";
  readonly data: string;
  readonly samples: number;
  readonly batchSize: number;
}

export async function fitImages({ model: name, data, samples, batchSize }: FitParameters) {
  const { model, x, y } = name === "resnet" ? resnet(data, samples) : autoencoder(data, samples);
  const firstStepMs = await once(() => model.trainOnBatch(x.get([0, batchSize]), y.get([0, batchSize])));
  const recorder = new EpochRecorder();
  await model.fit(x, y, { batchSize, epochs: 2, verbose: 0, callbacks: [recorder] });
  return { firstStepMs, epochMs: recorder.milliseconds[1], loss: recorder.logs?.loss, peakRssMb: peakRssMb() };
}

/** The toy ResNet on as many real images as there are, then on those it has not seen. */
export async function trainCifar10(p: { data: string; samples: number; batchSize: number; epochs: number }) {
  const { model, x, y } = resnet(p.data, p.samples);
  const start = performance.now();
  const history = await model.fit(x, y, { batchSize: p.batchSize, epochs: p.epochs, verbose: 0 });
  const seconds = (performance.now() - start) / 1000;
  const test = cifar10(p.data, p.samples, "test");
  const [loss, accuracy] = (await model.evaluate(test.x, test.y, { verbose: 0 })) as number[];
  return { accuracy, loss, trainAccuracy: history.history.acc!.at(-1), seconds };
}

export async function predictImages(p: { model: "vgg19Features" | "resnet50"; batchSize: number } & Timing) {
  const began = performance.now();
  const model = p.model === "resnet50" ? keras.applications.ResNet50({ weights: null }) : vgg19Features();
  const rows = Float32Array.from({ length: p.batchSize * 224 * 224 * 3 }, Math.random);
  const run = async (predict: (x: keras.Tensor) => unknown) => {
    const outputs = await predict(keras.tensor(rows, [p.batchSize, 224, 224, 3], "float32"));
    for (const output of [outputs].flat() as keras.Tensor[]) await output.data();
  };
  await run((x) => model.predict(x, { batchSize: p.batchSize, verbose: 0 }));
  // Making the model counts: some draw the weights then, others when they are first needed.
  const firstMs = performance.now() - began;
  return {
    firstMs,
    ms: {
      predict: await timed(p, () => run((x) => model.predict(x, { batchSize: p.batchSize, verbose: 0 }))),
      predictOnBatch: await timed(p, () => run((x) => model.predictOnBatch(x))),
      call: await timed(p, () => run((x) => model(x))),
    },
    peakRssMb: peakRssMb(),
  };
}

/** The loss of the toy ResNet. */
export const resnetLoss = keras.losses.CategoricalCrossentropy({ fromLogits: true });

/** The guide's toy ResNet, compiled, with as many images. */
export function resnet(data: string, samples: number) {
  const inputs = keras.Input({ shape: [32, 32, 3] });
  let x = layers.Conv2D(32, 3, { activation: "relu" })(inputs);
  x = layers.Conv2D(64, 3, { activation: "relu" })(x);
  let block = layers.MaxPooling2D(3)(x);
  for (let i = 0; i < 2; i++) {
    x = layers.Conv2D(64, 3, { activation: "relu", padding: "same" })(block);
    x = layers.Conv2D(64, 3, { activation: "relu", padding: "same" })(x);
    block = layers.add([x, block]);
  }
  x = layers.Conv2D(64, 3, { activation: "relu" })(block);
  x = layers.GlobalAveragePooling2D()(x);
  x = layers.Dense(256, { activation: "relu" })(x);
  x = layers.Dropout(0.5)(x);
  const model = keras.Model({ inputs, outputs: layers.Dense(10)(x) });
  model.compile({
    optimizer: keras.optimizers.RMSprop(1e-3),
    loss: resnetLoss,
    metrics: ["acc"],
  });
  return { model, ...cifar10(data, samples) };
}

function cifar10(data: string, samples: number, set: "train" | "test" = "train") {
  const { x, y, count } = loadCifar10(data, samples, set);
  return {
    x: keras.tensor(x, [count, 32, 32, 3], "float32"),
    y: keras.utils.toCategorical(keras.tensor(y, [count], "int32"), 10),
  };
}

function autoencoder(data: string, samples: number) {
  const inputs = keras.Input({ shape: [28, 28, 1] });
  let x = layers.Conv2D(16, 3, { activation: "relu" })(inputs);
  x = layers.Conv2D(32, 3, { activation: "relu" })(x);
  x = layers.MaxPooling2D(3)(x);
  x = layers.Conv2D(32, 3, { activation: "relu" })(x);
  x = layers.Conv2D(16, 3, { activation: "relu" })(x);
  x = layers.GlobalMaxPooling2D()(x);
  x = layers.Reshape([4, 4, 1])(x);
  x = layers.Conv2DTranspose(16, 3, { activation: "relu" })(x);
  x = layers.Conv2DTranspose(32, 3, { activation: "relu" })(x);
  x = layers.UpSampling2D(3)(x);
  x = layers.Conv2DTranspose(16, 3, { activation: "relu" })(x);
  const model = keras.Model({ inputs, outputs: layers.Conv2DTranspose(1, 3, { activation: "relu" })(x) });
  model.compile({ optimizer: keras.optimizers.RMSprop(1e-3), loss: "mse" });
  const digits = loadMnist(data, samples);
  const images = keras.tensor(digits.x, [digits.count, 28, 28, 1], "float32");
  return { model, x: images, y: images };
}

function vgg19Features() {
  const vgg19 = keras.applications.VGG19({ weights: null });
  const inputs = vgg19.input as keras.KerasTensor;
  return keras.Model({ inputs, outputs: vgg19.layers.map((layer) => layer.output as keras.KerasTensor) });
}
