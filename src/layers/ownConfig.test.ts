/** What files say of the user's classes: an object comes back as the same function, or is not saved. */
import { beforeEach, describe, expect, it } from "vitest";
import { resetNames } from "../core/names.ts";
import * as keras from "../node.ts";

const { layers, ops } = keras;
type Tensor = keras.Tensor;
type Made = keras.layers.Layer;

beforeEach(resetNames);

/** The layer in a model, and what a file gives in its place. */
async function saved(make: () => object): Promise<{ layer: Made; again: Made; same: boolean }> {
  const x = keras.Input({ shape: [3] });
  const layer = make() as Made;
  const model = keras.Model({ inputs: x, outputs: layer(x) as keras.KerasTensor });
  const cls = layer.constructor as { name: string };
  const loaded = await keras.models.loadModel(await model.toBytes(), { customObjects: { [cls.name]: cls as never } });
  const data = ops.array([[1, 2, 3]]);
  const [before, after] = [await model(data).array(), await loaded(data).array()];
  return {
    layer,
    again: loaded.layers[1] as unknown as Made,
    same: JSON.stringify(before) === JSON.stringify(after),
  };
}

const start = (name: string, what: string): RegExp =>
  new RegExp(
    `^(serialize: .*)?${name} "[a-z_0-9]+": the class has constructor arguments but no \`getConfig\`.*: ${what}`,
  );

class Scale extends layers.Layer {
  readonly n: number;
  constructor({ n = 4 } = {}) {
    super();
    this.n = n;
  }
  override call(x: Tensor): Tensor {
    return x.mul(this.n);
  }
}

/** The first class of the guide. */
class Units extends layers.Layer {
  w!: keras.Variable;
  constructor(readonly units = 32) {
    super();
  }
  override build(inputShape: keras.Shape): void {
    this.w = this.addWeight({ shape: [inputShape.at(-1)!, this.units] });
  }
  override call(x: Tensor): Tensor {
    return ops.matmul(x, this.w);
  }
}

class Width extends keras.Model {
  readonly d: keras.layers.Dense;
  calls = 0;
  constructor({ units = 2, activation = "relu" } = {}) {
    super();
    this.d = layers.Dense(units, { activation });
  }
  override call(x: Tensor): Tensor {
    this.calls++;
    return this.d(x);
  }
}

class Required extends keras.Model {
  readonly d: keras.layers.Dense;
  constructor(units: number) {
    super();
    this.d = layers.Dense(units);
  }
  override call(x: Tensor): Tensor {
    return this.d(x);
  }
}

class Extended extends layers.Dense {
  readonly k: number;
  constructor({ k = 1, ...options }: { k?: number; units: number }) {
    super(options);
    this.k = k;
  }
  override call(x: Tensor): Tensor {
    return super.call(x).mul(this.k);
  }
}

class Around extends layers.Layer {
  readonly stack: keras.Sequential;
  readonly helper = (x: Tensor): Tensor => this.stack(x);
  constructor({ n = 3, activation = "relu" as string | ((x: Tensor) => Tensor) } = {}) {
    super();
    this.stack = keras.Sequential([layers.Dense(n), new Scale({ n: 7 }), layers.Activation(activation as "relu")]);
  }
  override call(x: Tensor): Tensor {
    return this.helper(x);
  }
}

class Graph extends keras.Model {
  constructor({ units = 3 } = {}) {
    const x = keras.Input({ shape: [3] });
    super({ inputs: x, outputs: layers.Dense(units)(x) });
  }
}

class Stack extends keras.Sequential {
  constructor({ units = 3 } = {}) {
    super([layers.Dense(units), layers.Dense(2)]);
  }
}

