/** Recurrent layers through the checks of src/testing/runLayerTest.ts; cells, dropout, wrappers, and what they refuse. */
import { beforeEach, describe, expect, it } from "vitest";
import { valueAndGrad } from "../../autodiff/grad.ts";
import { resetNames } from "../../core/names.ts";
import { flatten } from "../../core/tree.ts";
import { Model, Sequential } from "../../models/index.ts";
import * as ops from "../../ops/index.ts";
import type { KerasTensor } from "../../ops/kerasTensor.ts";
import * as random from "../../random/index.ts";
import { registerAllBuiltins } from "../../registerBuiltins.ts";
import { jit } from "../../runtime/jit.ts";
import { type Tensor, tensor } from "../../runtime/tensor.ts";
import { Trace, withTrace } from "../../runtime/trace.ts";
import type { Variable } from "../../runtime/variable.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { gradCheck } from "../../testing/gradCheck.ts";
import { type LayerExpectations, runLayerTest, type TestedClass } from "../../testing/runLayerTest.ts";
import * as layers from "../index.ts";
import type { LayerBase } from "../layer.ts";

type Row = [cls: string, options: Record<string, unknown>, expected: LayerExpectations];

const sequence: LayerExpectations = {
  inputShape: [2, 3, 4],
  trainableWeights: 3,
  seedGenerators: 1,
  supportsMasking: true,
};
const video: LayerExpectations = { ...sequence, inputShape: [2, 3, 4, 3, 2] };
const dropping = { call: { training: true }, gradients: false };

const ROWS: readonly Row[] = [
  ["SimpleRNN", { units: 2 }, { ...sequence, expectedOutputShape: [2, 2] }],
  ["SimpleRNN", { units: 2, dropout: 0.5, recurrentDropout: 0.3 }, { ...sequence, ...dropping }],
  ["LSTM", { units: 2, returnSequences: true }, { ...sequence, expectedOutputShape: [2, 3, 2] }],
  ["LSTM", { units: 2, returnState: true, unroll: true, useBias: false }, { ...sequence, trainableWeights: 2 }],
  ["LSTM", { units: 2, dropout: 0.5, implementation: 1 }, { ...sequence, ...dropping }],
  ["LSTM", { units: 2, dropout: 0.5, recurrentDropout: 0.3 }, { ...sequence, ...dropping }],
  ["GRU", { units: 2, goBackwards: true }, { ...sequence, expectedOutputShape: [2, 2] }],
  ["GRU", { units: 2, resetAfter: false, returnSequences: true }, { ...sequence, expectedOutputShape: [2, 3, 2] }],
  ["GRU", { units: 2, resetAfter: false, dropout: 0.2, recurrentDropout: 0.3 }, { ...sequence, ...dropping }],
  [
    "ConvLSTM1D",
    { filters: 2, kernelSize: 2 },
    { ...sequence, inputShape: [2, 3, 4, 2], expectedOutputShape: [2, 3, 2] },
  ],
  [
    "ConvLSTM2D",
    { filters: 2, kernelSize: 2, padding: "same", returnSequences: true },
    { ...video, expectedOutputShape: [2, 3, 4, 3, 2] },
  ],
  ["ConvLSTM2D", { filters: 2, kernelSize: 2, dropout: 0.2, recurrentDropout: 0.3 }, { ...video, ...dropping }],
  [
    "ConvLSTM3D",
    { filters: 1, kernelSize: 2 },
    { ...video, inputShape: [1, 2, 3, 2, 3, 1], expectedOutputShape: [1, 2, 1, 2, 1], gradients: false },
  ],
];

beforeEach(() => {
  registerAllBuiltins();
  resetNames();
});

describe("every recurrent layer", () => {
  it.each(ROWS)("%s %j", async (name, options, expected) => {
    await runLayerTest(layers.CLASSES[name] as unknown as TestedClass, options, expected);
  });
});

/** Elements of a tensor. */
const numbers = async (t: Tensor): Promise<number[]> => Array.from((await t.data()) as Float32Array);
const sample = (...shape: number[]): Tensor => random.normal(shape, { seed: 3 });

