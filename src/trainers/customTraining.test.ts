/** Steps, losses and optimizers of the user's own against real Keras (test/fixtures/custom_training.json), and what they get wrong. */
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { grad, valueAndGrad } from "../autodiff/grad.ts";
import { setDtypePolicy } from "../core/dtypePolicy.ts";
import * as layers from "../layers/index.ts";
import { Input, Layer } from "../layers/index.ts";
import * as losses from "../losses/index.ts";
import * as metrics from "../metrics/index.ts";
import { Model } from "../models/model.ts";
import { Sequential } from "../models/sequential.ts";
import * as ops from "../ops/index.ts";
import * as optimizers from "../optimizers/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import type { StepData } from "./stepFunction.ts";

interface Run {
  readonly initial_weights: readonly EncodedArray[];
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly evaluate: Readonly<Record<string, number>> | null;
  readonly final_weights: readonly EncodedArray[];
  readonly optimizer?: string;
  readonly compiled_optimizer?: string;
  readonly scale?: number;
}

const fixture = loadFixture<{
  x: EncodedArray;
  y: EncodedArray;
  batch_size: number;
  runs: Record<string, Run>;
}>("custom_training");

function toTensor(array: EncodedArray): Tensor {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
}

const [x, y] = [toTensor(fixture.x), toTensor(fixture.y)];
const quiet = { verbose: 0, batchSize: fixture.batch_size, shuffle: false } as const;

beforeAll(registerAllBuiltins);
afterEach(() => vi.restoreAllMocks());

function near(what: string, actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual.length, what).toBe(expected.length);
  const worst = Math.max(...expected.map((e, i) => Math.abs(actual[i]! - e)));
  expect(worst, `${what}: largest difference`).toBeLessThan(tolerance);
}

async function follows(run: Run, model: Model, target: Tensor | null = y, tolerance = 2e-5): Promise<void> {
  model.setWeights(run.initial_weights.map(toTensor));
  const { history } = await model.fit(x, target, { ...quiet, epochs: 2 });
  expect(Object.keys(history)).toEqual(Object.keys(run.history).sort());
  for (const [name, values] of Object.entries(run.history)) near(name, history[name]!, values, tolerance);
  if (run.evaluate) {
    const found = await model.evaluate(x, target, { verbose: 0, batchSize: quiet.batchSize, returnDict: true });
    for (const [name, value] of Object.entries(run.evaluate)) {
      near(`evaluate ${name}`, [found[name]!], [value], tolerance);
    }
  }
  for (const [i, weight] of model.getWeights().entries()) {
    near(`weight ${i}`, (await weight.data()) as Float32Array, decodeNumbers(run.final_weights[i]!), tolerance);
  }
}

function mlp() {
  const inputs = Input({ shape: [4] });
  const hidden = layers.Dense(6, { activation: "tanh" })(inputs);
  return { inputs, outputs: layers.Dense(2, { name: "out" })(hidden) };
}

class CustomStep extends Model {
  declare optimizer: optimizers.Optimizer;
  lossMean = new metrics.Mean({ name: "loss" });
  mae = new metrics.MeanAbsoluteError({ name: "mae" });

  override trainStep({ x, y }: StepData<Tensor, Tensor>) {
    const weights = this.trainableVariables;
    const [loss, gradients] = valueAndGrad(() => {
      const yPred = this(x, { training: true });
      this.mae.updateState(y, yPred);
      return ops.mean(losses.meanSquaredError(y, yPred)).add(ops.mean(ops.abs(yPred)).mul(0.1));
    }, weights)();
    this.optimizer.apply(gradients, weights);
    this.lossMean.updateState(loss);
    return { loss: this.lossMean.result(), mae: this.mae.result() };
  }

  override testStep({ x, y }: StepData<Tensor, Tensor>) {
    this.mae.updateState(y, this(x, { training: false }));
    return { mae: this.mae.result() };
  }

  override get metrics() {
    return [this.lossMean, this.mae];
  }
}

class CustomLoss extends Model {
  override computeLoss(x: Tensor, y: Tensor, yPred: Tensor, sampleWeight: Tensor | null): Tensor {
    const { kernel } = this.getLayer("out") as unknown as { kernel: Tensor };
    return super.computeLoss(x, y, yPred, sampleWeight).add(ops.sum(ops.square(kernel)).mul(0.05));
  }

