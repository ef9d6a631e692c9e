/** The base of all layers: building, state, calls, losses, configs. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { valueAndGrad } from "../autodiff/grad.ts";
import { resetNames } from "../core/names.ts";
import type { Shape } from "../core/shape.ts";
import * as initializers from "../initializers/index.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { SeedGenerator } from "../random/index.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { jit } from "../runtime/jit.ts";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";
import { type Config, registerKerasSerializable } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { type CallOptions, Dense, Dropout, Input, InputSpec, Layer, type LayerOptions, type Mask } from "./index.ts";

beforeEach(resetNames);
registerAllBuiltins();

const ones = (...shape: number[]): Tensor => ops.ones(shape);

/** A layer as the guide writes one. */
class CustomDense extends Layer {
  readonly units: number;
  w: Variable | null = null;
  b: Variable | null = null;

  constructor({ units, ...options }: LayerOptions & { units: number }) {
    super(options);
    this.units = units;
  }

  override build(inputShape: Shape): void {
    this.w = this.addWeight({ name: "w", shape: [inputShape.at(-1) as number, this.units], initializer: "ones" });
    this.b = this.addWeight({ name: "b", shape: [this.units], initializer: "zeros" });
  }

  override call(inputs: Tensor): Tensor {
    return ops.add(ops.matmul(inputs, this.w!), this.b!);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), units: this.units };
  }
}

/** Two layers inside, made in the constructor and built when they are called. */
class Block extends Layer {
  readonly first = Dense(3, { name: "first" });
  readonly inside = [Dense(2, { name: "second" })];
  override call(inputs: Tensor): Tensor {
    return this.inside[0]!(this.first(inputs));
  }
}

/** Records the `training` that it was called with. */
class Witness extends Layer {
  seen: unknown[] = [];
  override call(inputs: Tensor, { training = false }: CallOptions = {}): Tensor {
    this.seen.push(training);
    return inputs;
  }
}

