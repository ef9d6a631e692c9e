/** Layers and models of the user beside Keras's numbers: tools/fixtures/subclassed.py has the same classes. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { resetNames } from "../core/names.ts";
import type { Shape } from "../core/shape.ts";
import * as layers from "../layers/index.ts";
import * as metrics from "../metrics/index.ts";
import * as ops from "../ops/index.ts";
import * as optimizers from "../optimizers/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import { withTerminal } from "../testing/exampleModels.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import { summaryText } from "../viz/summary.ts";
import { Model } from "./model.ts";
import { Sequential } from "./sequential.ts";

registerAllBuiltins();
beforeEach(resetNames);

class MLP extends Model {
  readonly dense1 = layers.Dense(64, { activation: "relu" });
  readonly dense2 = layers.Dense(10);

  override call(inputs: Tensor): Tensor {
    return this.dense2(this.dense1(inputs));
  }
}

class CustomRNN extends layers.Layer {
  readonly units = 6;
  readonly projection1 = layers.Dense(this.units, { activation: "tanh" });
  readonly projection2 = layers.Dense(this.units, { activation: "tanh" });
  readonly classifier: (x: Tensor) => Tensor;

  constructor(classifier: (x: Tensor) => Tensor) {
    super();
    this.classifier = classifier;
  }

  override call(inputs: Tensor): Tensor {
    const outputs: Tensor[] = [];
    let state = ops.zeros([inputs.shape[0]!, this.units]);
    for (let t = 0; t < inputs.shape[1]!; t++) {
      state = this.projection1(inputs.get(null, t)).add(this.projection2(state));
      outputs.push(state);
    }
    return this.classifier(ops.stack(outputs, { axis: 1 }));
  }
}

class RunningMean extends layers.Layer {
  readonly size = metrics.Mean({ name: "size" });
  mean!: Variable;
  count!: Variable;
  scale!: Variable;

  override build(inputShape: Shape): void {
    const shape = [inputShape.at(-1)!];
    this.mean = this.addWeight({ name: "mean", shape, initializer: "zeros", trainable: false });
    this.count = this.addWeight({ name: "count", shape: [], initializer: "zeros", trainable: false });
    this.scale = this.addWeight({ name: "scale", shape, initializer: "ones" });
  }

  override call(inputs: Tensor, { training = false }: layers.CallOptions = {}): Tensor {
    if (training) {
      this.count.assignAdd(1);
      this.mean.assignAdd(inputs.mean({ axis: 0 }).sub(this.mean).div(this.count));
    }
    this.addLoss(ops.square(this.scale).sum().mul(0.1));
    this.size.updateState(inputs.abs());
    return inputs.sub(this.mean).mul(this.scale);
  }
}

class Shift extends layers.Layer {
  override supportsMasking = true;

  override call(inputs: Tensor, { training = false, mask = null }: layers.CallOptions = {}): Tensor {
    const x = inputs.add(training ? 0.5 : 0);
    return mask ? x.mul((mask as Tensor).expandDims(-1).astype(x.dtype)) : x;
  }
}

class Inner extends layers.Layer {
  override supportsMasking = true;
  readonly graphModel: Model;
  readonly stack: Sequential;

  constructor() {
    super();
    const inputs = layers.Input({ shape: [null, 4] });
    const outputs = new Shift()(layers.Dense(4, { activation: "tanh" })(inputs));
    this.graphModel = Model({ inputs, outputs });
    this.stack = Sequential([new Shift(), layers.Dense(3)]);
  }

  override call(inputs: Tensor): Tensor {
    return this.stack(this.graphModel(inputs));
  }
}

class Outer extends Model {
  readonly masking = layers.Masking();
  readonly parts = { inner: new Inner(), list: [layers.Dense(3), [layers.Dense(2)]] as const };
  readonly pool = layers.GlobalAveragePooling1D();

  override call(inputs: Tensor): Tensor {
    const [first, [second]] = this.parts.list;
    return this.pool(second!(first(this.parts.inner(this.masking(inputs)))));
  }
}

const BUILDERS: Readonly<Record<string, () => Model>> = {
  guide_mlp() {
    const model = new MLP();
    model(ops.zeros([1, 32]));
    return model;
  },
  rnn_around_graph() {
    const sequence = layers.Input({ shape: [null, 6] });
    const graph = Model({
      inputs: sequence,
      outputs: layers.Dense(1)(layers.GlobalAveragePooling1D()(sequence)),
    });
    const inputs = layers.Input({ batchShape: [4, 5, 3] });
    return Model({ inputs, outputs: new CustomRNN(graph)(inputs), name: "around_graph" });
  },
  rnn_in_graph() {
    const inputs = layers.Input({ batchShape: [4, 7, 3] });
    const x = layers.Conv1D(6, 3)(inputs);
    return Model({ inputs, outputs: new CustomRNN(layers.Dense(1))(x), name: "in_graph" });
  },
  running_mean() {
    const inputs = layers.Input({ shape: [4] });
    const x = new RunningMean()(inputs);
    return Model({ inputs, outputs: layers.Dense(2, { activityRegularizer: "l2" })(x), name: "running" });
  },
  nested() {
    const model = new Outer();
    model(ops.zeros([1, 3, 4]));
    return model;
  },
};

interface Case {
  readonly name: string;
  readonly x: EncodedArray;
  readonly y: EncodedArray;
  readonly batch_size: number;
  readonly paths: readonly string[];
  readonly initial_weights: readonly EncodedArray[];
  readonly final_weights: readonly EncodedArray[];
  readonly summary: string;
  readonly summary_expanded: string;
  readonly predictions: EncodedArray;
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly evaluate: Readonly<Record<string, number>>;
}

const { cases } = loadFixture<{ cases: readonly Case[] }>("subclassed");

const revive = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

async function expectNear(what: string, actual: Tensor, expected: EncodedArray): Promise<void> {
  expect(actual.shape, what).toEqual(expected.shape);
  const numbers = decodeNumbers(expected);
  const worst = Math.max(...Array.from((await actual.data()) as Float32Array, (v, i) => Math.abs(v - numbers[i]!)));
  expect(worst, `${what}: largest difference`).toBeLessThan(1e-4);
}

describe("layers and models of the user, as in Keras", () => {
  it.each(cases.map((c) => [c.name, c] as const))("%s", async (name, c) => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const model = BUILDERS[name]!();
    expect(model.weights.map((w) => w.path)).toEqual(c.paths);
    withTerminal({ columns: 100 }, () => {
      expect(summaryText(model, { lineLength: 80 })).toBe(c.summary);
      expect(summaryText(model, { lineLength: 80, expandNested: true })).toBe(c.summary_expanded);
    });
    model.setWeights(c.initial_weights.map(revive));
    const [x, y] = [revive(c.x), revive(c.y)];
    const options = { batchSize: c.batch_size, verbose: 0 } as const;
    await expectNear("predictions", await model.predict(x, options), c.predictions);
    model.compile({ optimizer: optimizers.SGD(0.05), loss: "mse" });
    const { history } = await model.fit(x, y, { ...options, epochs: 3, shuffle: false });
    expect(Object.keys(history)).toEqual(Object.keys(c.history));
    for (const [key, values] of Object.entries(c.history)) {
      values.forEach((value, i) => {
        expect(history[key]![i]).toBeCloseTo(value, 4);
      });
    }
    const weights = model.getWeights();
    for (const [i, value] of c.final_weights.entries()) await expectNear(c.paths[i]!, weights[i]!, value);
    const scores = await model.evaluate(x, y, { ...options, returnDict: true });
    for (const [key, value] of Object.entries(c.evaluate)) expect(scores[key]).toBeCloseTo(value, 4);
  });
});