  override computeMetrics(x: Tensor, y: Tensor, yPred: Tensor, sampleWeight: Tensor | null) {
    return { ...super.computeMetrics(x, y, yPred, sampleWeight), one: ops.ones([]) };
  }
}

class Penalty extends Model {
  declare optimizer: optimizers.Optimizer;

  override trainStep({ x, y }: StepData<Tensor, Tensor>) {
    const weights = this.trainableVariables;
    let penalty: Tensor | null = null;
    const [loss, gradients] = valueAndGrad(() => {
      const yPred = this(x, { training: true });
      const slope = grad((x: Tensor) => ops.sum(this(x, { training: true })))(x);
      const norm = ops.sqrt(ops.sum(ops.square(slope), { axis: 1 }));
      penalty = ops.mean(ops.square(norm.sub(1)));
      return ops.mean(ops.square(yPred.sub(y))).add(penalty.mul(10));
    }, weights)();
    this.optimizer.apply(gradients, weights);
    return { loss, penalty: penalty! };
  }
}

class Adversaries extends Model {
  generator = Sequential([Input({ shape: [2] }), layers.Dense(4)]);
  discriminator = Sequential([Input({ shape: [4] }), layers.Dense(3, { activation: "tanh" }), layers.Dense(1)]);
  g = optimizers.Adam(0.02);
  d = optimizers.Adam(0.01);

  override trainStep({ x, y }: StepData<Tensor, Tensor>) {
    const [g, d] = [this.generator, this.discriminator];
    const drawn = g(y);
    const [dLoss, dGradients] = valueAndGrad(
      () => ops.mean(ops.softplus(d(x).neg())).add(ops.mean(ops.softplus(d(drawn)))),
      d.trainableVariables,
    )();
    this.d.apply(dGradients, d.trainableVariables);
    const [gLoss, gGradients] = valueAndGrad(() => ops.mean(ops.softplus(d(g(y)).neg())), g.trainableVariables)();
    this.g.apply(gGradients, g.trainableVariables);
    return { d_loss: dLoss, g_loss: gLoss };
  }

  override testStep({ y }: StepData<Tensor, Tensor>) {
    return { score: ops.mean(this.discriminator(this.generator(y))) };
  }
}

class Kl extends Layer {
  override call([mean, logVar]: [Tensor, Tensor]): Tensor {
    const kl = ops.sum(logVar.add(1).sub(ops.square(mean)).sub(ops.exp(logVar)), { axis: 1 }).mul(-0.5);
    this.addLoss(ops.mean(kl).mul(0.1));
    return mean;
  }
}

class Vae extends Model {
  hidden = layers.Dense(6, { activation: "tanh" });
  mean = layers.Dense(2);
  logVar = layers.Dense(2);
  kl = new Kl();
  decode = layers.Dense(4);

  override call(x: Tensor): Tensor {
    const h = this.hidden(x);
    return this.decode(this.kl([this.mean(h), this.logVar(h)]));
  }
}