describe("a layer of the user", () => {
  it("works with and without `new`, on numbers, tensors and symbolic tensors", async () => {
    const layer = new CustomDense({ units: 2 });
    expect(layer.name).toBe("custom_dense");
    expect(layer(Input({ shape: [3] })).shape).toEqual([null, 2]);
    expect(await layer([[1, 2, 3]]).array()).toEqual([[6, 6]]);
    expect(layer.weights.map((w) => w.path)).toEqual(["custom_dense/w", "custom_dense/b"]);
    expect(layer.countParams()).toBe(8);
  });

  it("is revived from a file when it is registered or handed in", () => {
    const layer = new CustomDense({ units: 2 });
    layer.build([null, 3]);
    const config = serializeObject(layer) as Config;
    expect(config).toMatchObject({ module: null, class_name: "CustomDense", build_config: { input_shape: [null, 3] } });
    const again = deserializeObject(config, { customObjects: { CustomDense } }) as CustomDense;
    expect(again).toBeInstanceOf(CustomDense);
    expect([again.units, again.built, again.name]).toEqual([2, true, "custom_dense"]);
    registerKerasSerializable(CustomDense, { package: "tests" });
    expect(deserializeObject(serializeObject(layer))).toBeInstanceOf(CustomDense);
  });

  it("must say in getConfig what its constructor was given", () => {
    class Forgetful extends Layer {
      readonly units: number;
      constructor(units: number) {
        super();
        this.units = units;
      }
    }
    expect(() => new Forgetful(2).getConfig()).toThrow(
      /^Forgetful "forgetful": the class has constructor arguments but no `getConfig`.*getConfig\(\) \{ return/,
    );
    class Plain extends Layer {}
    expect(new Plain({ name: "plain" }).getConfig()).toMatchObject({ name: "plain", trainable: true });
  });

  it("must return something that can be used", () => {
    class Silent extends Layer {
      override call(inputs: Tensor): void {
        ops.add(inputs, 1);
      }
    }
    class Async extends Layer {
      override async call(inputs: Tensor): Promise<Tensor> {
        return inputs;
      }
    }
    class Numbers extends Layer {
      override call(): number {
        return 1;
      }
    }
    class Nothing extends Layer {}
    expect(() => new Silent()(ones(2))).toThrow(
      /^Silent "silent": `call` must return a tensor\. Received: undefined; is a `return` missing\?/,
    );
    expect(() => new Silent()(Input({ shape: [2] }))).toThrow(/is a `return` missing\?/);
    expect(() => new Async()(ones(2))).toThrow(/cannot be async/);
    expect(() => new Numbers()(Input({ shape: [2] }))).toThrow(/expected the result to be tensors\. Received: 1/);
    expect(() => new Nothing()(ones(2))).toThrow(/^Nothing "nothing": a layer must define `call\(inputs, options\)`/);
  });

  it("may take several inputs, then options", async () => {
    class Scale extends Layer {
      shapes: unknown[] = [];
      override build(...shapes: Shape[]): void {
        this.shapes = shapes;
      }
      override call(x: Tensor, y: Tensor, { times = 1 }: CallOptions & { times?: number } = {}): Tensor {
        return ops.multiply(ops.add(x, y), times);
      }
    }
    class Two extends Scale {
      static readonly buildArguments = ["x_shape", "y_shape"];
      override build(xShape: Shape, yShape: Shape): void {
        super.build(xShape, yShape);
      }
    }
    expect(await new Scale()(ones(2), ones(2), { times: 3 }).array()).toEqual([6, 6]);
    const two = new Two();
    two(ones(1, 2), ones(2));
    expect(two.shapes).toEqual([[1, 2], [2]]);
    expect(two.getBuildConfig()).toEqual({ shapes_dict: { x_shape: [1, 2], y_shape: [2] } });
    const again = new Two();
    again.buildFromConfig({ shapes_dict: { y_shape: [2], x_shape: [1, 2] } });
    expect(again.shapes).toEqual([[1, 2], [2]]);
  });

  it("may take and give structures", async () => {
    class Split extends Layer {
      override call(inputs: Record<string, Tensor>): { sum: Tensor; list: Tensor[] } {
        return { sum: ops.add(inputs.a!, inputs.b!), list: [ops.multiply(inputs.a!, 2)] };
      }
    }
    const split = new Split();
    const out = split({ a: ones(2), b: ones(2) });
    expect(await out.sum.array()).toEqual([2, 2]);
    const symbolic = split({ a: Input({ shape: [2] }), b: Input({ shape: [2] }) });
    expect(symbolic.list[0]).toBeInstanceOf(KerasTensor);
  });

  it("gives symbolic tensors that show themselves in text and have no numbers", () => {
    const y = Dense(2)(Input({ shape: [3] }));
    expect(`${y}`).toMatch(/^<KerasTensor shape=\(None, 2\), dtype=float32, name=keras_tensor/);
    expect(() => Number(y)).toThrow(/^<KerasTensor .*: a symbolic tensor has no number/);
  });

  it("says where an error inside its call came from, and the way there, once", () => {
    class Wrong extends Layer {
      readonly inner = new (class Inner extends Layer {
        override call(x: Tensor): Tensor {
          return ops.matmul(x, ops.ones([7, 2]));
        }
      })({ name: "inner_one" });
      override call(x: Tensor): Tensor {
        return this.inner(x);
      }
    }
    let caught: unknown;
    try {
      new Wrong()(ones(2, 3));
    } catch (error) {
      caught = error;
    }
    const { message, stack } = caught as Error;
    expect(message).toMatch(/^Inner "inner_one": matmul/);
    expect(message).toMatch(/[^)] \(in Wrong "wrong" > Inner "inner_one"\)$/);
    expect(stack).toContain(message);
    expect(stack).toMatch(/Inner\.call .*layer\.test\.ts/);
  });
});

