/**
 * A generative adversarial network: one network draws digits, another tells them from real ones, each with an optimizer of its
 * own. The step is written by hand, `fit` compiles it like the built-in one.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { drawImages, first, small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(3);
const LATENT = 64;

interface GanOptions extends keras.CompileOptions {
  dOptimizer: keras.Optimizer;
  gOptimizer: keras.Optimizer;
}

class Gan extends keras.Model {
  discriminator = keras.Sequential([
    keras.Input({ shape: [784] }),
    layers.Dense(256, { activation: "leaky_relu" }),
    layers.Dropout(0.3),
    layers.Dense(128, { activation: "leaky_relu" }),
    layers.Dense(1),
  ]);
  generator = keras.Sequential([
    keras.Input({ shape: [LATENT] }),
    layers.Dense(128, { activation: "leaky_relu" }),
    layers.Dense(256, { activation: "leaky_relu" }),
    layers.Dense(784, { activation: "sigmoid" }),
  ]);
  seed = keras.random.SeedGenerator(5);
  lossFn = keras.losses.BinaryCrossentropy({ fromLogits: true });
  dLoss = keras.metrics.Mean({ name: "d_loss" });
  gLoss = keras.metrics.Mean({ name: "g_loss" });
  declare dOptimizer: keras.Optimizer;
  declare gOptimizer: keras.Optimizer;

  override compile({ dOptimizer, gOptimizer, ...options }: GanOptions) {
    super.compile({ ...options, optimizer: null });
    this.dOptimizer = dOptimizer;
    this.gOptimizer = gOptimizer;
  }

  draw(count: number): keras.Tensor {
    return this.generator(keras.random.normal([count, LATENT], { seed: this.seed }), { training: true });
  }

  /** How far the discriminator is from calling the pictures real (1) or drawn (0). */
  judge(pictures: keras.Tensor, label: number): keras.Tensor {
    const scores = this.discriminator(pictures, { training: true });
    return this.lossFn(ops.fullLike(scores, label), scores);
  }

  override trainStep({ x }: keras.StepData<keras.Tensor>) {
    const count = x.shape[0]!;
    const drawn = this.draw(count);
    const [dLoss, dGradients] = keras.valueAndGrad(
      () => this.judge(x, 0.9).add(this.judge(drawn, 0)),
      this.discriminator.trainableVariables,
    )();
    this.dOptimizer.apply(dGradients, this.discriminator.trainableVariables);

    const [gLoss, gGradients] = keras.valueAndGrad(
      () => this.judge(this.draw(count), 1),
      this.generator.trainableVariables,
    )();
    this.gOptimizer.apply(gGradients, this.generator.trainableVariables);

    this.dLoss.updateState(dLoss);
    this.gLoss.updateState(gLoss);
    return { d_loss: this.dLoss.result(), g_loss: this.gLoss.result() };
  }
}

const [[images]] = await loadDigits();
const x = first(images, 60_000, 1024).reshape([-1, 784]).astype("float32").div(255);
const gan = new Gan();
gan.compile({
  dOptimizer: keras.optimizers.Adam(2e-4, { beta1: 0.5 }),
  gOptimizer: keras.optimizers.Adam(2e-4, { beta1: 0.5 }),
});
const { history } = await gan.fit(x, null, { batchSize: 64, epochs: small ? 12 : 30 });
const last = (name: string): string => history[name]!.at(-1)!.toFixed(2);
console.log(`Losses in the last epoch: discriminator ${last("d_loss")}, generator ${last("g_loss")}`);

const drawn = gan.generator(keras.random.normal([4, LATENT], { seed: 8 }));
const ink = async (t: keras.Tensor): Promise<string> => (await ops.mean(t).item()).toFixed(3);
console.log(`Mean of the pixels: ${await ink(x)} real, ${await ink(drawn)} drawn`);
const rows = (await drawn.array()) as number[][];
console.log(`Drawn by the generator:\n${drawImages(rows, 28)}`);