type Callable = LayerBase & { (x: unknown, ...more: unknown[]): Tensor };

describe("gradients by central differences", () => {
  const float64 = { dtype: "float64" };
  const ROWS_OF_WRAPPERS: readonly [name: string, make: () => object][] = [
    ["RNN of stacked cells", () => layers.RNN([layers.GRUCell(2, float64), layers.LSTMCell(3, float64)], float64)],
    [
      "Bidirectional, masked",
      () => layers.Bidirectional(layers.LSTM(2, { ...float64, returnSequences: true }), float64),
    ],
    ["TimeDistributed", () => layers.TimeDistributed(layers.Dense(2, { ...float64, activation: "tanh" }), float64)],
  ];
  it.each(ROWS_OF_WRAPPERS)("%s", async (_, make) => {
    const layer = make() as Callable;
    layer.build([2, 3, 2]);
    const mask = tensor([true, false, true, true, true, false], [2, 3], "bool");
    const point = [{ data: await numbers(sample(2, 3, 2)), shape: [2, 3, 2] }];
    const weights = layer.trainableWeights;
    for (const w of weights) point.push({ data: await numbers(sample(...w.shape)), shape: [...w.shape] });
    await gradCheck((x, ...values) => {
      const trace = new Trace();
      weights.forEach((w: Variable, i) => {
        trace.write(w, values[i]!.node);
      });
      return withTrace(trace, () => flatten(layer(x, { mask, training: false })) as Tensor[]);
    }, point);
  });
});