describe("building", () => {
  it("happens once, with the shape of the first call, unknown sizes as null", () => {
    const shapes: unknown[] = [];
    class Witnessed extends Layer {
      override build(inputShape: Shape): void {
        shapes.push(inputShape);
      }
      override call(x: Tensor): Tensor {
        return x;
      }
    }
    const layer = new Witnessed();
    expect(layer.built).toBe(false);
    layer(Input({ shape: [null, 3] }));
    layer(ones(2, 5, 3));
    expect(shapes).toEqual([[null, null, 3]]);
    expect(layer.getBuildConfig()).toEqual({ input_shape: [null, null, 3] });
  });

  it("by build(shape) is the same as by a call", () => {
    const dense = Dense(2, { name: "d" });
    dense.build([null, 3]);
    expect(dense.built).toBe(true);
    expect(dense.weights.map((w) => w.path)).toEqual(["d/kernel", "d/bias"]);
    expect(dense.getBuildConfig()).toEqual({ input_shape: [null, 3] });
    expect(() => dense.build([null, 4])).toThrow(/^Dense "d": weights are created in the constructor or in `build`/);
  });

  it("builds layers inside, by tracing the call where there is no `build`", () => {
    const block = new Block({ name: "block" });
    block.build([null, 4]);
    expect(block.weights.map((w) => [w.path, w.shape])).toEqual([
      ["block/first/kernel", [4, 3]],
      ["block/first/bias", [3]],
      ["block/second/kernel", [3, 2]],
      ["block/second/bias", [2]],
    ]);
    const called = new Block({ name: "block" });
    called(ones(1, 4));
    expect(called.weights.map((w) => w.path)).toEqual(block.weights.map((w) => w.path));
    const symbolic = new Block({ name: "block" });
    symbolic(Input({ shape: [4] }));
    expect(symbolic.weights.map((w) => w.path)).toEqual(block.weights.map((w) => w.path));
  });

  it("inside a compiled function makes values outside of it", async () => {
    const dense = Dense(2, { kernelInitializer: "ones" });
    const run = jit((x: Tensor) => dense(x));
    expect(await (await run(ones(1, 3))).array()).toEqual([[3, 3]]);
    expect(await dense.kernel!.array()).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
  });

  it("checks inputs against inputSpec before and after", () => {
    const layer = new (class Picky extends Layer {
      override build(): void {
        this.inputSpec = new InputSpec({ shape: [null, 3] });
      }
      override call(x: Tensor): Tensor {
        return x;
      }
    })();
    layer.inputSpec = new InputSpec({ dtype: "float32", ndim: 2 });
    expect(() => layer(ops.ones([2], { dtype: "float32" }))).toThrow(/expected rank 2, found rank 1/);
    expect(() => layer(ops.ones([2, 3], { dtype: "int32" }))).toThrow(/expected dtype float32\. Received: int32/);
    expect(layer.built).toBe(false);
    expect(() => layer(ones(2, 4))).toThrow(/expected shape \(None, 3\)\. Received: shape \(2, 4\)/);
  });

  it("ends the time for new weights", () => {
    class Late extends Layer {
      override call(x: Tensor): Tensor {
        return ops.add(x, this.addWeight({ name: "late" }));
      }
    }
    const expected = /^Late "late": weights are created in the constructor or in `build`.*addWeight of "late"/;
    expect(() => new Late()(ones(2))).toThrow(expected);
    resetNames();
    expect(() => new Late()(Input({ shape: [2] }))).toThrow(expected);
  });

  it("names weights made in the constructor after the layer", () => {
    class Early extends Layer {
      readonly scale = this.addWeight({ name: "scale", initializer: "ones" });
      override call(x: Tensor): Tensor {
        return ops.multiply(x, this.scale);
      }
    }
    const layer = new Early();
    expect(layer.scale.path).toBe("early/scale");
    layer(ones(2));
    expect(layer.weights).toEqual([layer.scale]);
  });

  it("of weights checks what was asked for", () => {
    const layer = new Layer({ name: "l" });
    expect(() => layer.addWeight({ shape: [2], initialiser: "ones" } as never)).toThrow(
      /^addWeight of \w+ "l": unknown option `initialiser`\. Did you mean "initializer"\?/,
    );
    expect(() => layer.addWeight({ shape: [2.5] })).toThrow(/weight "variable" needs known sizes/);
    expect(layer.addWeight({ shape: [2], dtype: "int32" }).dtype).toBe("int32");
    expect(() => layer.addWeight([2], { shape: [3] } as never)).toThrow(/`shape` is given twice, by its place and as/);
    expect(() => layer.addWeight([2], "ones", "float32" as never)).toThrow(
      /expected a shape, an initializer and one object of options.*Received: \[2\], "ones", "float32"\. For example/,
    );
    expect(() => layer.addWeight(3 as never)).toThrow(/expected `shape` to be a list of sizes\. Received: 3/);
    expect(() => layer.addWeight({ aggregation: "meen" as never })).toThrow(
      /expected `aggregation` to be one of "none", "mean", "sum", "only_first_replica", or null\. Received: "meen"/,
    );
    expect(() => layer.addWeight({ overwriteWithGradient: true as never })).toThrow(
      /`overwriteWithGradient` is not supported: in Keras the optimizer then puts the gradient in the weight's place/,
    );
  });

  it("of weights takes shape and initializer in their places, as Keras does", async () => {
    const layer = new Layer({ name: "l" });
    const made = [
      layer.addWeight([3], "ones"),
      layer.addWeight([3], { initializer: "ones", name: "b" }),
      layer.addWeight([3], initializers.Ones(), { trainable: false }),
      layer.addWeight([3], { class_name: "Ones", config: {} }),
      layer.addWeight({ shape: [3], initializer: "ones", aggregation: "mean", overwriteWithGradient: false }),
    ];
    for (const weight of made) expect(await weight.array()).toEqual([1, 1, 1]);
    expect(made.map((weight) => weight.trainable)).toEqual([true, true, false, true, true]);
    expect([made[1]!.name, layer.addWeight().shape, layer.addWeight([2], null).shape]).toEqual(["b", [], [2]]);
  });
});

