/** States, masks, cells, several calls, and training of recurrent layers against real Keras. */
import { beforeEach, describe, expect, it } from "vitest";
import { gradientsOf } from "../../autodiff/grad.ts";
import { resetNames } from "../../core/names.ts";
import type { Shape } from "../../core/shape.ts";
import { flatten, mapStructure, type Nested } from "../../core/tree.ts";
import { Model } from "../../models/index.ts";
import * as ops from "../../ops/index.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import { SGD } from "../../optimizers/index.ts";
import { registerAllBuiltins } from "../../registerBuiltins.ts";
import { type Tensor, tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import type { Config } from "../../serialization/registry.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { expectAllClose } from "../../testing/allClose.ts";
import { decode, type EncodedArray, loadFixture } from "../../testing/fixtures.ts";
import { CLASSES } from "../index.ts";
import type { LayerBase } from "../layer.ts";

interface Case {
  readonly name: string;
  readonly class: string;
  readonly args: Config;
  readonly input: EncodedArray;
  readonly initial_state: Nested<EncodedArray> | null;
  readonly mask: EncodedArray | null;
  readonly weights: readonly EncodedArray[];
  readonly weight_paths: readonly string[];
  readonly outputs: readonly EncodedArray[];
  readonly input_gradient: EncodedArray;
  readonly state_gradients: readonly EncodedArray[];
  readonly weight_gradients: readonly EncodedArray[];
  readonly config: Config;
}

interface CellCase {
  readonly class: string;
  readonly args: Config;
  readonly config: Config;
  readonly input: EncodedArray;
  readonly states: readonly EncodedArray[];
  readonly weights: readonly EncodedArray[];
  readonly output: EncodedArray;
  readonly next: readonly EncodedArray[];
}

interface StatefulCase {
  readonly class: string;
  readonly args: Config;
  readonly inputs: readonly [EncodedArray, EncodedArray, EncodedArray];
  readonly weights: readonly EncodedArray[];
  readonly outputs: readonly EncodedArray[];
  readonly states: readonly EncodedArray[];
}

interface Curve {
  readonly name: string;
  readonly model: Config;
  readonly weights: readonly EncodedArray[];
  readonly x: EncodedArray;
  readonly y: EncodedArray;
  readonly losses: readonly number[];
  readonly after: readonly EncodedArray[];
}

interface Fixture {
  readonly cases: readonly Case[];
  readonly cells: readonly CellCase[];
  readonly stateful: readonly StatefulCase[];
  readonly curves: readonly Curve[];
  readonly summaries: readonly { model: Config; line_length: number; text: string }[];
}

type AnyLayer = LayerBase & ((inputs: unknown, ...more: unknown[]) => Nested<Tensor>);
type StatefulLayer = AnyLayer & { states: Nested<Variable>; resetState(): void };

const fixture = loadFixture<Fixture>("recurrent_states");
const isArray = (value: unknown): value is EncodedArray =>
  typeof value === "object" && value !== null && "b64" in value;

const toTensor = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensor(data, shape, dtype);
};

/** Applies `fn` to the arrays in a structure: an encoded array is an object itself. */
function mapArrays<T>(fn: (array: EncodedArray) => T, structure: unknown): Nested<T> {
  if (isArray(structure)) return fn(structure);
  return (structure as unknown[]).map((part) => mapArrays(fn, part)) as Nested<T>;
}

const make = <L extends AnyLayer = AnyLayer>({ class: name, args }: { class: string; args: Config }): L =>
  CLASSES[name]!.fromConfig!(args) as L;

function built<L extends AnyLayer>(layer: L, shape: Shape, weights: readonly EncodedArray[]): L {
  layer.build(shape);
  layer.setWeights(weights.map(toTensor));
  return layer;
}

async function expectClose(actual: Tensor, expected: EncodedArray, label: string, atol = 1e-5): Promise<void> {
  expect(actual.shape, label).toEqual(expected.shape);
  expectAllClose(await actual.data(), decode(expected).data, { atol, rtol: 1e-5, label });
}

const free = ({ shape }: EncodedArray): Shape => [null, ...shape.slice(1)];

beforeEach(() => {
  registerAllBuiltins();
  resetNames();
});

