/**
 * A Wasserstein GAN with gradient penalty: the critic's loss holds the slope of the critic by its own input, so training it takes
 * the gradient of a gradient.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { drawImages, first, small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(4);
const LATENT = 32;
const CRITIC_STEPS = 3;

class WassersteinGan extends keras.Model {
  critic = keras.Sequential([
    keras.Input({ shape: [784] }),
    layers.Dense(256, { activation: "leaky_relu" }),
    layers.Dense(128, { activation: "leaky_relu" }),
    layers.Dense(1),
  ]);
  generator = keras.Sequential([
    keras.Input({ shape: [LATENT] }),
    layers.Dense(256, { activation: "leaky_relu" }),
    layers.Dense(784, { activation: "sigmoid" }),
  ]);
  seed = keras.random.SeedGenerator(6);
  criticOptimizer = keras.optimizers.Adam(5e-4, { beta1: 0.5, beta2: 0.9 });
  generatorOptimizer = keras.optimizers.Adam(5e-4, { beta1: 0.5, beta2: 0.9 });
  distance = keras.metrics.Mean({ name: "distance" });
  slope = keras.metrics.Mean({ name: "slope" });

  draw(count: number): keras.Tensor {
    return this.generator(keras.random.normal([count, LATENT], { seed: this.seed }), { training: true });
  }

  score(pictures: keras.Tensor): keras.Tensor {
    return this.critic(pictures, { training: true }).mean();
  }

  /** The slope of the critic by each picture, somewhere between real and drawn ones; it should be 1. */
  slopeBetween(real: keras.Tensor, drawn: keras.Tensor): keras.Tensor {
    const share = keras.random.uniform([real.shape[0]!, 1], { seed: this.seed });
    const between = real.mul(share).add(drawn.mul(ops.subtract(1, share)));
    const slopes = keras.grad((x: keras.Tensor) => this.critic(x, { training: true }).sum())(between);
    return slopes.square().sum({ axis: 1 }).add(1e-12).sqrt();
  }

  override trainStep({ x }: keras.StepData<keras.Tensor>) {
    const count = x.shape[0]!;
    for (let i = 0; i < CRITIC_STEPS; i++) {
      const drawn = this.draw(count);
      const weights = this.critic.trainableVariables;
      const [, gradients] = keras.valueAndGrad(() => {
        const distance = this.score(x).sub(this.score(drawn));
        const slope = this.slopeBetween(x, drawn);
        this.distance.updateState(distance);
        this.slope.updateState(slope);
        return slope.sub(1).square().mean().mul(10).sub(distance);
      }, weights)();
      this.criticOptimizer.apply(gradients, weights);
    }
    const weights = this.generator.trainableVariables;
    const [, gradients] = keras.valueAndGrad(() => this.score(this.draw(count)).neg(), weights)();
    this.generatorOptimizer.apply(gradients, weights);
    return { distance: this.distance.result(), slope: this.slope.result() };
  }
}

const [[images]] = await loadDigits();
const x = first(images, 20_000, 1024).reshape([-1, 784]).astype("float32").div(255);
const gan = new WassersteinGan();
gan.compile({ optimizer: null });
const { history } = await gan.fit(x, null, { batchSize: 64, epochs: small ? 8 : 30 });
const show = (name: string): string => history[name]!.map((value) => value.toFixed(2)).join(" ");
console.log(`Distance of drawn from real digits, by epoch: ${show("distance")}`);
console.log(`Slope of the critic, by epoch: ${show("slope")}`);
const rows = (await gan.draw(4).array()) as number[][];
console.log(`Drawn by the generator:\n${drawImages(rows, 28)}`);
