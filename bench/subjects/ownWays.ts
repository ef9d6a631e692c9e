/** Tasks in which our subject is compared with itself: what a way of one's own costs beside the built-in one. */
import * as keras from "../../src/node.ts";
import { loadMnist } from "./mnist.mjs";
import { EpochRecorder, once } from "./timing.ts";

const { layers, ops } = keras;

/** The guide's layer, with the activation inside. */
class CustomDense extends keras.Layer {
  readonly units: number;
  readonly relu: boolean;
  declare w: keras.Variable;
  declare b: keras.Variable;

  constructor({ units, relu = false }: { units: number; relu?: boolean }) {
    super();
    this.units = units;
    this.relu = relu;
  }

  override build([, width]: [null, number]): void {
    this.w = this.addWeight({ shape: [width, this.units], initializer: "glorot_uniform", name: "w" });
    this.b = this.addWeight({ shape: [this.units], initializer: "zeros", name: "b" });
  }

  override call(x: keras.Tensor): keras.Tensor {
    const y = ops.matmul(x, this.w).add(this.b);
    return this.relu ? ops.relu(y) : y;
  }
}

const lossFn = keras.losses.SparseCategoricalCrossentropy({ fromLogits: true });

/** The guide's MLP. */
function mlp(custom: boolean) {
  const dense = (units: number, relu: boolean) =>
    custom ? new CustomDense({ units, relu }) : layers.Dense(units, relu ? { activation: "relu" } : {});
  return keras.Sequential([keras.Input({ shape: [784] }), dense(64, true), dense(64, true), dense(10, false)]);
}

interface Digits {
  readonly data: string;
  readonly samples: number;
  readonly batchSize: number;
}

function digits(p: Digits): [x: keras.Tensor, y: keras.Tensor] {
  const { x, y, count } = loadMnist(p.data, p.samples);
  return [keras.tensor(x, [count, 784], "float32"), keras.tensor(y, [count], "int32")];
}

/** Milliseconds of the second of two epochs. */
async function fitEpoch(model: ReturnType<typeof mlp>, p: Digits): Promise<number> {
  const [x, y] = digits(p);
  model.compile({ loss: lossFn, optimizer: keras.optimizers.RMSprop(1e-3) });
  const recorder = new EpochRecorder();
  await model.fit(x, y, { batchSize: p.batchSize, epochs: 2, verbose: 0, shuffle: false, callbacks: [recorder] });
  return recorder.milliseconds[1]!;
}

/** `{ customMs, builtInMs }`: an epoch with CustomDense and one with Dense. */
export async function customDense(p: Digits) {
  return { customMs: await fitEpoch(mlp(true), p), builtInMs: await fitEpoch(mlp(false), p) };
}

/** `{ customMs, builtInMs }`: an epoch of a loop over a step in `keras.jit`, which reads the loss of every step, and one of `fit`. */
export async function handWrittenLoop(p: Digits) {
  const model = mlp(false);
  const optimizer = keras.optimizers.RMSprop(1e-3);
  const weights = model.trainableVariables;
  const step = keras.jit((x: keras.Tensor, y: keras.Tensor) => {
    const [loss, gradients] = keras.valueAndGrad(() => lossFn(y, model(x, { training: true })), weights)();
    optimizer.apply(gradients, weights);
    return loss;
  });
  const [x, y] = digits(p);
  const epoch = async (): Promise<void> => {
    for (let i = 0; i + p.batchSize <= p.samples; i += p.batchSize) {
      const rows: [number, number] = [i, i + p.batchSize];
      await (await step(x.get(rows), y.get(rows))).item();
    }
  };
  await epoch();
  return { customMs: await once(epoch), builtInMs: await fitEpoch(mlp(false), p) };
}

/** `{ buildMs, firstStepMs }`: making a model of so many layers, and its first train step, which records and compiles it. */
export async function traceLayers({ depth }: { depth: number }) {
  let model: keras.Model | null = null;
  const buildMs = await once(async () => {
    const inputs = keras.Input({ shape: [32] });
    let h = inputs;
    for (let i = 0; i < depth; i++) h = layers.Dense(32, { activation: "relu" })(h);
    model = keras.Model({ inputs, outputs: layers.Dense(1)(h) });
  });
  const trained = model as keras.Model | null;
  trained!.compile({ loss: "mse", optimizer: "sgd" });
  const firstStepMs = await once(() => trained!.trainOnBatch(ops.ones([8, 32]), ops.ones([8, 1])));
  return { buildMs, firstStepMs };
}
