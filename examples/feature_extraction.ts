/**
 * Features of an image from every layer of VGG19, by one model over all intermediate results of another. From Keras's guide
 * to the functional API. The weights are ImageNet's where they can be had.
 */
import * as keras from "../src/node.ts";
import { loadImages } from "./support/loadImages.ts";
import { small } from "./support/small.ts";

const size = small ? 64 : 224;
const options = small ? ({ includeTop: false, inputShape: [size, size, 3] } as const) : {};

async function loadVGG19(): Promise<keras.Model> {
  try {
    if (!small) return await keras.applications.VGG19();
  } catch (error) {
    console.log(`ImageNet's weights are not at hand, so the weights are random. (${(error as Error).message})`);
  }
  return keras.applications.VGG19({ ...options, weights: null });
}

const vgg19 = await loadVGG19();
const featuresList = vgg19.layers.map((layer) => layer.output as keras.KerasTensor);
const featExtractionModel = keras.Model({ inputs: vgg19.input, outputs: featuresList, name: "features" });
await keras.utils.plotModel(featExtractionModel, "feature_extraction.png", { showShapes: true });

const [[images]] = await loadImages();
const enlarge = keras.layers.UpSampling2D(size / 32, { interpolation: "bilinear" });
const photo = keras.applications.vgg19.preprocessInput(enlarge(images.get([0, 1]).astype("float32")));
const start = performance.now();
const features = featExtractionModel(photo);
const rows = await Promise.all(
  features.map(async (feature, i) => {
    const values = (await feature.data()) as Float32Array;
    const active = values.filter((value) => value > 0).length / values.length;
    return {
      layer: vgg19.layers[i]!.name,
      shape: `(${feature.shape.join(", ")})`,
      active: `${(active * 100).toFixed(0)} %`,
    };
  }),
);
console.log(`Features of one image, ${vgg19.countParams().toLocaleString("en")} parameters:`);
console.table(rows);
console.log(`All ${rows.length} computed in ${((performance.now() - start) / 1000).toFixed(1)} s`);
