/**
 * A variational autoencoder: digits become two numbers with an uncertainty, and digits again. A layer draws the numbers and adds
 * the loss that keeps them near a normal distribution (`addLoss`); the step logs both losses.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { drawImages, first, small } from "./support/small.ts";

const { layers } = keras;
keras.utils.setRandomSeed(1);
const LATENT = 2;

/** (mean, log of the variance) → a point drawn there. Adds the divergence from a standard normal distribution. */
class Sampling extends keras.Layer {
  seed = keras.random.SeedGenerator(1337);

  override call([mean, logVar]: [keras.Tensor, keras.Tensor]): keras.Tensor {
    const divergence = logVar.add(1).sub(mean.square()).sub(logVar.exp()).sum({ axis: 1 }).mul(-0.5);
    this.addLoss(divergence.mean());
    const noise = keras.random.normal(mean.shape, { seed: this.seed });
    return mean.add(logVar.mul(0.5).exp().mul(noise));
  }
}

const picture = keras.Input({ shape: [28, 28, 1] });
let h = layers.Conv2D(16, 3, { strides: 2, padding: "same", activation: "relu" })(picture);
h = layers.Conv2D(32, 3, { strides: 2, padding: "same", activation: "relu" })(h);
h = layers.Dense(32, { activation: "relu" })(layers.Flatten()(h));
const mean = layers.Dense(LATENT, { name: "mean" })(h);
const logVar = layers.Dense(LATENT, { name: "log_var" })(h);
const encoder = keras.Model({ inputs: picture, outputs: new Sampling()([mean, logVar]), name: "encoder" });

const decoder = keras.Sequential(
  [
    keras.Input({ shape: [LATENT] }),
    layers.Dense(7 * 7 * 32, { activation: "relu" }),
    layers.Reshape([7, 7, 32]),
    layers.Conv2DTranspose(32, 3, { strides: 2, padding: "same", activation: "relu" }),
    layers.Conv2DTranspose(16, 3, { strides: 2, padding: "same", activation: "relu" }),
    layers.Conv2DTranspose(1, 3, { padding: "same", activation: "sigmoid" }),
  ],
  { name: "decoder" },
);

class Vae extends keras.Model {
  declare optimizer: keras.Optimizer;
  encoder = encoder;
  decoder = decoder;
  total = keras.metrics.Mean({ name: "loss" });
  reconstruction = keras.metrics.Mean({ name: "reconstruction" });
  divergence = keras.metrics.Mean({ name: "divergence" });

  override call(x: keras.Tensor): keras.Tensor {
    return this.decoder(this.encoder(x));
  }

  override trainStep({ x }: keras.StepData<keras.Tensor>) {
    const weights = this.trainableVariables;
    const [loss, gradients] = keras.valueAndGrad(() => {
      const again = this(x, { training: true });
      const reconstruction = keras.losses
        .binaryCrossentropy(x, again)
        .sum({ axis: [1, 2] })
        .mean();
      const [divergence] = this.losses; // what Sampling added
      this.reconstruction.updateState(reconstruction);
      this.divergence.updateState(divergence!);
      return reconstruction.add(divergence!);
    }, weights)();
    this.optimizer.apply(gradients, weights);
    this.total.updateState(loss);
    return {
      loss: this.total.result(),
      reconstruction: this.reconstruction.result(),
      divergence: this.divergence.result(),
    };
  }
}

const [[images]] = await loadDigits();
const x = first(images, 10_000, 1024).expandDims(-1).astype("float32").div(255);
const vae = new Vae();
vae.compile({ optimizer: keras.optimizers.Adam(1e-3) });
const { history } = await vae.fit(x, null, { batchSize: 128, epochs: small ? 8 : 20 });
const show = (name: string): string => history[name]!.map((value) => value.toFixed(1)).join(" → ");
console.log(`Reconstruction: ${show("reconstruction")}\nDivergence: ${show("divergence")}`);

const along = [-1.5, -0.5, 0.5, 1.5].map((z) => [z, 0]);
const drawn = (await decoder(keras.tensor(along)).reshape([4, 784]).array()) as number[][];
console.log(`Digits along one of the two numbers:\n${drawImages(drawn, 28)}`);
