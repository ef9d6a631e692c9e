/** Layers and models of the user whose layers inside are built by their `call`: tools/fixtures/built_by_call.py has the same. */
import { afterEach, describe, expect, it, vi } from "vitest";
import * as keras from "../node.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";

const { layers, ops } = keras;
type Tensor = keras.Tensor;

afterEach(() => vi.restoreAllMocks());

class TwoArgs extends layers.Layer {
  readonly da = layers.Dense(2);
  readonly db = layers.Dense(2);
  override call(a: Tensor, b: Tensor): Tensor {
    return this.da(a).add(this.db(b));
  }
}

class Option extends layers.Layer {
  readonly da = layers.Dense(2);
  readonly db = layers.Dense(2);
  override call(a: Tensor, { other }: keras.layers.CallOptions & { other?: Tensor } = {}): Tensor {
    return this.da(a).add(this.db(other!));
  }
}

class TwoArgsModel extends keras.Model {
  readonly da = layers.Dense(2);
  readonly db = layers.Dense(2);
  override call(a: Tensor, b: Tensor): Tensor {
    return this.da(a).add(this.db(b));
  }
}

class OneHot extends layers.Layer {
  readonly d = layers.Dense(2);
  override call(ids: Tensor): Tensor {
    return this.d(ops.oneHot(ids, 5));
  }
}

class OneHotModel extends keras.Model {
  readonly d = layers.Dense(2);
  override call(ids: Tensor): Tensor {
    return this.d(ops.oneHot(ids, 5));
  }
}

class Cell extends layers.Layer {
  readonly stateSize = 2;
  readonly d = layers.Dense(2);
  override call(x: Tensor, states: Tensor[]): [Tensor, Tensor[]] {
    const h = this.d(x).add(states[0]!);
    return [h, [h]];
  }
}

const customObjects = { TwoArgs, Option, TwoArgsModel, OneHot, OneHotModel, Cell };

interface Case {
  readonly name: string;
  readonly inputs: readonly EncodedArray[];
  readonly outputs: EncodedArray;
  readonly weights: readonly EncodedArray[];
  readonly archive: EncodedArray | null;
}

interface Fixture {
  readonly cases: readonly Case[];
  readonly stated: Readonly<Record<"shape" | "structure" | "spec", readonly [unknown]>>;
}

const { cases, stated } = loadFixture<Fixture>("built_by_call");

const revive = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return ops.reshape(ops.array(data, { dtype }), shape) as Tensor;
};

/** Models as the fixture's; one with a `call` of its own knows no shapes before it is called. */
const MODELS: Readonly<Record<string, (inputs: readonly Tensor[]) => keras.Model>> = {
  two_inputs: () => twoInputs((a, b) => new TwoArgs()(a, b)),
  tensor_option: () => twoInputs((a, b) => new Option()(a, { other: b })),
  model_in_graph: () => twoInputs((a, b) => new TwoArgsModel()(a, b)),
  integers: () => oneInput(new OneHot(), [3], "int32"),
  integers_model: ([ids]) => {
    const model = new OneHotModel();
    model(ids!);
    return model;
  },
  cell: () => oneInput(layers.RNN(new Cell()), [null, 2], "float32"),
};

type Call = (a: keras.KerasTensor, b: keras.KerasTensor) => keras.KerasTensor;

function twoInputs(call: Call): keras.Model {
  const [a, b] = [keras.Input({ shape: [3], name: "a" }), keras.Input({ shape: [4], name: "b" })];
  return keras.Model({ inputs: [a, b], outputs: call(a, b) });
}

function oneInput(layer: unknown, shape: keras.Shape, dtype: string): keras.Model {
  const x = keras.Input({ shape, dtype });
  return keras.Model({ inputs: x, outputs: (layer as (x: keras.KerasTensor) => keras.KerasTensor)(x) });
}

async function expectOutputs(model: keras.Model, { inputs, outputs }: Case): Promise<void> {
  const given = inputs.map(revive);
  const found = Array.from((await model(given.length === 1 ? given[0]! : given).data()) as Float32Array);
  const expected = decodeNumbers(outputs);
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });
}