describe("state", () => {
  class Stateful extends Layer {
    readonly counter = new Variable(0, { trainable: false, name: "counter" });
    readonly gain = new Variable([1, 2], { name: "gain" });
    readonly dropout = Dropout(0.5, { seed: 1 });
    readonly seed = new SeedGenerator(2);
    readonly byName = new Map([["dense", Dense(1, { name: "dense_inside" })]]);
    readonly same = this.byName;
    override call(x: Tensor): Tensor {
      return this.byName.get("dense")!(x);
    }
  }

  it("is found in properties, in Keras's order", () => {
    const layer = new Stateful();
    layer(ones(1, 2));
    expect(layer.weights.map((w) => w.name)).toEqual(["gain", "counter", "kernel", "bias"]);
    expect(layer.variables.map((v) => v.name)).toEqual([
      "gain",
      "counter",
      "seed_generator_state",
      "seed_generator_state",
      "kernel",
      "bias",
    ]);
    expect(layer.sublayers.map((l) => l.name)).toEqual(["dropout", "dense_inside"]);
    expect(layer.flattenLayers()).toHaveLength(3);
    expect(layer.trainableWeights.map((w) => w.name)).toEqual(["gain", "kernel", "bias"]);
    expect(layer.nonTrainableWeights.map((w) => w.name)).toEqual(["counter"]);
    expect(layer.nonTrainableVariables).toHaveLength(3);
  });

  it("freezes and unfreezes all the way down", () => {
    const layer = new Stateful();
    layer(ones(1, 2));
    layer.trainable = false;
    expect(layer.trainableWeights).toEqual([]);
    expect(layer.nonTrainableWeights).toHaveLength(4);
    expect(layer.weights.map((w) => w.name)).toEqual(["gain", "counter", "kernel", "bias"]);
    expect(layer.byName.get("dense")!.trainable).toBe(false);
    layer.trainable = true;
    expect(layer.trainableWeights.map((w) => w.name)).toEqual(["gain", "kernel", "bias"]);
    layer.byName.get("dense")!.trainable = false;
    expect(layer.trainableWeights.map((w) => w.name)).toEqual(["gain"]);
  });

  it("of a layer frozen before it is built is frozen", () => {
    const dense = Dense(2, { trainable: false });
    dense.build([null, 3]);
    expect([dense.trainableWeights.length, dense.nonTrainableWeights.length]).toEqual([0, 2]);
    dense.trainable = true;
    expect(dense.trainableWeights).toHaveLength(2);
  });

  it("is read and written as a list", async () => {
    const dense = Dense(1, { name: "d" });
    expect(() => dense.setWeights([[[1]], [0]])).toThrow(
      /^setWeights of Dense "d": the layer has 0 weights\. Received: 2 values\. The layer is not built/,
    );
    expect(() => dense.countParams()).toThrow(/^Dense "d": it has no parameters to count before it is built/);
    dense.build([null, 2]);
    dense.setWeights([[[1], [2]], [3]]);
    expect(await Promise.all(dense.getWeights().map((w) => w.array()))).toEqual([[[1], [2]], [3]]);
    expect(() =>
      dense.setWeights([
        [[5], [5]],
        [3, 3],
      ]),
    ).toThrow(/weight "d\/bias" has shape \(1,\)\. Received: a value of shape \(2,\)/);
    expect(await dense.kernel!.array()).toEqual([[1], [2]]);
  });
});

