/** Layers of the user: state, arguments, files, and what is said when something in them goes wrong. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { resetNames } from "../core/names.ts";
import * as keras from "../node.ts";

const { layers, ops } = keras;
type CallOptions = keras.layers.CallOptions;

beforeEach(resetNames);
afterEach(() => vi.restoreAllMocks());

const inputs = () => keras.Input({ shape: [3] });
const silenceWarnings = () => vi.spyOn(console, "warn").mockImplementation(() => undefined);

class CustomDense extends layers.Layer {
  w!: keras.Variable;
  b!: keras.Variable;
  readonly units: number;

  constructor({ units = 32, ...options }: keras.layers.LayerOptions & { units?: number } = {}) {
    super(options);
    this.units = units;
  }

  override build(inputShape: keras.Shape) {
    this.w = this.addWeight({ name: "w", shape: [inputShape.at(-1)!, this.units], initializer: "random_normal" });
    this.b = this.addWeight({ name: "b", shape: [this.units], initializer: "random_normal" });
  }

  override call(x: keras.Tensor) {
    return ops.matmul(x, this.w).add(this.b);
  }

  override getConfig() {
    return { ...super.getConfig(), units: this.units };
  }
}

async function expectSame(a: keras.Model, b: keras.Model): Promise<void> {
  const x = ops.ones([2, 3]);
  expect(await b(x).array()).toEqual(await a(x).array());
}

describe("a model with layers of the user", () => {
  const build = () => {
    const x = inputs();
    return keras.Model({ inputs: x, outputs: new CustomDense({ units: 10 })(x) });
  };

  it("comes back from its config, with the classes as an argument or as an option", () => {
    const config = build().getConfig();
    for (const given of [{ CustomDense }, { customObjects: { CustomDense } }]) {
      const again = keras.Model.fromConfig(config, given);
      expect([again.layers[1] instanceof CustomDense, again.countParams()]).toEqual([true, 40]);
    }
    expect(() => keras.Model.fromConfig(config)).toThrow(
      /unknown class "CustomDense".*customObjects: \{ CustomDense \}/,
    );
    const stack = keras.Sequential([inputs(), new CustomDense({ units: 2 })]);
    const { layers: found } = keras.Sequential.fromConfig(stack.getConfig(), { customObjects: { CustomDense } });
    expect(found[0]).toBeInstanceOf(CustomDense);
    const each = layers.TimeDistributed(new CustomDense({ units: 2 }));
    const again = layers.TimeDistributed.fromConfig(each.getConfig(), { customObjects: { CustomDense } });
    expect(again.layer).toBeInstanceOf(CustomDense);
  });

  it("comes back from its file: classes handed in, in a scope, or registered", async () => {
    const folder = mkdtempSync(join(tmpdir(), "keras-ts-custom-"));
    try {
      const path = join(folder, "model.keras");
      const model = build();
      await model.save(path);
      const load = () => keras.models.loadModel(path);
      await expectSame(model, await keras.models.loadModel(path, { customObjects: { CustomDense } }));
      await expectSame(model, await keras.saving.customObjectScope({ CustomDense }, load));
      await expect(load()).rejects.toThrow(/unknown class "CustomDense"/);

      // What a decorator does; the guide has one as it is written.
      const Registered = keras.saving.registerKerasSerializable({ package: "customLayers" })(
        class Registered extends CustomDense {},
      );
      class AlsoRegistered extends CustomDense {}
      keras.saving.registerKerasSerializable(AlsoRegistered);
      class Later extends CustomDense {}
      expect(keras.saving.registerKerasSerializable(Later, { package: "customLayers" })).toBe(Later);
      for (const Class of [Registered, AlsoRegistered, Later]) {
        const x = inputs();
        const named = keras.Model({ inputs: x, outputs: new Class({ units: 4 })(x) });
        await named.save(path);
        const again = await load();
        expect(again.layers[1]).toBeInstanceOf(Class);
        await expectSame(named, again);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("keeps tensors, constants and other values that calls got, in the graph and in files", async () => {
    type Options = CallOptions & { other?: keras.Tensor; scaleBy?: number; mode?: string; flags?: number[] };
    class Mix extends layers.Layer {
      override call(x: keras.Tensor, { other, scaleBy = 1, mode = "add", flags = [0] }: Options = {}) {
        return (mode === "add" ? x.add(other!) : x.sub(other!)).mul(scaleBy).add(flags[0]!);
      }
    }
    class Subtract extends layers.Layer {
      override call(left: keras.Tensor, right: keras.Tensor) {
        return left.sub(right);
      }
    }
    const [a, b] = [keras.Input({ shape: [3], name: "a" }), keras.Input({ shape: [3], name: "b" })];
    const mixed = new Mix()(a, { other: b, scaleBy: 3, mode: "sub", flags: [5, 6] });
    const outputs = new Subtract()(mixed, ops.full([1, 3], 2).mul(2));
    const model = keras.Model({ inputs: [a, b], outputs });
    const bytes = await model.toBytes();
    const [, , { inbound_nodes: calls }] = model.getConfig().layers as { inbound_nodes: { kwargs: object }[] }[] as [
      unknown,
      unknown,
      { inbound_nodes: { kwargs: object }[] },
    ];
    expect(calls[0]!.kwargs).toMatchObject({
      other: { class_name: "__keras_tensor__", config: { keras_history: ["b", 0, 0] } },
      scale_by: 3,
      mode: "sub",
      flags: [5, 6],
    });
    const again = await keras.models.loadModel(bytes, { customObjects: { Mix, Subtract } });
    const data = [ops.ones([1, 3]), ops.zeros([1, 3])];
    for (const each of [model, again]) expect(await each(data).array()).toEqual([[4, 4, 4]]);
  });
});

describe("state of a layer of the user", () => {
  it("may be made in fields, in the constructor, in `build`, or by the first call of layers inside", () => {
    class Kinds extends layers.Layer {
      readonly field = new keras.Variable(ops.ones([1]), { name: "field" });
      readonly inConstructor: keras.Variable;
      built2!: keras.Variable;
      readonly inside = layers.Dense(2);
      late: keras.layers.Dense | null = null;

      constructor() {
        super();
        this.inConstructor = this.addWeight({ name: "in_constructor", shape: [1], initializer: "ones" });
      }

      override build(shape: keras.Shape) {
        this.built2 = this.addWeight({ name: "in_build", shape: [shape.at(-1)!] });
        this.late = layers.Dense(1);
      }

      override call(x: keras.Tensor) {
        const y = x.mul(this.field).mul(this.inConstructor).mul(this.built2);
        return this.late!(this.inside(y));
      }
    }
    const kinds = new Kinds();
    const names = () => kinds.weights.map((w) => w.path.split("/").slice(-2).join("/"));
    expect(names().sort()).toEqual(["field", "kinds/in_constructor"]);
    kinds(inputs());
    expect(names().sort()).toEqual([
      "dense/bias",
      "dense/kernel",
      "dense_1/bias",
      "dense_1/kernel",
      "field",
      "kinds/in_build",
      "kinds/in_constructor",
    ]);
  });

  it("may be left in properties by a first call, of layers without `build`, and is trained and saved", async () => {
    class Lazy extends layers.Layer {
      gain: keras.Variable | null = null;
      parts: { readonly inner: Scale; readonly seed: keras.random.SeedGenerator } | null = null;

      override call(x: keras.Tensor) {
        this.gain ??= new keras.Variable((shape, dtype) => ops.ones(shape, { dtype }), {
          shape: [x.shape.at(-1)!],
          name: "gain",
        });
        this.parts ??= { inner: new Scale(), seed: keras.random.SeedGenerator(1) };
        const noise = keras.random.normal([1], { seed: this.parts.seed }).mul(0);
        return this.parts.inner(x.mul(this.gain)).add(noise);
      }
    }
    class Scale extends layers.Layer {
      readonly scale = new keras.Variable([2, 2, 2], { name: "scale" });
      readonly offset = this.addWeight({ shape: [3], initializer: "zeros", name: "offset" });
      override call(x: keras.Tensor) {
        return x.mul(this.scale).add(this.offset);
      }
    }
    const eager = new Lazy();
    expect(await eager(ops.ones([1, 3])).array()).toEqual([[2, 2, 2]]);
    expect([eager.weights.length, eager.variables.length]).toEqual([3, 4]);
    const model = keras.Sequential([new Lazy()]);
    model.compile({ loss: "mse", optimizer: keras.optimizers.SGD({ learningRate: 0.1 }) });
    await model.fit(ops.ones([2, 3]), ops.ones([2, 3]), { verbose: 0, epochs: 2 });
    const start: Record<string, number> = { gain: 1, scale: 2, offset: 0 };
    expect(model.trainableWeights.map((w) => w.name).sort()).toEqual(Object.keys(start).sort());
    for (const w of model.weights) expect((await w.array())[0], w.name).toBeLessThan(start[w.name]!);
    const again = await keras.models.loadModel(await model.toBytes(), { customObjects: { Lazy, Scale } });
    await expectSame(model as unknown as keras.Model, again);
  });

  it("of metrics and seeds may come up in a call", async () => {
    class Notes extends layers.Layer {
      readonly total = keras.metrics.MeanIoU({ numClasses: 2 });
      override call(x: keras.Tensor) {
        this.total.updateState([0, 1], [0, 1]);
        const mean = keras.metrics.Mean();
        mean.updateState(x);
        const noise = keras.random.uniform([1], { seed: keras.random.SeedGenerator(1) });
        return x.mul(mean.result()).add(keras.random.normal([1]).add(noise).mul(0));
      }
    }
    const notes = new Notes();
    for (const _ of [1, 2]) expect(await notes(ops.ones([1, 3])).array()).toEqual([[1, 1, 1]]);
  });

  it("is found in arrays, maps, sets and nested objects, and is saved from there", async () => {
    class Nest extends layers.Layer {
      readonly list = [layers.Dense(2), [layers.Dense(3)]] as const;
      readonly map = new Map([["a", layers.Dense(4)]]);
      readonly deep = { left: { x: layers.Dense(3) }, set: new Set([layers.Dense(2)]) };

      override call(x: keras.Tensor) {
        let y = this.list[1][0]!(this.list[0](x));
        y = this.deep.left.x(this.map.get("a")!(y));
        for (const layer of this.deep.set) y = layer(y);
        return y;
      }
    }
    const model = keras.Sequential([inputs(), new Nest()]);
    expect(model.weights).toHaveLength(10);
    const again = await keras.models.loadModel(await model.toBytes(), { customObjects: { Nest } });
    await expectSame(model as unknown as keras.Model, again);
  });

  it("that nobody would find is told: a layer made in a call, a private field, a layer held elsewhere", () => {
    class MadeInCall extends layers.Layer {
      override call(x: keras.Tensor) {
        return layers.Dense(3)(x);
      }
    }
    expect(() => new MadeInCall()(inputs())).toThrow(
      /^MadeInCall "made_in_call": its `call` uses Dense "dense", which was made inside of a call and is not kept, so each call/,
    );
    const warn = silenceWarnings();
    class Private extends layers.Layer {
      readonly #hidden = layers.Dense(3);
      override call(x: keras.Tensor) {
        return this.#hidden(x);
      }
    }
    new Private()(inputs());
    expect(warn.mock.calls.flat()).toEqual([
      expect.stringMatching(
        /^Private "private": its `call` uses Dense "dense_1", whose weights cannot be found.*# is not seen/,
      ),
    ]);
    warn.mockClear();
    // Layers without weights may be made anywhere, and layers that are kept may be made late.
    class Fine extends layers.Layer {
      late: keras.layers.Dense | null = null;
      override call(x: keras.Tensor) {
        this.late ??= layers.Dense(3);
        return layers.add([layers.Activation("relu")(this.late(x)), x]);
      }
    }
    const fine = new Fine();
    fine(inputs());
    expect([fine.weights.length, warn.mock.calls.length]).toEqual([2, 0]);
  });

  it("changes in a call only when the call trains, and in compiled training too", async () => {
    class Counter extends layers.Layer {
      count!: keras.Variable;
      override build() {
        this.count = this.addWeight({ name: "count", shape: [], initializer: "zeros", trainable: false });
      }
      override call(x: keras.Tensor, { training = false }: CallOptions = {}) {
        if (training) this.count.assignAdd(1);
        return x;
      }
    }
    const counter = new Counter();
    const model = keras.Sequential([inputs(), counter, layers.Dense(1)]);
    model.compile({ loss: "mse", optimizer: "sgd" });
    const [x, y] = [ops.ones([8, 3]), ops.ones([8, 1])];
    await model.fit(x, y, { batchSize: 4, epochs: 2, verbose: 0 });
    await model.evaluate(x, y, { verbose: 0 });
    await model.predict(x, { verbose: 0 });
    expect(await counter.count.value.item()).toBe(4);
    expect(model.nonTrainableWeights).toEqual([counter.count]);
    counter(x, { training: true });
    expect(await counter.count.value.item()).toBe(5);
  });
});

describe("what bad input gets", () => {
  const caught = (run: () => unknown): Error => {
    try {
      run();
    } catch (error) {
      return error as Error;
    }
    throw new Error("nothing was thrown");
  };

  it("a weight made in `call`: where weights are made", () => {
    class Late extends layers.Layer {
      override call(x: keras.Tensor) {
        return x.mul(this.addWeight({ name: "scale", shape: [3] }));
      }
    }
    expect(() => new Late()(inputs())).toThrow(
      /^Late "late": weights are created in the constructor or in `build`; the layer is already built\. Received: addWeight of "scale"/,
    );
  });

  it("a variable made in `call`: where variables are made, from the line that made it", async () => {
    class Discards extends layers.Layer {
      override call(x: keras.Tensor) {
        return x.mul(new keras.Variable(ops.ones([3]), { name: "gain" }));
      }
    }
    const words = (who: string) =>
      new RegExp(
        `^Discards "${who}": variables are created in the constructor or in \`build\`; one made in \`call\` would be another ` +
          "one at each recording, neither trained nor saved\\. Write `this\\.gain = this\\.addWeight\\(\\{ shape: \\[3\\] \\}\\)` " +
          "in `build`, or keep a `new Variable` in a property there\\. " +
          `Received: variable "(.*/)?${who}/gain" of shape \\(3,\\)`,
      );
    const error = caught(() => new Discards()(inputs()));
    expect(error.message).toMatch(words("discards"));
    expect(error.stack).toMatch(/Discards\.call .*customLayers\.test\.ts/);
    expect(() => new Discards()(ops.ones([2, 3]))).toThrow(words("discards_1"));
    class Outer extends layers.Layer {
      readonly inner = new Discards();
      override call(x: keras.Tensor) {
        return this.inner(x);
      }
    }
    const model = keras.Sequential([new Outer()], { name: "stack" });
    model.compile({ loss: "mse" });
    await expect(model.fit(ops.ones([2, 3]), ops.ones([2, 3]), { verbose: 0 })).rejects.toThrow(
      /Received: variable "stack\/outer\/discards_2\/gain" of shape \(3,\) \(in Sequential "stack" > Outer "outer" > Discards "discards_2"\)$/,
    );
    // A layer that was built, or called before, has the state that it has.
    class Built extends layers.Layer {
      gain: keras.Variable | null = null;
      override build() {}
      override call(x: keras.Tensor) {
        this.gain ??= new keras.Variable(ops.ones([3]));
        return x.mul(this.gain);
      }
    }
    expect(() => new Built()(inputs())).toThrow(
      /^Built "built": variables are created in the constructor or in `build`/,
    );
    class Later extends layers.Layer {
      gain: keras.Variable | null = null;
      override call(x: keras.Tensor, { training = false }: CallOptions = {}) {
        if (training) this.gain ??= new keras.Variable(ops.ones([3]));
        return x;
      }
    }
    const later = new Later();
    later(inputs());
    expect(() => later(inputs(), { training: true })).toThrow(/^Later "later": variables are created/);
  });

  it("a value awaited while tracing: that a call is recorded, and nothing is left unhandled", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    class Waits extends layers.Layer {
      override async call(x: keras.Tensor) {
        const value = await x.sum().item();
        return x.mul(value);
      }
    }
    class Around extends layers.Layer {
      readonly inner = new Waits();
      override call(x: keras.Tensor) {
        return this.inner(x) as never;
      }
    }
    const error = caught(() => new Around()(inputs()));
    expect(error.message).toMatch(
      /^Waits "waits": `call` must return a tensor\. Received: a promise; `call` is recorded, not awaited, so it cannot be async/,
    );
    expect(error.message).toMatch(
      /It waits for numbers: in layer "around\/waits", a traced tensor has no numbers yet: .* \(in Around "around" > Waits "waits"\)$/,
    );
    expect(error.stack).toMatch(/^TypeError: Waits "waits": .*\n[\s\S]*Waits\.call .*customLayers\.test\.ts/);
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    let read: Promise<number> | null = null;
    class Reads extends layers.Layer {
      override call(x: keras.Tensor) {
        read = x.sum().item();
        read.catch(() => undefined);
        return x;
      }
    }
    new Reads()(inputs());
    await expect(read).rejects.toThrow(
      /^in layer "reads", a traced tensor has no numbers yet: inside .*a layer's `call`.*compute with `ops`/,
    );
    await expect(read).rejects.toMatchObject({ stack: expect.stringMatching(/Reads\.call .*customLayers\.test\.ts/) });
  });

  it("control flow by a tensor's value: that a tensor is no number, and what to use", () => {
    class Branches extends layers.Layer {
      override call(x: keras.Tensor) {
        return (x.sum() as unknown as number) > 0 ? x : x.neg();
      }
    }
    const error = caught(() => new Branches()(inputs()));
    expect(error.message).toMatch(/^Branches "branches": a tensor is not a number: use its methods .*ops/);
    expect(error.stack).toMatch(/Branches\.call .*customLayers\.test\.ts/);
  });

  it("an exception inside: the way to the layer, with the user's own frame", async () => {
    class Breaks extends layers.Layer {
      override call(x: keras.Tensor): keras.Tensor {
        return (x as unknown as { a: { b: keras.Tensor } }).a.b;
      }
    }
    class Outer extends layers.Layer {
      readonly inner = new Breaks();
      override call(x: keras.Tensor) {
        return this.inner(x);
      }
    }
    const words =
      /^Breaks "breaks": Cannot read properties of undefined \(reading 'b'\) \(in Outer "outer" > Breaks "breaks"\)$/;
    const error = caught(() => new Outer()(inputs()));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(words);
    expect(error.stack).toMatch(/Breaks\.call .*customLayers\.test\.ts/);
    const model = keras.Sequential([new Outer()], { name: "stack" });
    model.compile({ loss: "mse" });
    await expect(model.fit(ops.ones([2, 3]), ops.ones([2, 3]), { verbose: 0 })).rejects.toThrow(
      /^Breaks "breaks_1": .*\(in Sequential "stack" > Outer "outer_1" > Breaks "breaks_1"\)$/,
    );
  });

  it("a config with keys that the constructor does not take: which, and how a constructor looks", () => {
    expect(() => CustomDense.fromConfig({ units: 3, unit: 4 })).toThrow(
      /^CustomDense "custom_dense": unknown option `unit`.*Options of the class itself do not go to `super`/,
    );
    class Positional extends layers.Layer {
      constructor(readonly size: number = 1) {
        super();
      }
      override getConfig() {
        return { ...super.getConfig(), size: this.size };
      }
      override call(x: keras.Tensor) {
        return x.mul(this.size);
      }
    }
    expect(() => Positional.fromConfig({ size: 3 })).toThrow(
      /^the constructor of Positional does not take `size` of its config\. It gets all that `getConfig` returns as one object/,
    );
    const x = inputs();
    const model = keras.Model({ inputs: x, outputs: new Positional(3)(x) });
    expect(() => keras.Model.fromConfig(model.getConfig(), { customObjects: { Positional } })).toThrow(
      /^config\.layers\[1\]: class "Positional" could not be made from its config: the constructor of Positional does not take `size`/,
    );
    class Takes extends layers.Layer {
      readonly kept: object;
      constructor(options: keras.layers.LayerOptions & { size?: number } = {}) {
        super({ name: options.name ?? null });
        this.kept = options;
      }
    }
    expect(() => Takes.fromConfig({ size: 3 })).toThrow(/does not take `size`/);
    expect(Takes.fromConfig({ name: "taken" }).kept).toEqual({ name: "taken" });
  });
});