describe("what its `call` builds", () => {
  it.each(cases.map((c) => [c.name, c] as const))(
    "%s: computes as in Keras and comes back from a file",
    async (_, c) => {
      const warn = vi.spyOn(console, "warn");
      const model = MODELS[c.name]!(c.inputs.map(revive));
      model.setWeights(c.weights.map(revive));
      await expectOutputs(model, c);
      await expectOutputs(await keras.models.loadModel(await model.toBytes(), { customObjects }), c);
      if (c.archive) {
        const theirs = decode(c.archive).data as Uint8Array<ArrayBuffer>;
        await expectOutputs(await keras.models.loadModel(theirs, { customObjects }), c);
      }
      expect(warn).not.toHaveBeenCalled();
    },
  );

  it("trains and is saved inside of a stack of cells, in both directions", async () => {
    const x = keras.Input({ shape: [3, 2] });
    const both = layers.Bidirectional(layers.RNN([new Cell(), new Cell()]));
    const model = keras.Model({ inputs: x, outputs: layers.Dense(1)(both(x)) });
    expect(model.weights).toHaveLength(10);
    model.compile({ loss: "mse", optimizer: "sgd" });
    const before = await model.getWeights()[0]!.array();
    await model.fit(ops.ones([4, 3, 2]), ops.ones([4, 1]), { verbose: 0 });
    expect(await model.getWeights()[0]!.array()).not.toEqual(before);
    const again = await keras.models.loadModel(await model.toBytes(), { customObjects });
    const data = ops.ones([1, 3, 2]);
    expect(await again(data).array()).toEqual(await model(data).array());
  });

  it("integers that only integers can be: a model with a table", async () => {
    class Table extends keras.Model {
      readonly d = layers.Dense(2);
      override call(ids: Tensor): Tensor {
        return this.d(ops.take(ops.eye(5), ids, { axis: 0 }));
      }
    }
    const model = new Table();
    const ids = ops.array([[1, 4]], { dtype: "int32" });
    const again = await (async () => {
      model(ids);
      return keras.models.loadModel(await model.toBytes(), { customObjects: { Table } });
    })();
    expect(await again(ids).array()).toEqual(await model(ids).array());
  });

  it("is missed where a file tells too little and no graph calls the model: what to define", async () => {
    const data = [ops.ones([1, 3]), ops.ones([1, 4])] as const;
    const model = new TwoArgsModel({ name: "lone" });
    model(...data);
    await expect(keras.models.loadModel(await model.toBytes(), { customObjects })).rejects.toThrow(
      /1 of 3 objects do not fit[\s\S]*at db.*The file has 2[\s\S]*The cause: model "lone" has no `build`.*Define `build\(inputShape\)` in TwoArgsModel, with a parameter for each input/,
    );
    class Builds extends TwoArgsModel {
      override build(a: keras.Shape, b: keras.Shape): void {
        this.da.build(a);
        this.db.build(b);
      }
    }
    const builds = new Builds();
    builds(...data);
    const again = await keras.models.loadModel(await builds.toBytes(), { customObjects: { Builds } });
    expect(await again(...data).array()).toEqual(await builds(...data).array());
  });

  it("is told by `build`, where that cannot try a call", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const layer = new TwoArgs({ name: "two" });
    layer.build([null, 3]);
    expect(warn.mock.calls.flat()).toEqual([
      expect.stringMatching(
        /^TwoArgs "two": layers inside have no weights yet\. `build` could not.*on \(None, 3\) alone failed: .*expected 1 input\. Received: 0\. The first call makes them/,
      ),
    ]);
    layer(ops.ones([1, 3]), ops.ones([1, 4]));
    expect(layer.weights).toHaveLength(4);
    expect(() => new (class Fails extends TwoArgs {})()(ops.ones([1, 3]))).toThrow(/expected 1 input\. Received: 0/);
  });
});

describe("outputs that a class states", () => {
  const x = keras.Input({ shape: [3] });
  const y = keras.Input({ shape: [5] });
  const show = (structure: unknown): unknown => {
    if (structure instanceof keras.KerasTensor) return [structure.shape, structure.dtype];
    if (Array.isArray(structure)) return structure.map(show);
    return Object.fromEntries(Object.entries(structure as object).map(([key, value]) => [key, show(value)]));
  };

  class Wider extends layers.Layer {
    override computeOutputShape(): keras.Shape {
      return [null, 7];
    }
    override call(x: Tensor): Tensor {
      return x;
    }
  }

  it("hold for symbolic calls, as in Keras", () => {
    class Untraceable extends layers.Layer {
      readonly d = layers.Dense(2);
      override computeOutputShape(x: keras.Shape, y: keras.Shape) {
        return { sum: x, both: [x, y] };
      }
      override call(_x: Tensor, _y: Tensor): Tensor {
        throw new Error("needs numbers");
      }
    }
    class Integers extends layers.Layer {
      readonly d = layers.Dense(2);
      override computeOutputSpec(x: keras.KerasTensor) {
        return new keras.KerasTensor([x.shape[0]!, 7], { dtype: "int32" });
      }
      override call(x: Tensor): Tensor {
        return this.d(x);
      }
    }
    expect(show(new Wider({ dtype: "float16" })(x))).toEqual(stated.shape[0]);
    expect(show(new Untraceable({ dtype: "float16" })(x, y))).toEqual(stated.structure[0]);
    const integers = new Integers({ dtype: "float16" });
    expect(show(integers(x))).toEqual(stated.spec[0]);
    // Stating the outputs leaves the building to the library.
    expect([integers.built, integers.weights.length]).toEqual([true, 2]);
    expect(new Wider().computeOutputShape()).toEqual([null, 7]);
  });

  it("may build on what tracing gives", () => {
    class Longer extends layers.Dense {
      override computeOutputShape(shape: keras.Shape): keras.Shape {
        return [...(super.computeOutputShape(shape) as keras.Shape), 1];
      }
    }
    const longer = new Longer(2);
    expect(longer.computeOutputShape([null, 3])).toEqual([null, 2, 1]);
    expect(longer(x).shape).toEqual([null, 2, 1]);
  });

  it("hold in graphs and files, and for layers that extend one of Keras's", async () => {
    class WideDense extends layers.Dense {
      override computeOutputShape(): keras.Shape {
        return [null, null];
      }
    }
    const model = keras.Model({ inputs: x, outputs: new WideDense(2)(x) });
    expect(model.outputShape).toEqual([null, null]);
    const again = await keras.models.loadModel(await model.toBytes(), { customObjects: { WideDense } });
    const data = ops.ones([1, 3]);
    expect([again.outputShape, await again(data).array()]).toEqual([[null, null], await model(data).array()]);
  });

  it("that are no shapes: what came", () => {
    for (const wrong of [7, undefined, [1.5], "float32", [-1]]) {
      class Wrong extends layers.Layer {
        override computeOutputShape(): keras.Shape {
          return wrong as never;
        }
        override call(x: Tensor): Tensor {
          return x;
        }
      }
      expect(() => new Wrong({ name: "wrong" })(x)).toThrow(
        /^Wrong "wrong": expected `computeOutputShape` to return a shape, such as \[null, 8\], or a structure of shapes\. Received: /,
      );
    }
  });
});