class Hidden extends layers.Layer {
  readonly #n: number;
  constructor({ n = 4 } = {}) {
    super();
    this.#n = n;
  }
  override call(x: Tensor): Tensor {
    return x.mul(this.#n);
  }
}

class BySetter extends layers.Layer {
  #n = 0;
  constructor({ n = 4 } = {}) {
    super();
    this.n = n;
  }
  get n(): number {
    return this.#n;
  }
  set n(value: number) {
    this.#n = value;
  }
  override call(x: Tensor): Tensor {
    return x.mul(this.#n);
  }
}

class Closure extends layers.Layer {
  readonly fn: (x: Tensor) => Tensor;
  constructor({ n = 4 } = {}) {
    super();
    this.fn = (x) => x.mul(n);
  }
  override call(x: Tensor): Tensor {
    return this.fn(x);
  }
}

class Inner extends layers.Layer {
  readonly inner: keras.layers.Layer | null;
  constructor(inner: keras.layers.Layer | null = null) {
    super();
    this.inner = inner;
  }
  override call(x: Tensor): Tensor {
    return this.inner ? (this.inner(x) as Tensor) : x;
  }
}

describe("a class with constructor arguments and no getConfig", () => {
  it.each([
    ["an option", () => new Scale()],
    ["an option at its default", () => new Scale({ n: 4 })],
    ["a positional argument", () => new Units()],
    ["a model that counts its calls", () => new Width()],
    ["one of Keras's, with options of it", () => new Extended({ units: 2 })],
    ["a stack with another such layer, an arrow function in a field", () => new Around()],
    ["a model that makes its graph", () => new Graph()],
    ["a stack that makes its layers", () => new Stack()],
    ["nothing inside", () => new Inner()],
  ])("comes back when it was made without: %s", async (_, make) => {
    expect((await saved(make)).same).toBe(true);
  });

  it.each<[string, () => object, RegExp]>([
    ["an option", () => new Scale({ n: 3 }), start("Scale", "`n` is 3 and would be 4 in an object made from the file")],
    ["a positional argument", () => new Units(3), start("Units", "`units` is 3 and would be 32 in")],
    ["a model", () => new Width({ units: 5 }), start("Width", "`d\\.units` is 5 and would be 2 in")],
    [
      "an activation",
      () => new Width({ activation: "tanh" }),
      start("Width", '`d\\.activation` is "tanh" and would be "relu" in'),
    ],
    [
      "a required argument",
      () => new Required(3),
      start("Required", "without them no object can be made \\(Dense .*`units`"),
    ],
    ["one of Keras's", () => new Extended({ units: 2, k: 5 }), start("Extended", "`k` is 5 and would be 1 in")],
    [
      "a layer in a stack",
      () => new Around({ n: 4 }),
      start("Around", "`stack\\.layers\\[0\\]\\.units` is 4 and would be 3 in"),
    ],
    ["a function", () => new Around({ activation: (x) => x }), start("Around", "`stack\\.layers\\[2\\]\\.activation`")],
    ["a graph", () => new Graph({ units: 5 }), start("Graph", "`layers\\[1\\]\\.units` is 5 and would be 3 in")],
    ["a stack", () => new Stack({ units: 5 }), start("Stack", "`layers\\[0\\]\\.units` is 5 and would be 3 in")],
    [
      "a private field",
      () => new Hidden({ n: 3 }),
      start("Hidden", "what it keeps in private fields \\(#\\) cannot be compared"),
    ],
    ["a setter", () => new BySetter({ n: 3 }), start("BySetter", "what it keeps in private fields")],
    ["a closure", () => new Closure({ n: 3 }), start("Closure", "`fn`, function \\(anonymous\\), cannot be compared")],
    ["a layer", () => new Inner(layers.Dense(2)), start("Inner", '`inner` is Dense "dense" and would be null in')],
  ])("is refused when it was made with one: %s", async (_, make, words) => {
    await expect(saved(make)).rejects.toThrow(words);
  });

  it("is told which getConfig to write, and then comes back", async () => {
    expect(() => new Scale({ n: 3 }).getConfig()).toThrow(
      /Define `getConfig\(\) \{ return \{ \.\.\.super\.getConfig\(\), n: this\.n \}; \}`.*constructor\(\{ n, \.\.\.options \}\) \{ super\(options\); … \}$/,
    );
    expect(() => keras.models.cloneModel(new Width({ units: 5 }))).toThrow(start("Width", "`d\\.units` is 5"));
    class Fixed extends layers.Layer {
      readonly n: number;
      constructor({ n = 4, ...options }: keras.layers.LayerOptions & { n?: number } = {}) {
        super(options);
        this.n = n;
      }
      override call(x: Tensor): Tensor {
        return x.mul(this.n);
      }
      override getConfig() {
        return { ...super.getConfig(), n: this.n };
      }
    }
    expect((await saved(() => new Fixed({ n: 3 }))).same).toBe(true);
    // What a subclass adds is missing again.
    class More extends Fixed {
      readonly m: number;
      constructor({ m = 1, ...options }: { m?: number; n?: number } = {}) {
        super(options);
        this.m = m;
      }
    }
    expect((await saved(() => new More({ n: 3 }))).same).toBe(true);
    await expect(saved(() => new More({ n: 3, m: 2 }))).rejects.toThrow(start("More", "`m` is 2 and would be 1"));
  });

  it("keeps its name, dtype and whether it is trained", async () => {
    const { layer, again } = await saved(() => {
      const units = new Units();
      units.trainable = false;
      return units;
    });
    expect([layer.name, again.name, again.trainable]).toEqual(["units", "units", false]);
    class Handed extends layers.Layer {
      constructor(options: keras.layers.LayerOptions) {
        super(options);
      }
      override call(x: Tensor): Tensor {
        return x;
      }
    }
    const handed = await saved(() => new Handed({ name: "mine", dtype: "float16" }));
    expect([handed.again.name, handed.again.dtype]).toEqual(["mine", "float16"]);
    const policy = keras.config.dtypePolicy();
    try {
      keras.config.setDtypePolicy("mixed_bfloat16");
      const x = keras.Input({ shape: [3] });
      const model = keras.Model({ inputs: x, outputs: new Units()(x) });
      const bytes = await model.toBytes();
      keras.config.setDtypePolicy(policy);
      const { layers: loaded } = await keras.models.loadModel(bytes, { customObjects: { Units } });
      expect([loaded[1]!.dtypePolicy.name, loaded[1]!.weights[0]!.dtype]).toEqual(["mixed_bfloat16", "float32"]);
    } finally {
      keras.config.setDtypePolicy(policy);
    }
  });

  it("leaves no trace of the comparison: names and seeds go on as they were", async () => {
    const draw = (look: boolean): unknown => {
      resetNames();
      keras.utils.setRandomSeed(7);
      const model = new Width();
      if (look) model.getConfig();
      return [layers.Dense(2).name, keras.random.makeDefaultSeed()];
    };
    expect(draw(true)).toEqual(draw(false));
  });
});

describe("what a getConfig that does not fit gets", () => {
  const x = keras.Input({ shape: [3] });

  it("nothing returned: whose it is", async () => {
    class Silent extends layers.Layer {
      // @ts-expect-error: it must return a config
      override getConfig(): void {}
      override call(inputs: Tensor): Tensor {
        return inputs;
      }
    }
    const model = keras.Model({ inputs: x, outputs: new Silent({ name: "quiet" })(x) });
    await expect(model.toBytes()).rejects.toThrow(
      /^serialize: expected `getConfig` of Silent "quiet" to return an object of options\. Received: undefined; is a `return` missing\?/,
    );
    expect(() => keras.models.cloneModel(model)).toThrow(
      /expected the config of class "Silent" to be an object of options/,
    );
  });

  it("a constructor that takes its argument alone: how it is called", () => {
    class Positional extends keras.Model {
      readonly d: keras.layers.Dense;
      constructor(readonly n = 3) {
        super();
        this.d = layers.Dense(n);
      }
      override getConfig() {
        return { ...super.getConfig(), n: this.n };
      }
    }
    expect(() => Positional.fromConfig(new Positional(5).getConfig())).toThrow(
      /^the constructor of Positional does not take `n` of its config \(it failed: Dense .*unknown option `n`.*\)\. It gets all that `getConfig` returns as one object/,
    );
  });

  it("custom objects as an option, as everywhere", () => {
    const json = new Width().toJson();
    for (const given of [{ Width }, { customObjects: { Width } }]) {
      expect(keras.models.modelFromJson(json, given)).toBeInstanceOf(Width);
    }
    expect(() => keras.models.modelFromJson(json)).toThrow(/customObjects: \{ Width \}/);
  });

  it("mistakes with weights and losses: the layer once", () => {
    class Wrong extends layers.Layer {
      override build(): void {
        this.addWeight({ shpe: [2] } as object);
      }
      override call(inputs: Tensor): Tensor {
        this.addLoss("much" as never);
        return inputs;
      }
    }
    class Loses extends Wrong {
      override build(): void {}
    }
    expect(() => new Wrong({ name: "w" })(x)).toThrow(/^addWeight of Wrong "w": unknown option `shpe`/);
    expect(() => new Loses({ name: "l" })(x)).toThrow(/^addLoss of Loses "l": expected a tensor/);
  });
});
