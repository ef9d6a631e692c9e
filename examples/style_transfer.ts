/**
 * Style transfer: a picture is changed until a network sees in it what one picture shows and how another is painted. The weights
 * stay; the gradient goes to the input.
 */
import * as keras from "../src/node.ts";
import { loadImages } from "./support/loadImages.ts";
import { drawImages, first, small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(9);

// A network that has learned to see: a small classifier. (With weights at hand, keras.applications.VGG19 sees more.)
const [[images, labels]] = await loadImages();
const x = first(images, 10_000, 768).astype("float32").div(255);
const y = first(labels, 10_000, 768);
const input = keras.Input({ shape: [32, 32, 3] });
const shallow = layers.Conv2D(16, 3, { padding: "same", activation: "relu", name: "shallow" })(input);
let h = layers.MaxPooling2D()(shallow);
const middle = layers.Conv2D(32, 3, { padding: "same", activation: "relu", name: "middle" })(h);
h = layers.MaxPooling2D()(middle);
const deep = layers.Conv2D(32, 3, { padding: "same", activation: "relu", name: "deep" })(h);
const classes = layers.Dense(10, { activation: "softmax" })(layers.GlobalAveragePooling2D()(deep));
const classifier = keras.Model({ inputs: input, outputs: classes });
classifier.compile({ optimizer: "adam", loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] });
await classifier.fit(x, y, { batchSize: 32, epochs: small ? 3 : 10 });

const features = keras.Model({ inputs: input, outputs: { shallow, middle, deep } });
type Features = { shallow: keras.Tensor; middle: keras.Tensor; deep: keras.Tensor };

/** How strongly channels go together, wherever they are: the style. */
function gram(maps: keras.Tensor): keras.Tensor {
  const [, height, width, channels] = maps.shape as [number, number, number, number];
  const rows = maps.reshape([height * width, channels]);
  return ops.matmul(rows.transpose(), rows).div(height * width);
}

const [content, style] = [x.get([0, 1]), x.get([3, 4])];
const [ofContent, ofStyle] = [features(content), features(style)];
const picture = new keras.Variable(content, { name: "picture" });
const optimizer = keras.optimizers.Adam(0.02);

const losses = (seen: Features): [content: keras.Tensor, style: keras.Tensor] => [
  seen.deep.sub(ofContent.deep).square().mean(),
  (["shallow", "middle"] as const)
    .map((name) => gram(seen[name]).sub(gram(ofStyle[name])).square().mean())
    .reduce((a, b) => a.add(b)),
];

const step = keras.jit(() => {
  const seen: keras.Tensor[] = [];
  const [, gradients] = keras.valueAndGrad(() => {
    const [content, style] = losses(features(picture.value));
    seen.push(content, style);
    return content.add(style.mul(10));
  }, [picture])();
  optimizer.apply(gradients, [picture]);
  picture.assign(picture.value.clip(0, 1));
  return seen;
});

const history: number[][] = [];
for (let i = 0; i < (small ? 60 : 400); i++) {
  const values = await step();
  history.push(await Promise.all(values.map((value) => value.item())));
}
const [start, end] = [history[0]!, history.at(-1)!];
console.log(`Distance from the style: ${start[1]!.toExponential(2)} → ${end[1]!.toExponential(2)}`);
console.log(`Distance from the content: ${start[0]!.toExponential(2)} → ${end[0]!.toExponential(2)}`);
const grey = async (t: keras.Tensor): Promise<number[]> => Array.from(await t.mean({ axis: -1 }).data(), Number);
const drawn = await Promise.all([content, style, picture.value].map(grey));
console.log(`Content, style, and the one in the other's style:\n${drawImages(drawn, 32)}`);