describe("cells of one's own", () => {
  class Adding extends layers.Layer {
    readonly units: number;
    readonly stateSize: number;
    kernel: Variable | null = null;

    constructor(options: layers.LayerOptions & { units: number }) {
      const { units, ...base } = options;
      super(base);
      this.units = units;
      this.stateSize = units;
    }

    override build(inputShape: readonly (number | null)[]): void {
      this.kernel = this.addWeight({ name: "kernel", shape: [inputShape.at(-1)!, this.units], initializer: "ones" });
    }

    override call(inputs: Tensor, states: Tensor[]): [Tensor, Tensor[]] {
      const total = ops.add(ops.matmul(inputs, this.kernel!), states[0]!);
      // The output is none of the states.
      return [ops.multiply(total, 10), [total]];
    }

    override getConfig() {
      return { ...super.getConfig(), units: this.units };
    }
  }
  const x = () => tensor([1, 2, 3, 4, 5, 6], [1, 3, 2]);

  it("are layers with a state", async () => {
    const layer = layers.RNN(new Adding({ units: 1 }), { returnSequences: true, returnState: true });
    const [y, state] = layer(x());
    expect(await numbers(y)).toEqual([30, 100, 210]);
    expect(await numbers(state!)).toEqual([21]);
    expect(layer.weights.map((w) => w.path)).toEqual(["rnn/adding/kernel"]);
  });

  it("keep output and state where masked; before the first real step the output is 0", async () => {
    const mask = tensor([false, true, false], [1, 3], "bool");
    const layer = layers.RNN(new Adding({ units: 1 }), { returnSequences: true, returnState: true });
    const [y, state] = layer(x(), { mask });
    expect([await numbers(y), await numbers(state!)]).toEqual([[0, 70, 70], [7]]);
    const last = layers.RNN(new Adding({ units: 1 }));
    expect(await numbers(last(x(), { mask }))).toEqual([70]);
    const zeroed = layers.RNN(new Adding({ units: 1 }), { zeroOutputForMask: true });
    expect(await numbers(zeroed(x(), { mask }))).toEqual([0]);
    const allZeroed = layers.RNN(new Adding({ units: 1 }), { returnSequences: true, zeroOutputForMask: true });
    expect(await numbers(allZeroed(x(), { mask }))).toEqual([0, 70, 0]);
  });

  it("may be plain objects", async () => {
    const cell = {
      stateSize: 2,
      outputSize: 2,
      call: (inputs: Tensor, [h]: Tensor[]): [Tensor, Tensor[]] => [ops.add(inputs, h!), [ops.add(inputs, h!)]],
    };
    expect(await numbers(layers.RNN(cell)(x()))).toEqual([9, 12]);
  });

  it("are copied by Bidirectional without being registered", async () => {
    const both = layers.Bidirectional(layers.RNN(new Adding({ units: 1 })), { mergeMode: "sum" });
    expect(await numbers(both(x()))).toEqual([420]);
    expect(both.weights).toHaveLength(2);
  });

  it("are stacked with others", () => {
    const layer = layers.RNN([layers.LSTMCell(3), new Adding({ units: 2 })]);
    expect(layer(x()).shape).toEqual([1, 2]);
    expect(layer.stateSize).toEqual([[3, 3], 2]);
  });

  const wrong = (call: (x: Tensor, states: Tensor[]) => unknown, stateSize: unknown = 2) =>
    ({ stateSize, call }) as never;
  it.each([
    ["no step", () => layers.RNN({ stateSize: 2 } as never), /^RNN: expected a cell, such as layers.LSTMCell\(8\)/],
    [
      "no state",
      () => layers.RNN(layers.Dense(2) as never),
      /^RNN "rnn": a cell must have a property `stateSize`, an integer or a list with one per state. Received: cell=.*Dense.* with stateSize=undefined/,
    ],
    ["a number", () => layers.RNN(3 as never), /^RNN "rnn": expected `cell` to be a cell.*Received: cell=3/],
    ["an empty list", () => layers.RNN([]), /expected `cells` to be a list of cells/],
    ["no pair", () => layers.RNN(wrong((y) => y))(x()), /RNN "rnn": the cell's `call` must return \[output, states\]/],
    [
      "states of another shape",
      () => layers.RNN(wrong((y) => [y, [ops.concatenate([y, y], { axis: 1 })]]))(x()),
      /the cell must keep the shapes of its states. Received: state 0 of shape \(1, 4\) after a step; expected \(1, 2\)/,
    ],
    [
      "more states than before",
      () => layers.RNN(wrong((y) => [y, [y, y]]))(x()),
      /the states that the cell returns must have the structure of those it got/,
    ],
    [
      "states of another dtype",
      () => layers.RNN(wrong((y) => [y, [ops.cast(y, "int32")]]))(x()),
      /must keep the dtypes of its states. Received: state 0 of dtype int32 after a step; expected float32/,
    ],
  ])("with %s are refused", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("dropout", () => {
  const ones = (time = 4) => ops.ones([2, time, 3]);
  const drops = { units: 5, dropout: 0.5, recurrentDropout: 0.5, seed: 1 };

  it.each(["SimpleRNN", "LSTM", "GRU"])("%s drops anew at each call in training, and never outside", async (name) => {
    const layer = layers.CLASSES[name]!.fromConfig!({ units: 5, dropout: 0.5, seed: 1 }) as Callable;
    const [first, second] = [
      await numbers(layer(ones(), { training: true })),
      await numbers(layer(ones(), { training: true })),
    ];
    expect(first).not.toEqual(second);
    const still = await numbers(layer(ones()));
    expect(await numbers(layer(ones(), { training: false }))).toEqual(still);
    expect(first).not.toEqual(still);
  });

  it("drops the same in all steps", async () => {
    // The state only adds up what comes in: without a mask of its own, each step would add another number.
    const layer = layers.SimpleRNN(6, {
      dropout: 0.5,
      activation: null,
      kernelInitializer: "identity",
      recurrentInitializer: "zeros",
      returnSequences: true,
    });
    const y = (await layer(ops.ones([3, 5, 6]), { training: true }).array()) as number[][][];
    for (const row of y) for (const step of row) expect(step).toEqual(row[0]);
    expect(new Set(y.flat(2))).toEqual(new Set([0, 2]));
  });

  it("keeps its masks inside stacked and bidirectional layers", async () => {
    const stack = layers.RNN([layers.LSTMCell(drops), layers.GRUCell(drops)], { returnSequences: true });
    const both = layers.Bidirectional(layers.LSTM({ ...drops, returnSequences: true }));
    for (const layer of [stack, both] as unknown as Callable[]) {
      const y = layer(ones(), { training: true });
      expect(y.shape.slice(0, 2)).toEqual([2, 4]);
      expect((await numbers(y)).every(Number.isFinite)).toBe(true);
    }
  });

  it("inside a cell of one's own is drawn once per sequence", async () => {
    class Dropping extends layers.Layer {
      readonly stateSize = 6;
      readonly drop = layers.Dropout(0.5, { seed: 4 });
      override call(x: Tensor, states: Tensor[]): [Tensor, Tensor[]] {
        return [this.drop(x), states];
      }
    }
    const layer = layers.RNN(new Dropping(), { returnSequences: true });
    const rows = async () => (await layer(ops.ones([1, 3, 6]), { training: true }).array()) as number[][][];
    const [first, second] = [await rows(), await rows()];
    expect(first[0]![1]).toEqual(first[0]![0]);
    expect(new Set(first.flat(2))).toEqual(new Set([0, 2]));
    expect(second).not.toEqual(first);
  });

  it("draws anew in each run of a compiled function", async () => {
    const layer = layers.LSTM(drops);
    layer.build([2, 4, 3]);
    const step = jit((x: Tensor) => layer(x, { training: true }));
    expect(await numbers(await step(ones()))).not.toEqual(await numbers(await step(ones())));
  });

  it("of a cell that is called step by step holds until it is reset", async () => {
    const cell = layers.SimpleRNNCell(4, { dropout: 0.5, seed: 2 });
    const step = async () => {
      const [y] = cell(ops.ones([2, 8]), [ops.zeros([2, 4])], { training: true });
      return numbers(y);
    };
    const first = await step();
    expect(await step()).toEqual(first);
    cell.resetDropoutMask();
    cell.resetRecurrentDropoutMask();
    expect(await step()).not.toEqual(first);
  });
});

describe("masks", () => {
  it("go on to the next layer with returnSequences, and end otherwise", async () => {
    const x = layers.Masking()(tensor([1, 0, 2, 0, 0, 0], [1, 3, 2]));
    const y = layers.LSTM(2, { returnSequences: true })(x);
    expect(await y.mask!.array()).toEqual([[true, true, false]]);
    expect(layers.LSTM(2)(y).mask).toBe(null);
    expect(
      await layers
        .Bidirectional(layers.GRU(2, { returnSequences: true }))(x)
        .mask!.array(),
    ).toEqual([[true, true, false]]);
    const [z, h] = layers.GRU(2, { returnSequences: true, returnState: true })(x);
    expect([z.mask !== null, h.mask]).toEqual([true, null]);
  });

  it("of ConvLSTM hold for whole images", async () => {
    const x = sample(2, 3, 4, 3, 1);
    const layer = layers.ConvLSTM2D(2, 2, { returnSequences: true });
    const all = await numbers(layer(x));
    const masked = await numbers(layer(x, { mask: tensor([true, true, false, true, false, true], [2, 3], "bool") }));
    const step = 3 * 2 * 2;
    const stepsOf = (list: number[], i: number) => list.slice(i * step, (i + 1) * step);
    expect(stepsOf(masked, 1)).toEqual(stepsOf(all, 1));
    expect(stepsOf(masked, 2)).toEqual(stepsOf(all, 1));
    expect(stepsOf(masked, 4)).toEqual(stepsOf(all, 3));
  });
});

describe("long sequences", () => {
  const LONG = 60;
  it.each(["SimpleRNN", "LSTM", "GRU"])("%s: a loop gives what the steps written out give", async (name) => {
    const make = (unroll: boolean) => {
      const options = { units: 3, unroll, return_sequences: true, go_backwards: true, name: "same" };
      const layer = layers.CLASSES[name]!.fromConfig!(options) as Callable;
      layer.build([2, LONG, 4]);
      return layer;
    };
    const [looped, unrolled] = [make(false), make(true)];
    unrolled.setWeights(looped.getWeights());
    const x = sample(2, LONG, 4);
    const mask = ops.greater(ops.getItem(sample(2, LONG, 5), [null, null, 0]), -0.5);
    const all = async (layer: Callable): Promise<number[][]> => {
      const [y, gradients] = valueAndGrad(() => ops.mean(ops.square(layer(x, { mask }))), layer.trainableWeights)();
      return Promise.all([y, ...gradients].map((t) => numbers(t as Tensor)));
    };
    const [loop, steps] = [await all(looped), await all(unrolled)];
    for (const [i, expected] of steps.entries()) expectAllClose(loop[i]!, expected, { atol: 1e-6, rtol: 1e-5 });
  });
});

describe("stateful layers", () => {
  it("carry their states through compiled predictions", async () => {
    const layer = layers.GRU(2, { stateful: true });
    layer.build([1, 3, 2]);
    const run = jit((x: Tensor) => layer(x));
    const x = sample(1, 3, 2);
    const first = await numbers(await run(x));
    const second = await numbers(await run(x));
    expect(second).not.toEqual(first);
    layer.resetStates();
    expect(await numbers(await run(x))).toEqual(first);
    const whole = layers.GRU(2);
    whole.build([1, 6, 2]);
    whole.setWeights(layer.getWeights());
    expectAllClose(await numbers(whole(ops.concatenate([x, x], { axis: 1 }))), second, { atol: 1e-6 });
  });

  it("go on from batch to batch in a model, and are not saved", async () => {
    const x = layers.Input({ batchShape: [1, 3, 2] });
    const layer = layers.LSTM(2, { stateful: true });
    const model = Model({ inputs: x, outputs: layer(x) });
    model.compile({ optimizer: "sgd", loss: "mse" });
    const [data, options] = [sample(1, 3, 2), { batchSize: 1, verbose: 0 as const }];
    const predict = async () => numbers((await model.predict(data, options)) as Tensor);
    const first = await predict();
    expect(await predict()).not.toEqual(first);
    await model.fit(sample(4, 3, 2), ops.zeros([4, 2]), { ...options, shuffle: false });
    layer.resetState();
    expect(await numbers((layer.states as Variable[])[0]!.value)).toEqual([0, 0]);
    expect(model.weights).toHaveLength(3);
    expect(model.countParams()).toBe(4 * 2 * (2 + 2 + 1));
  });

  it("inside Bidirectional are reset together", async () => {
    const layer = layers.Bidirectional(layers.LSTM(2, { stateful: true }));
    const x = sample(1, 3, 2);
    const first = await numbers(layer(x));
    expect(await numbers(layer(x))).not.toEqual(first);
    expect(layer.states).toHaveLength(4);
    layer.resetState();
    expect(await numbers(layer(x))).toEqual(first);
    expect(() => layers.Bidirectional(layers.LSTM(2)).resetState()).toThrow(
      /^Bidirectional "bidirectional_1": only a stateful layer has states to reset$/,
    );
  });
});

describe("Bidirectional", () => {
  it("starts from the weights it is given", async () => {
    const values = [ops.ones([3, 2]), ops.ones([2, 2]), ops.ones([2])];
    const both = layers.Bidirectional(layers.SimpleRNN(2), { weights: [...values, ...values.map((v) => v.mul(2))] });
    both.build([null, 4, 3]);
    expect(await both.weights[3]!.value.array()).toEqual([
      [2, 2],
      [2, 2],
      [2, 2],
    ]);
  });

  it.each([
    [
      "a layer that is none",
      () => layers.Bidirectional(layers.Dense(2)),
      /^Bidirectional "bidirectional": expected `layer` to be a recurrent layer.*Dense "dense", which has no goBackwards, stateful, returnSequences, returnState$/,
    ],
    [
      "an unknown mode",
      () => layers.Bidirectional(layers.LSTM(2), { mergeMode: "max" as never }),
      /expected `mergeMode` to be concat, sum, mul, ave or null. Received: mergeMode="max"/,
    ],
    [
      "one direction",
      () => layers.Bidirectional(layers.LSTM(2), { backwardLayer: layers.LSTM(2) }),
      /the layers must go in different directions. Received: goBackwards=false for both/,
    ],
    [
      "unequal options",
      () =>
        layers.Bidirectional(layers.LSTM(2), {
          backwardLayer: layers.LSTM(2, { goBackwards: true, returnSequences: true }),
        }),
      /both layers must have the same `returnSequences`. Received: false for "forward_lstm", true for "lstm_1"/,
    ],
    [
      "an odd number of states",
      () => layers.Bidirectional(layers.GRU(2))(sample(1, 2, 3), { initialState: [ops.zeros([1, 2])] }),
      /expected `initialState` to be a list of states, those of the forward layer before.*Received: a list of 1/,
    ],
  ])("refuses %s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("TimeDistributed", () => {
  it("runs layers whose samples depend on each other step by step", async () => {
    class Centered extends layers.Layer {
      override call(x: Tensor): Tensor {
        return ops.subtract(x, ops.mean(x, { axis: 0, keepdims: true }));
      }
    }
    const y = layers.TimeDistributed(new Centered())(tensor([1, 10, 3, 30], [2, 2, 1]));
    expect(await y.array()).toEqual([
      [[-1], [-10]],
      [[1], [10]],
    ]);
  });

  it("gives the same for all steps at once as step by step", async () => {
    class Plain extends layers.Dense {}
    const x = sample(2, 3, 4, 4, 1);
    const inner = Sequential([
      layers.Input({ shape: [4, 4, 1] }),
      layers.Conv2D(2, 3),
      layers.BatchNormalization(),
      layers.Flatten(),
      new Plain(3),
    ]);
    const stepwise = layers.TimeDistributed(inner);
    const y = await numbers(stepwise(x));
    const same = Sequential([...inner.layers.slice(0, 3), layers.Dense(3)] as layers.Layer[]);
    same.build([null, 4, 4, 1]);
    same.layers.at(-1)!.setWeights(inner.layers.at(-1)!.getWeights());
    expectAllClose(await numbers(layers.TimeDistributed(same)(x)), y, { atol: 1e-6 });
    expect(stepwise(layers.Input({ shape: [null, 4, 4, 1] })).shape).toEqual([null, null, 3]);
  });

  it("hands each step its part of the mask", async () => {
    const x = sample(2, 2, 3, 4);
    const mask = tensor([1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 1], [2, 2, 3], "bool");
    const inner = layers.LSTM(2);
    const y = await numbers(layers.TimeDistributed(inner)(x, { mask }));
    const alone = await numbers(inner(x.reshape([4, 3, 4]), { mask: ops.reshape(mask, [4, 3]) }));
    expectAllClose(y, alone, { atol: 1e-6 });
  });

  it("refuses what has no time axis, and masks that do not fit", () => {
    const layer = layers.TimeDistributed(layers.Dense(2));
    expect(() => layer(sample(2, 3))).toThrow(
      /^TimeDistributed "time_distributed": expected inputs of at least three axes, \(batch, time, …\). Received: shape \(2, 3\)/,
    );
    expect(() => layer(sample(2, 3, 4), { mask: ops.ones([2, 4], { dtype: "bool" }) })).toThrow(
      /expected a mask of shape .* here \(2, 3, …\). Received: mask of shape \(2, 4\)/,
    );
  });
});

describe("refusals", () => {
  const x = () => sample(2, 3, 4);
  const input = (...shape: (number | null)[]): KerasTensor => layers.Input({ shape });
  const cases: readonly [what: string, act: () => unknown, message: RegExp][] = [
    [
      "units of 0",
      () => layers.LSTM(0),
      /^LSTM layer: LSTMCell "lstm_cell": expected `units` to be a positive integer. Received: units=0$/,
    ],
    [
      "units that are no number",
      () => layers.GRU("8" as never, { name: "encoder" }),
      /^GRU "encoder": .*expected `units` to be a positive integer. Received: units="8"$/,
    ],
    [
      "dropout above 1",
      () => layers.GRU(2, { dropout: 1.5 }),
      /expected `dropout` to be a number from 0 to 1. Received: dropout=1.5/,
    ],
    [
      "an implementation of 3",
      () => layers.LSTM(2, { implementation: 3 as never }),
      /expected `implementation` to be 1 or 2. Received: implementation=3/,
    ],
    [
      "an unknown cudnn",
      () => layers.LSTM(2, { useCudnn: "yes" as never }),
      /^LSTM "lstm": expected `useCudnn` to be "auto" or a boolean. Received: useCudnn="yes"/,
    ],
    [
      "an unknown option",
      () => layers.LSTM(2, { retrunSequences: true } as never),
      /unknown option `retrunSequences`. Did you mean "returnSequences"\?/,
    ],
    [
      "a flat input",
      () => layers.LSTM(2)(input(4)),
      /layer "lstm": expected rank 3, found rank 2. Received: shape \(None, 4\)/,
    ],
    [
      "other features than before",
      () => {
        const l = layers.GRU(2);
        l(x());
        return l(sample(2, 3, 5));
      },
      /expected shape \(None, None, 4\). Received: shape \(2, 3, 5\)/,
    ],
    [
      "unknown features",
      () => layers.LSTM(2)(input(3, null)),
      /LSTMCell "lstm_cell": the number of features, the last axis of the inputs, must be known/,
    ],
    [
      "no steps",
      () => layers.LSTM(2)(ops.zeros([2, 0, 4])),
      /^LSTM "lstm": the inputs have no time step: axis 1 has length 0. Received: shape \(2, 0, 4\)/,
    ],
    [
      "unroll of unknown length",
      () => layers.GRU(2, { unroll: true })(input(null, 4)),
      /^GRU "gru": `unroll` needs a known number of steps. Received: sequences of shape \(None, None, 4\)/,
    ],
    [
      "stateful without a batch size",
      () => layers.LSTM(2, { stateful: true })(input(3, 4)),
      /^LSTM "lstm": a stateful layer needs a fixed batch size. Received: sequences of shape \(None, 3, 4\)/,
    ],
    [
      "another batch size",
      () => {
        const l = layers.LSTM(2, { stateful: true });
        l(x());
        return l(sample(3, 3, 4));
      },
      /every batch must have as many. Received: sequences of shape \(3, 3, 4\); expected batch size 2/,
    ],
    [
      "too few states",
      () => layers.LSTM(2)(x(), { initialState: [ops.zeros([2, 2])] }),
      /^LSTM "lstm": expected `initialState` to be 2 tensors of shapes \[\(2, 2\), \(2, 2\)\]. Received: 1$/,
    ],
    [
      "a state of another shape",
      () => layers.GRU(2)(x(), { initialState: ops.zeros([2, 3]) }),
      /expected `initialState` to have shapes \[\(2, 2\)\]. Received: state 0 of shape \(2, 3\)/,
    ],
    [
      "the state among the inputs",
      () => layers.GRU(2)([x(), ops.zeros([2, 2])] as never),
      /^GRU "gru": expected one tensor of sequences. Received: a list of 2; the initial state follows the sequences/,
    ],
    [
      "states one by one",
      () => layers.LSTM(2)(x(), ops.zeros([2, 2]), ops.zeros([2, 2])),
      /Received: 3 inputs; put the states in one list/,
    ],
    [
      "strides with dilation",
      () => layers.ConvLSTM2D(2, 2, { strides: 2, dilationRate: 2 }),
      /^ConvLSTM2D layer: .*`strides` and `dilationRate` cannot both be larger than 1/,
    ],
    [
      "images of unknown size",
      () => layers.ConvLSTM2D(2, 2)(input(3, null, 4, 1)),
      /all sizes of a step must be known.*unknown on axis 1/,
    ],
    [
      "images smaller than the kernel",
      () => layers.ConvLSTM1D(2, 5)(input(3, 4, 1)),
      /the kernel of size \(5,\) is larger than the input/,
    ],
  ];
  it.each(cases)("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