describe("follows Keras with", () => {
  const { runs } = fixture;

  it("a trainStep and a testStep, compiled or not", async () => {
    for (const runEagerly of [false, true]) {
      const model = new CustomStep(mlp());
      model.compile({ optimizer: optimizers.Adam(0.05), runEagerly });
      await follows(runs.custom_step!, model);
    }
  });

  it("computeLoss and computeMetrics", async () => {
    const model = new CustomLoss(mlp());
    model.compile({ optimizer: optimizers.SGD(0.1), loss: "mse", metrics: ["mae"] });
    await follows(runs.custom_loss!, model);
  });

  it("a penalty on a gradient", async () => {
    const model = new Penalty(mlp());
    model.compile({ optimizer: optimizers.RMSprop(0.01), loss: "mse" });
    await follows(runs.gradient_penalty!, model, y, 1e-4);
  });

  it("two networks that learn against each other, the second after the update of the first", async () => {
    const model = new Adversaries();
    model.compile();
    await follows(runs.adversaries!, model, y, 1e-4);
  });

  it("addLoss, beside a loss and alone", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined); // the decoder has no gradient without a loss
    for (const [run, loss] of [
      [runs.add_loss!, "mse"],
      [runs.add_loss_alone!, null],
    ] as const) {
      const model = new Vae();
      await model(x).data();
      model.compile({ optimizer: optimizers.Adam(0.02), loss });
      await follows(run, model, loss ? x : null);
    }
  });

  it("gradient accumulation", async () => {
    const forms = {
      accumulation_sgd: () => optimizers.SGD(0.2, { momentum: 0.5, gradientAccumulationSteps: 3 }),
      accumulation_adam: () => optimizers.Adam(0.05, { gradientAccumulationSteps: 4, clipnorm: 0.5 }),
    };
    for (const [name, make] of Object.entries(forms)) {
      const model = Model(mlp());
      model.compile({ optimizer: make(), loss: "mse" });
      await follows(runs[name]!, model);
    }
  });

  it("mixed_float16, whose optimizer gets one around it that scales the loss", async () => {
    setDtypePolicy("mixed_float16");
    const model = Model(mlp());
    setDtypePolicy(null);
    model.compile({ optimizer: optimizers.SGD(0.1), loss: "mse" });
    const run = runs.mixed_float16!;
    expect(model.optimizer!.name).toBe(run.optimizer);
    expect((model.getCompileConfig().optimizer as { class_name: string }).class_name).toBe(run.compiled_optimizer);
    // Sixteen bits: a product differs in its third digit, depending on where it is rounded.
    await follows(run, model, y, 4e-3);
    const { optimizer } = model;
    expect(optimizer).toBeInstanceOf(optimizers.LossScaleOptimizer);
    expect(await (optimizer as optimizers.LossScaleOptimizer).dynamicScale!.value.item()).toBe(run.scale);
    model.compile({ optimizer: "sgd", loss: "mse", autoScaleLoss: false });
    expect(model.optimizer).toBeInstanceOf(optimizers.SGD);
  });
});

/** Two networks and two optimizers, and no call of its own. */
class Gan extends Model {
  generator = layers.Dense(2);
  discriminator = layers.Dense(1);
  gOptimizer = optimizers.Adam(0.01);
  dOptimizer = optimizers.Adam(0.01);

  override trainStep({ x }: StepData<Tensor>) {
    const noise = ops.ones([x.shape[0]!, 3]);
    const fake = this.generator(noise);
    const score = (t: Tensor) => ops.mean(this.discriminator(t));
    score(x); // builds
    const [dLoss, dGradients] = valueAndGrad(
      () =>
        score(fake)
          .sub(score(x))
          .add(ops.sum(ops.square(this.discriminator.kernel!)).mul(0.1)),
      this.discriminator.trainableVariables,
    )();
    this.dOptimizer.apply(dGradients, this.discriminator.trainableVariables);
    const [gLoss, gGradients] = valueAndGrad(
      () => score(this.generator(noise)).mul(-1),
      this.generator.trainableVariables,
    )();
    this.gOptimizer.apply(gGradients, this.generator.trainableVariables);
    return { dLoss, gLoss };
  }
}

describe("a model of parts", () => {
  it("trains with two optimizers and without a call; the parts are built by its step", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const gan = new Gan();
    gan.compile({ optimizer: null });
    const data = tensor(
      Float32Array.from({ length: 32 }, (_, i) => (i % 2 ? 3 : -1)),
      [16, 2],
    );
    const { history } = await gan.fit(data, null, { verbose: 0, batchSize: 4, epochs: 60 });
    expect(Object.keys(history)).toEqual(["dLoss", "gLoss"]);
    expect(gan.trainableVariables.length).toBe(4);
    expect(await (gan.gOptimizer.iterations as { value: Tensor }).value.item()).toBe(240);
    // Where a game of two is after so many steps is chance; that its numbers are those of Keras is tested above.
    const made = (await gan.generator(ops.ones([1, 3])).data()) as Float32Array;
    expect(made.every(Number.isFinite)).toBe(true);
    await gan.fit(data, null, { verbose: 0, batchSize: 4 });
    expect(gan.built).toBe(true);
    warn.mockRestore();
  });
});