describe("training", () => {
  class Outer extends Layer {
    readonly a = new Witness();
    readonly b = new Witness();
    readonly c = new Witness();
    given: unknown = "nothing";
    override call(x: Tensor, options: CallOptions): Tensor {
      this.given = options.training;
      return this.c(this.b(this.a(x), { training: false }));
    }
  }

  it("is what the call says, else what the call around it says, else the method's default", () => {
    const cases: [given: boolean | undefined, outer: unknown, a: boolean, b: boolean, c: boolean][] = [
      [true, true, true, false, true],
      [false, false, false, false, false],
      [undefined, undefined, false, false, false],
    ];
    for (const [training, given, ...seen] of cases) {
      const outer = new Outer();
      outer(ones(2), training === undefined ? {} : { training });
      expect(outer.given).toBe(given);
      expect([outer.a.seen, outer.b.seen, outer.c.seen].flat()).toEqual(seen);
    }
  });

  it("ends with the call, also when it fails", () => {
    class Failing extends Layer {
      override call(): Tensor {
        throw new Error("no");
      }
    }
    expect(() => new Failing()(ones(2), { training: true })).toThrow(/^Failing "failing": no/);
    const witness = new Witness();
    witness(ones(2));
    expect(witness.seen).toEqual([false]);
  });
});

describe("losses", () => {
  class Penalised extends Layer {
    readonly dense = Dense(1, { kernelInitializer: "ones", kernelRegularizer: "l2", activityRegularizer: "l1" });
    override call(x: Tensor): Tensor {
      this.addLoss(ops.sum(x));
      return this.dense(x);
    }
  }
  const read = (layer: Penalised) => Promise.all(layer.losses.map((loss) => loss.item()));

  it("are those of the last call, then those of weights", async () => {
    const layer = new Penalised();
    layer(ones(2, 3));
    // 6; 0.01 · Σ|y| / 2 with y = [3, 3]; 0.01 · Σ w² with w = 1, 1, 1
    const expected = [6, 0.03, 0.03];
    (await read(layer)).forEach((loss, i) => {
      expect(loss).toBeCloseTo(expected[i]!, 6);
    });
    layer(ones(2, 3));
    expect(layer.losses).toHaveLength(3);
  });

  it("of a symbolic call are none, and it leaves those of the last real call", async () => {
    const layer = new Penalised();
    layer(Input({ shape: [3] }));
    expect(layer.losses).toHaveLength(1);
    layer(ones(2, 3));
    layer(Input({ shape: [3] }));
    layer.computeOutputShape([null, 3]);
    expect((await read(layer))[0]).toBe(6);
  });

  it("count inside a compiled step and are gone after it", async () => {
    const layer = new Penalised();
    layer.build([null, 3]);
    const step = jit((x: Tensor) => {
      const [loss, [slope]] = valueAndGrad(() => {
        const y = layer(x);
        return layer.losses.reduce((a, b) => ops.add(a, b), ops.sum(y));
      }, layer.trainableWeights)();
      return [loss, slope!];
    });
    const [loss, slope] = await step(ones(2, 3));
    expect(await loss!.item()).toBeCloseTo(6 + 6.06, 5);
    // Σx + 0.01 · Σx / 2 + 2 · 0.01 · w
    expect(await slope!.array()).toEqual([1, 2, 3].map(() => [expect.closeTo(2 + 0.01 + 0.02, 5)]));
    expect(await read(layer)).toEqual([expect.closeTo(0.03, 6)]);
  });

  it("of frozen weights do not count", () => {
    const layer = new Penalised();
    layer(ones(2, 3));
    layer.trainable = false;
    expect(layer.losses).toHaveLength(2);
  });

  it("may come in lists, each tensor of them by its sum", async () => {
    class Several extends Layer {
      override call(x: Tensor): Tensor {
        this.addLoss([ops.sum(x), [x, ops.multiply(x, 2)], 1]);
        return x;
      }
    }
    const layer = new Several();
    layer(ones(2, 3));
    expect(await Promise.all(layer.losses.map((loss) => loss.item()))).toEqual([6, 6, 12, 1]);
  });

  it("must be tensors", () => {
    class Text extends Layer {
      override call(x: Tensor): Tensor {
        this.addLoss("large" as never);
        return x;
      }
    }
    expect(() => new Text()(ones(2))).toThrow(
      /addLoss of Text "text": expected a tensor or numbers\. Received: "large"/,
    );
  });
});

