/** TensorFlow.js's image models. The tasks and their keys are those of images.ts; read both side by side. */
import { loadCifar10 } from "./cifar10.mjs";
import { loadMnist } from "./mnist.mjs";
import { epochRecorder, once, peakRssMb, timed } from "./tfjsTiming.mjs";

/** @param start - Gives `{ tf, layers, input, functional }` with the backend ready. */
export async function fitImages(start, { model: name, data, samples, batchSize }) {
  const tfjs = await start();
  const { tf } = tfjs;
  const { model, x, y } = name === "resnet" ? resnet(tfjs, data, samples) : autoencoder(tfjs, data, samples);
  const firstStepMs = await once(() => model.trainOnBatch(tf.slice(x, 0, batchSize), tf.slice(y, 0, batchSize)));
  const recorder = epochRecorder();
  const { callbacks } = recorder;
  await model.fit(x, y, { batchSize, epochs: 2, verbose: 0, yieldEvery: "never", callbacks });
  tf.dispose([x, y]);
  const { milliseconds, logs } = recorder;
  return { firstStepMs, epochMs: milliseconds[1], loss: logs.loss, peakRssMb: peakRssMb() };
}

export async function predictImages(start, { model: name, batchSize, ...timing }) {
  const tfjs = await start();
  const { tf } = tfjs;
  const began = performance.now();
  const model = name === "resnet50" ? resnet50(tfjs) : vgg19Features(tfjs);
  const rows = Float32Array.from({ length: batchSize * 224 * 224 * 3 }, Math.random);
  const run = async (predict) => {
    const input = tf.tensor4d(rows, [batchSize, 224, 224, 3]);
    const outputs = [predict(input)].flat();
    for (const output of outputs) await output.data();
    tf.dispose([input, ...outputs]);
  };
  const predictMs = await once(() => run((input) => model.predict(input, { batchSize })));
  const firstMs = performance.now() - began;
  // Its engine in plain JavaScript takes minutes for one image: the first call has to do.
  if (timing.calls === 0) return { firstMs, ms: { predict: predictMs }, peakRssMb: peakRssMb() };
  return {
    firstMs,
    ms: {
      predict: await timed(timing, () => run((input) => model.predict(input, { batchSize }))),
      predictOnBatch: await timed(timing, () => run((input) => model.predictOnBatch(input))),
      call: await timed(timing, () => run((input) => tf.tidy(() => model.apply(input)))),
    },
    peakRssMb: peakRssMb(),
  };
}

function resnet({ tf, layers, input, functional }, data, samples) {
  const conv = (filters, padding = "valid") => layers.conv2d({ filters, kernelSize: 3, activation: "relu", padding });
  const inputs = input({ shape: [32, 32, 3] });
  let x = conv(64).apply(conv(32).apply(inputs));
  let block = layers.maxPooling2d({ poolSize: 3 }).apply(x);
  for (let i = 0; i < 2; i++) {
    x = conv(64, "same").apply(conv(64, "same").apply(block));
    block = layers.add().apply([x, block]);
  }
  x = layers.globalAveragePooling2d({}).apply(conv(64).apply(block));
  x = layers.dropout({ rate: 0.5 }).apply(layers.dense({ units: 256, activation: "relu" }).apply(x));
  const model = functional({ inputs, outputs: layers.dense({ units: 10 }).apply(x) });
  model.compile({
    optimizer: tf.train.rmsprop(1e-3),
    loss: (labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits),
    metrics: ["accuracy"],
  });
  const images = loadCifar10(data, samples);
  const y = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(images.y, "int32"), 10), "float32"));
  return { model, x: tf.tensor4d(images.x, [images.count, 32, 32, 3]), y };
}

function autoencoder({ tf, layers, input, functional }, data, samples) {
  const activation = "relu";
  const conv = (filters) => layers.conv2d({ filters, kernelSize: 3, activation });
  const transposed = (filters) => layers.conv2dTranspose({ filters, kernelSize: 3, activation });
  const inputs = input({ shape: [28, 28, 1] });
  const stack = [
    conv(16),
    conv(32),
    layers.maxPooling2d({ poolSize: 3 }),
    conv(32),
    conv(16),
    layers.globalMaxPooling2d({}),
    layers.reshape({ targetShape: [4, 4, 1] }),
    transposed(16),
    transposed(32),
    layers.upSampling2d({ size: [3, 3] }),
    transposed(16),
    transposed(1),
  ];
  const model = functional({ inputs, outputs: stack.reduce((x, layer) => layer.apply(x), inputs) });
  model.compile({ optimizer: tf.train.rmsprop(1e-3), loss: "meanSquaredError" });
  const digits = loadMnist(data, samples);
  const x = tf.tensor4d(digits.x, [digits.count, 28, 28, 1]);
  return { model, x, y: x };
}

/** VGG19 as in Keras's applications, with all of its 26 layers' outputs. */
function vgg19Features({ layers, input, functional }) {
  const inputs = input({ shape: [224, 224, 3] });
  const outputs = [inputs];
  const add = (layer) => outputs.push(layer.apply(outputs.at(-1)));
  for (const [filters, count] of [
    [64, 2],
    [128, 2],
    [256, 4],
    [512, 4],
    [512, 4],
  ]) {
    for (let i = 0; i < count; i++) {
      add(layers.conv2d({ filters, kernelSize: 3, activation: "relu", padding: "same" }));
    }
    add(layers.maxPooling2d({ poolSize: 2, strides: 2 }));
  }
  add(layers.flatten());
  add(layers.dense({ units: 4096, activation: "relu", kernelInitializer: "glorotUniform" }));
  add(layers.dense({ units: 4096, activation: "relu", kernelInitializer: "glorotUniform" }));
  add(layers.dense({ units: 1000, activation: "softmax" }));
  return functional({ inputs, outputs });
}

/** ResNet50 as in Keras's applications. */
function resnet50({ layers, input, functional }) {
  const inputs = input({ shape: [224, 224, 3] });
  const relu = (x) => layers.reLU().apply(x);
  const conv = (x, filters, kernelSize, strides, padding) =>
    layers
      .batchNormalization({ epsilon: 1.001e-5 })
      .apply(layers.conv2d({ filters, kernelSize, strides, padding }).apply(x));
  let x = layers.zeroPadding2d({ padding: [3, 3] }).apply(inputs);
  x = relu(conv(x, 64, 7, 2, "valid"));
  x = layers.zeroPadding2d({ padding: [1, 1] }).apply(x);
  x = layers.maxPooling2d({ poolSize: 3, strides: 2 }).apply(x);
  for (const [filters, blocks, stride] of [
    [64, 3, 1],
    [128, 4, 2],
    [256, 6, 2],
    [512, 3, 2],
  ]) {
    for (let block = 0; block < blocks; block++) {
      const strides = block === 0 ? stride : 1;
      const shortcut = block === 0 ? conv(x, 4 * filters, 1, strides, "valid") : x;
      let y = relu(conv(x, filters, 1, strides, "valid"));
      y = relu(conv(y, filters, 3, 1, "same"));
      y = conv(y, 4 * filters, 1, 1, "valid");
      x = relu(layers.add().apply([shortcut, y]));
    }
  }
  x = layers.globalAveragePooling2d({}).apply(x);
  return functional({ inputs, outputs: layers.dense({ units: 1000, activation: "softmax" }).apply(x) });
}