describe("errors name the method", () => {
  const step = (trainStep: (this: Model, data: StepData<Tensor, Tensor>) => unknown): Model => {
    class Mine extends Model {}
    Mine.prototype.trainStep = trainStep as never;
    const model = new Mine({ ...mlp(), name: "mine" });
    model.compile({ optimizer: "sgd", loss: "mse" });
    return model;
  };
  const train = (model: Model) => model.fit(x, y, { ...quiet });
  const gradientsOf = (model: Model) => valueAndGrad(() => ops.mean(model(x)), model.trainableVariables)()[1];

  it.each<[string, () => Promise<unknown>, string]>([
    [
      "a step that returns nothing",
      () => train(step(() => undefined)),
      'trainStep of Mine "mine" must return the values to log, such as { loss: this.lossMean.result() }. ' +
        "Received: undefined; is a `return` missing?",
    ],
    [
      "a step that returns a tensor",
      () => train(step(({ x }) => ops.mean(x))),
      "must return the values to log, such as",
    ],
    [
      "an async step",
      () => train(step(async () => ({}))),
      'trainStep of Mine "mine" must be synchronous, for it is recorded once and compiled. Received: a promise. ' +
        "Compute with ops, and read results (`await tensor.data()`) in a callback",
    ],
    [
      "a value that is no scalar",
      () => train(step(({ x }) => ({ loss: x }))),
      'trainStep of Mine "mine": `loss` must be a scalar. Received: shape (8, 4); reduce it, for example with ops.mean',
    ],
    [
      "a value that is no tensor",
      () => train(step(() => ({ loss: "low" }))),
      '`loss` must be a scalar tensor. Received: "low"',
    ],
    [
      "gradients of another number",
      () =>
        train(
          step(function (this: Model) {
            this.optimizer!.apply(gradientsOf(this).slice(1), this.trainableVariables);
            return {};
          }),
        ),
      "expected one gradient per variable. Received: 3 gradients for 4 variables",
    ],
    [
      "a loss that is no scalar",
      () =>
        train(
          step(function (this: Model) {
            valueAndGrad(() => this(x), this.trainableVariables)();
            return {};
          }),
        ),
      "grad: the function must return a scalar. Received: shape (48, 2); reduce it, for example with ops.mean",
    ],
    [
      "no optimizer",
      () => {
        const model = step(function (this: Model) {
          this.optimizer!.apply(gradientsOf(this), this.trainableVariables);
          return {};
        });
        model.compile({ optimizer: null });
        return train(model);
      },
      'trainStep of Mine "mine": the model has no optimizer. Pass one to compile, model.compile({ optimizer: "adam" }), ' +
        "or use one that the class holds itself",
    ],
    [
      "a testStep that returns nothing",
      () => {
        class Mine extends Model {
          override testStep(): never {
            return undefined as never;
          }
        }
        const model = new Mine({ ...mlp(), name: "mine" });
        model.compile({ loss: "mse" });
        return model.evaluate(x, y, { verbose: 0 });
      },
      'testStep of Mine "mine" must return the values to log',
    ],
    [
      "a computeLoss that is no scalar",
      () => {
        class Mine extends Model {
          override computeLoss(_x: Tensor, y: Tensor, yPred: Tensor): Tensor {
            return losses.meanSquaredError(y, yPred);
          }
        }
        const model = new Mine({ ...mlp(), name: "mine" });
        model.compile({ optimizer: "sgd" });
        return train(model);
      },
      'computeLoss of Mine "mine": the loss must be a scalar. Received: shape (8,); reduce it, for example with ops.mean',
    ],
    [
      "a computeLoss that returns nothing",
      () => {
        class Mine extends Model {
          override computeLoss(): never {
            return undefined as never;
          }
        }
        const model = new Mine({ ...mlp(), name: "mine" });
        model.compile({ optimizer: "sgd" });
        return train(model);
      },
      'computeLoss of Mine "mine" must return a scalar tensor. Received: undefined; is a `return` missing?',
    ],
  ])("%s", async (_, run, words) => {
    await expect(run()).rejects.toThrow(words);
  });

  it("trains with the optimizer of compile where a class states a field for it", async () => {
    class Mine extends Model {
      override optimizer: optimizers.Optimizer | null = optimizers.SGD(0.5);
    }
    const model = new Mine(mlp());
    model.compile({ optimizer: optimizers.SGD(0.01), loss: "mse" });
    const before = await model.trainableVariables[0]!.array();
    await train(model);
    expect(await model.trainableVariables[0]!.array()).not.toEqual(before);
    expect(Number(await model.optimizer!.learningRate.array())).toBeCloseTo(0.01);
  });

  it("a model without an optimizer says null where no step of the user's own runs", () => {
    const model = Model(mlp());
    expect(model.optimizer).toBeNull();
  });
});
