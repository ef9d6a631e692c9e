/** Tasks in which our subject is compared with itself: what a way of one's own costs beside the built-in one. */
import * as keras from "../../src/node.ts";
import { resnet, resnetLoss } from "./images.ts";
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

/** Epochs of each way; the first ones, in which the JavaScript engine still compiles, do not count. */
const EPOCHS = { warmUp: 3, measured: 4 };

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** `{ customMs, builtInMs }`: medians of epochs of both, in turns so that what else the machine does meets both alike. */
async function inTurns(custom: () => Promise<number>, builtIn: () => Promise<number>) {
  const [customMs, builtInMs]: [number[], number[]] = [[], []];
  for (let i = 0; i < EPOCHS.warmUp + EPOCHS.measured; i++) {
    customMs.push(await custom());
    builtInMs.push(await builtIn());
  }
  return {
    customMs: median(customMs.slice(EPOCHS.warmUp)),
    builtInMs: median(builtInMs.slice(EPOCHS.warmUp)),
  };
}

/** Milliseconds of an epoch of `fit`. */
async function fitEpoch(model: keras.Model, x: keras.Tensor, y: keras.Tensor, batchSize: number): Promise<number> {
  const recorder = new EpochRecorder();
  await model.fit(x, y, { batchSize, verbose: 0, shuffle: false, callbacks: [recorder] });
  return recorder.milliseconds[0]!;
}

function compiledMlp(custom: boolean) {
  const model = mlp(custom);
  model.compile({ loss: lossFn, optimizer: keras.optimizers.RMSprop(1e-3) });
  return model;
}

/** `{ customMs, builtInMs }`: an epoch with CustomDense and one with Dense. */
export async function customDense(p: Digits) {
  const [x, y] = digits(p);
  const [custom, builtIn] = [compiledMlp(true), compiledMlp(false)];
  return inTurns(
    () => fitEpoch(custom, x, y, p.batchSize),
    () => fitEpoch(builtIn, x, y, p.batchSize),
  );
}

interface Loop extends Digits {
  readonly model: "mlp" | "resnet";
  /** Whether the step is in `keras.jit`. */
  readonly jit: boolean;
}

/** `{ customMs, builtInMs }`: an epoch of a loop of the user's own, which reads the loss of every step, and one of `fit`. */
export async function handWrittenLoop({ model: name, jit, data, samples, batchSize }: Loop) {
  const make = () => {
    if (name === "resnet") return { ...resnet(data, samples), loss: resnetLoss };
    const [x, y] = digits({ data, samples, batchSize });
    return { model: compiledMlp(false), x, y, loss: lossFn };
  };
  const { model, x, y, loss: lossOf } = make();
  const optimizer = keras.optimizers.RMSprop(1e-3);
  const weights = model.trainableVariables;
  const recorded = (x: keras.Tensor, y: keras.Tensor) => {
    const [loss, gradients] = keras.valueAndGrad(() => lossOf(y, model(x, { training: true })), weights)();
    optimizer.apply(gradients, weights);
    return loss;
  };
  const step = jit ? keras.jit(recorded) : recorded;
  const epoch = async (): Promise<void> => {
    for (let i = 0; i + batchSize <= samples; i += batchSize) {
      const rows: [number, number] = [i, i + batchSize];
      const loss = await step(x.get(rows), y.get(rows));
      await loss.item();
    }
  };
  const { model: fitted } = make();
  return inTurns(
    () => once(epoch),
    () => fitEpoch(fitted, x, y, batchSize),
  );
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