describe("states and masks", () => {
  const callOptions = (test: Case, convert: (array: EncodedArray) => unknown) => ({
    ...(test.initial_state ? { initialState: mapArrays(convert, test.initial_state) } : {}),
    ...(test.mask ? { mask: convert(test.mask) } : {}),
  });

  it.each(fixture.cases)("$name: outputs, states and gradients", async (test) => {
    const layer = built(make(test), free(test.input), test.weights);
    expect(layer.weights.map((w) => w.path)).toEqual(test.weight_paths);
    expect(JSON.parse(JSON.stringify(serializeObject(layer)))).toEqual(test.config);
    const [x, options] = [toTensor(test.input), callOptions(test, toTensor)];
    const weights = layer.trainableWeights.map((w) => w.value);
    const outputs = flatten(layer(x, options));
    const total = outputs.map((y) => ops.sum(ops.square(y))).reduce((a, b) => ops.add(a, b));
    const states = options.initialState ? flatten(options.initialState as Nested<Tensor>) : [];
    const found = gradientsOf(total, [x, ...states, ...weights]);
    expect(outputs.length).toBe(test.outputs.length);
    for (const [i, expected] of test.outputs.entries()) await expectClose(outputs[i]!, expected, `output ${i}`);
    const expected = [test.input_gradient, ...test.state_gradients, ...test.weight_gradients];
    for (const [i, gradient] of expected.entries()) await expectClose(found[i]!, gradient, `gradient ${i}`, 2e-5);
  });

  it.each(fixture.cases)("$name: symbolic, with and without known sizes", (test) => {
    const isImage = test.input.shape.length > 3;
    for (const time of isImage ? [test.input.shape[1]!] : [null, test.input.shape[1]!]) {
      const symbolic = (array: EncodedArray): KerasTensor => {
        const timed = array === test.input || array === test.mask;
        const shape = timed ? [null, time, ...array.shape.slice(2)] : free(array);
        return new KerasTensor(shape, { dtype: array.dtype });
      };
      const layer = make(test);
      const outputs = flatten(
        layer(symbolic(test.input), callOptions(test, symbolic)) as unknown as Nested<KerasTensor>,
      );
      const rank = test.input.shape.length;
      const known = test.outputs.map(({ shape }) =>
        shape.length === rank ? [null, time, ...shape.slice(2)] : [null, ...shape.slice(1)],
      );
      expect(outputs.map((t) => t.shape)).toEqual(known);
    }
  });

  it("takes the initial state after the sequences", async () => {
    const test = fixture.cases.find(({ name }) => name === "lstm_initial_state")!;
    const layer = built(make(test), free(test.input), test.weights);
    const [y] = layer(toTensor(test.input), mapArrays(toTensor, test.initial_state)) as Tensor[];
    await expectClose(y!, test.outputs[0]!, "output");
  });
});

describe("cells", () => {
  it.each(fixture.cells)("$class $args: one step", async (test) => {
    const cell = built(make(test), free(test.input), test.weights);
    expect(JSON.parse(JSON.stringify(serializeObject(cell)))).toEqual(test.config);
    const [y, next] = cell(toTensor(test.input), test.states.map(toTensor)) as [Tensor, Tensor[]];
    await expectClose(y, test.output, "output");
    for (const [i, state] of test.next.entries()) await expectClose(next[i]!, state, `state ${i}`);
  });
});

describe("stateful layers", () => {
  it.each(fixture.stateful)("$class: go on where the call before ended", async (test) => {
    const layer = built(make<StatefulLayer>(test), test.inputs[0].shape, test.weights);
    expect(layer.weights).toHaveLength(test.weights.length);
    for (const [i, input] of test.inputs.entries()) {
      if (i === 2) layer.resetState();
      await expectClose(layer(toTensor(input)) as Tensor, test.outputs[i]!, `output ${i}`);
    }
    const states = flatten(mapStructure((v: Variable) => v.value, layer.states));
    for (const [i, state] of test.states.entries()) await expectClose(states[i]!, state, `state ${i}`);
  });
});

describe("training", () => {
  it.each(fixture.curves)("$name: ten steps of gradient descent", async (curve) => {
    const model = Model.fromConfig(curve.model) as unknown as InstanceType<typeof Model>;
    model.setWeights(curve.weights.map(toTensor));
    model.compile({ optimizer: SGD(0.05), loss: "mse" });
    const losses: number[] = [];
    for (let i = 0; i < 10; i++) {
      const [loss] = await model.trainOnBatch(toTensor(curve.x), toTensor(curve.y));
      losses.push(loss!);
    }
    expectAllClose(losses, curve.losses, { atol: 1e-5, rtol: 1e-4 });
    for (const [i, expected] of curve.after.entries()) {
      await expectClose(model.weights[i]!.value, expected, model.weights[i]!.path, 5e-5);
    }
  });
});

describe("summary", () => {
  it.each(fixture.summaries)("counts what Keras counts", ({ model: config, line_length: lineLength, text }) => {
    const model = Model.fromConfig(config) as unknown as InstanceType<typeof Model>;
    let found = "";
    model.summary({ lineLength, printFn: (line: string) => (found += line) });
    expect(found.trim()).toBe(text.trim());
  });
});