describe("dtypes", () => {
  it("of mixed precision: float inputs and weights are read in 16 bits, weights stay in 32", () => {
    const seen: string[] = [];
    class Look extends Layer {
      readonly w = this.addWeight({ name: "w", initializer: "ones" });
      readonly kept = this.addWeight({ name: "kept", initializer: "ones", autocast: false });
      override call(x: Tensor, ids: Tensor): Tensor {
        seen.push(x.dtype, ids.dtype, this.w.value.dtype, this.kept.value.dtype);
        return x;
      }
    }
    const layer = new Look({ dtype: "mixed_bfloat16" });
    expect(layer(ones(2), tensor([1, 2], [2], "int32")).dtype).toBe("bfloat16");
    expect(seen).toEqual(["bfloat16", "int32", "bfloat16", "float32"]);
    expect([layer.dtype, layer.computeDtype, layer.variableDtype]).toEqual(["float32", "bfloat16", "float32"]);
    expect(layer.w.value.dtype).toBe("float32");
    seen.length = 0;
    new Look({ dtype: "float16", autocast: false })(ones(2), ones(2));
    expect(seen).toEqual(["float32", "float32", "float16", "float16"]);
  });

  // What Keras 3.15 gives for `o=float32, n={"t": float32, "ids": int32, "real": bool}` under the same policies.
  it("of tensors among the options are those of inputs, however deep", () => {
    interface Options {
      o?: Tensor;
      n?: { t: Tensor; ids: Tensor; real: Tensor };
      sink?: unknown[];
    }
    let seen: unknown[] = [];
    class Look extends Layer {
      override call(x: Tensor, { o, n, sink }: Options = {}): Tensor {
        seen = [o!.dtype, n!.t.dtype, n!.ids.dtype, n!.real.dtype];
        sink?.push(1);
        return x;
      }
    }
    const n = { t: ones(2), ids: tensor([1, 2], [2], "int32"), real: tensor([true, false], [2], "bool") };
    const sink: unknown[] = [];
    new Look({ dtype: "mixed_float16" })(ones(2), { o: ones(2), n, sink });
    expect(seen).toEqual(["float16", "float16", "int32", "bool"]);
    // Where nothing is cast, `call` gets what was given.
    expect(sink).toEqual([1]);
    new Look({ dtype: "mixed_float16", autocast: false })(ones(2), { o: ones(2), n });
    expect(seen).toEqual(["float32", "float32", "int32", "bool"]);
    new Look({ dtype: "mixed_float16" })(Input({ shape: [2] }), { o: Input({ shape: [2] }), n });
    expect(seen).toEqual(["float16", "float16", "int32", "bool"]);
  });

  it("of a layer inside another are its own", () => {
    class Half extends Layer {
      readonly full = Dense(2, { dtype: "float32" });
      override call(x: Tensor): Tensor {
        return this.full(x);
      }
    }
    expect(new Half({ dtype: "mixed_float16" })(ones(1, 2)).dtype).toBe("float32");
  });
});

describe("masks", () => {
  const x = (): Tensor => {
    const t = ones(2, 3, 4);
    t.mask = tensor([true, true, false, true, false, false], [2, 3], "bool");
    return t;
  };

  it("are passed on where they are supported, dropped with a warning where not", async () => {
    const kept = Dense(2)(x());
    expect(await kept.mask!.array()).toEqual([
      [true, true, false],
      [true, false, false],
    ]);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const dropping = new (class Dropping extends Layer {
      override call(t: Tensor): Tensor {
        return ops.multiply(t, 2);
      }
    })();
    expect(dropping(x()).mask).toBe(null);
    dropping(x());
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^Dropping "dropping": its input has a mask, .* drops/)]]);
    warn.mockRestore();
  });

  it("reach `call`, whether they come with the inputs or as an option", () => {
    const seen: (Mask | undefined)[] = [];
    const layer = new (class Look extends Layer {
      override call(t: Tensor, options: CallOptions): Tensor {
        seen.push(options.mask);
        return ops.multiply(t, 2);
      }
      override computeMask(_: unknown, mask: Mask): Mask {
        return mask;
      }
    })();
    const [input, other] = [x(), tensor([true, false, true, true, true, true], [2, 3], "bool")];
    expect(layer.supportsMasking).toBe(true);
    expect(layer(input).mask).toBe(input.mask);
    expect(layer(input, { mask: other }).mask).toBe(other);
    expect(layer(ones(2, 3)).mask).toBe(null);
    expect(seen).toEqual([input.mask, other, undefined]);
  });

  it("of a tensor handed through do not change the caller's tensor", () => {
    const input = ones(2, 3);
    const mask = tensor([true, false], [2], "bool");
    const output = Dropout(0.5)(input, { mask });
    expect([output.mask, input.mask]).toEqual([mask, null]);
  });
});
