import { afterEach, describe, expect, it } from "vitest";
import { DTypePolicy } from "../core/dtypePolicy.ts";
import { SerializationError } from "../core/errors.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { Tensor, tensor } from "../runtime/tensor.ts";
import {
  type Config,
  type CustomObjects,
  customObjectScope,
  getCustomObjects,
  getRegisteredName,
  getRegisteredObject,
  registerBuiltinFunctions,
  registerBuiltins,
  registerKerasSerializable,
} from "./registry.ts";
import { deserializeObject, mapKeys, objectSharingScope, optionsFromConfig, serializeObject } from "./serialize.ts";
import { Slice } from "./values.ts";

/** Names that no other test file uses: the registry is one per process. */
class Zeros {
  static readonly className = "Zeros";
  static readonly modulePath = "keras.initializers";
  getConfig(): Config {
    return {};
  }
  static fromConfig(): Zeros {
    return new Zeros();
  }
}

interface FakeOptions {
  name?: string;
  units?: number;
  useBias?: boolean;
  kernelInitializer?: unknown;
}

class FakeDense {
  static readonly className: string = "Dense";
  static readonly modulePath: string = "keras.layers";
  static readonly configKeys: Readonly<Record<string, string>> = {
    name: "name",
    units: "units",
    useBias: "use_bias",
    kernelInitializer: "kernel_initializer",
  };
  static readonly ignoredConfigKeys = ["quantization_config"];
  built = false;
  builtWith: unknown = null;
  readonly options: FakeOptions;
  constructor(options: FakeOptions = {}) {
    if (options.units !== undefined && options.units < 1) throw new RangeError("`units` must be positive");
    this.options = options;
  }
  getConfig(): Config {
    return mapKeys(this.options as Record<string, unknown>, FakeDense.configKeys);
  }
  getBuildConfig(): Config | null {
    return this.builtWith as Config | null;
  }
  buildFromConfig(config: Config): void {
    this.built = true;
    this.builtWith = config;
  }
  static fromConfig(config: Config): object {
    const cls = this as unknown as new (options: object) => object;
    return new cls(optionsFromConfig(cls, config));
  }
}

class Mine extends FakeDense {}

registerBuiltins("keras.layers", { Dense: FakeDense });
registerBuiltins("keras.initializers", { Zeros });
registerBuiltins("keras", { DTypePolicy });
const relu = (x: number): number => Math.max(0, x);
registerBuiltinFunctions({ relu });

const dense = (config: Config, more: Config = {}): Config => ({
  module: "keras.layers",
  class_name: "Dense",
  config,
  registered_name: null,
  ...more,
});

describe("serializeObject", () => {
  it("keeps plain values and drops what is undefined", () => {
    const value = { a: [1, 2.5, "x", true, null], b: { c: undefined, d: {} } };
    expect(serializeObject(value)).toEqual({ a: [1, 2.5, "x", true, null], b: { d: {} } });
  });

  // The expected texts are those of keras3-behaviour §2.1 and §2.2, which were read off keras 3.15.1.
  it("describes classes of Keras by their module, classes of users by their name", () => {
    const layer = new FakeDense({ name: "d", units: 2, useBias: true, kernelInitializer: new Zeros() });
    const expected = dense({
      name: "d",
      units: 2,
      use_bias: true,
      kernel_initializer: { module: "keras.initializers", class_name: "Zeros", config: {}, registered_name: null },
    });
    expect(serializeObject(layer)).toEqual(expected);
    expect(Object.keys(serializeObject(layer) as object)).toEqual([
      "module",
      "class_name",
      "config",
      "registered_name",
    ]);
    expect(serializeObject(new Mine({ units: 1 }))).toEqual({
      module: null,
      class_name: "Mine",
      config: { units: 1 },
      registered_name: "Mine",
    });
    expect(serializeObject(new DTypePolicy("mixed_bfloat16"))).toEqual({
      module: "keras",
      class_name: "DTypePolicy",
      config: { name: "mixed_bfloat16" },
      registered_name: null,
    });
  });

  it("gives internal modules their class name as registered name", () => {
    class Functional extends FakeDense {
      static override readonly className = "Functional";
      static override readonly modulePath = "keras.src.models.functional";
    }
    expect(serializeObject(new Functional())).toMatchObject({
      module: "keras.src.models.functional",
      class_name: "Functional",
      registered_name: "Functional",
    });
  });

  it("writes tensors, typed arrays, symbolic tensors and slices with their markers", () => {
    expect(
      serializeObject(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toEqual({
      class_name: "__tensor__",
      config: {
        value: [
          [1, 2],
          [3, 4],
        ],
        dtype: "float32",
      },
    });
    expect(serializeObject(new Int32Array([5, 6]))).toEqual({
      class_name: "__numpy__",
      config: { value: [5, 6], dtype: "int32" },
    });
    expect(serializeObject(new KerasTensor([null, 4], { dtype: "int32" }))).toEqual({
      class_name: "__keras_tensor__",
      config: { shape: [null, 4], dtype: "int32", keras_history: null },
    });
    expect(serializeObject([new Slice(null, 2)])).toEqual([
      { class_name: "__slice__", config: { start: null, stop: 2, step: null } },
    ]);
  });

  it("writes named functions by name and refuses nameless ones", () => {
    const reference = (name: string) => ({
      module: "builtins",
      class_name: "function",
      config: name,
      registered_name: "function",
    });
    function swishy(): void {}
    expect(serializeObject(relu)).toEqual(reference("relu"));
    expect(serializeObject(swishy)).toEqual(reference("swishy"));
    expect(() =>
      serializeObject({
        activation: (
          () => () =>
            0
        )(),
      }),
    ).toThrow(/`activation`: a function without a name .* registerKerasSerializable/s);
  });

  it("says where a value is that cannot be written", () => {
    expect(() => serializeObject(new FakeDense({ kernelInitializer: new Map() }))).toThrow(
      "serialize: `Dense.config.kernel_initializer`: cannot be written to a file. Received: Map",
    );
    expect(() => serializeObject([FakeDense])).toThrow(SerializationError);
  });

  it("marks an object that occurs twice, inside a sharing scope only", () => {
    const policy = new DTypePolicy("float32");
    const pair = [policy, policy];
    const [first, second] = objectSharingScope(() => serializeObject(pair)) as Config[];
    expect(first).toEqual(second);
    expect(first!.shared_object_id).toBe(1);
    const [a, b] = deserializeObject([first, second]) as object[];
    expect(a).toBeInstanceOf(DTypePolicy);
    expect(a).toBe(b);
    expect((serializeObject(pair) as Config[])[0]).not.toHaveProperty("shared_object_id");
  });
});

describe("deserializeObject", () => {
  const revive = (config: unknown, customObjects?: CustomObjects) =>
    deserializeObject(config, customObjects ? { customObjects } : {});

  it("revives instances, their nested objects, and builds them", () => {
    const layer = revive(
      dense(
        {
          units: 3,
          use_bias: false,
          quantization_config: null,
          kernel_initializer: { module: "keras.initializers", class_name: "Zeros", config: {}, registered_name: null },
        },
        { build_config: { input_shape: [null, 4] } },
      ),
    ) as FakeDense;
    expect(layer).toBeInstanceOf(FakeDense);
    expect(layer.options).toEqual({ units: 3, useBias: false, kernelInitializer: new Zeros() });
    expect(layer.builtWith).toEqual({ input_shape: [null, 4] });
  });

  it("finds Keras's classes under every spelling of their module, and without one", () => {
    const modules = [
      "keras.layers",
      "keras.src.layers.core.dense",
      "keras.layers.core.dense",
      "tensorflow.keras.layers",
    ];
    for (const module of modules) {
      expect(revive({ ...dense({ units: 1 }), module })).toBeInstanceOf(FakeDense);
    }
    expect(revive({ class_name: "Dense", config: { units: 1 } })).toBeInstanceOf(FakeDense);
    expect(
      revive({ module: "keras.mixed_precision", class_name: "Policy", config: { name: "float32" } }),
    ).toBeInstanceOf(DTypePolicy);
  });

  it("revives tensors, tuples, functions and plain structures", async () => {
    const result = revive({
      t: { class_name: "__numpy__", config: { value: [[1, 2]], dtype: "int32" } },
      pair: { class_name: "__tuple__", items: [1, 2] },
      fn: { module: "builtins", class_name: "function", config: "relu", registered_name: "function" },
      plain: { class_name: "not an object without its other half" },
    }) as Record<string, unknown>;
    expect(result.t).toBeInstanceOf(Tensor);
    expect((result.t as Tensor).dtype).toBe("int32");
    expect(await (result.t as Tensor).array()).toEqual([[1, 2]]);
    expect(result.pair).toEqual([1, 2]);
    expect(result.fn).toBe(relu);
    expect(result.plain).toEqual({ class_name: "not an object without its other half" });
  });

  it("names the place and the way out for an unknown class or function", () => {
    const model = {
      layers: [
        dense({ units: 1 }),
        { module: null, class_name: "Squeeze", config: {}, registered_name: "mine>Squeeze" },
      ],
    };
    expect(() => revive(model)).toThrow(
      'layers[1]: unknown class "Squeeze" (registered as "mine>Squeeze"). It is not part of Keras. Pass your own when loading, customObjects: { Squeeze }',
    );
    expect(() => revive(model)).toThrow(
      /customObjects: \{ Squeeze \}.*registerKerasSerializable\(Squeeze, \{ package: "mine" \}\)/,
    );
    expect(() => revive({ ...dense({}), class_name: "Densee" })).toThrow(
      /Did you mean "Dense"\? This library has no such class in keras\.layers/,
    );
    expect(() => revive({ fn: { module: "builtins", class_name: "function", config: "swoosh" } })).toThrow(
      'fn: unknown function "swoosh"',
    );
  });

  it("does not take a class of the user for one of Keras's of the same name", () => {
    expect(() => revive({ ...dense({ units: 1 }), module: null })).toThrow('unknown class "Dense"');
  });

  it("refuses a registered name on one of Keras's classes", () => {
    expect(() => revive({ ...dense({ units: 1 }), registered_name: "evil>Dense2" })).toThrow(
      'class "Dense" of keras.layers is one of Keras\'s and has no registered name. Received: registered_name="evil>Dense2"',
    );
  });

  it("finds classes of the user by argument, scope and registration", async () => {
    const config = {
      module: "package",
      class_name: "Mine",
      config: { units: 2, extra: [1] },
      registered_name: "Custom>Mine",
    };
    const viaArgument = revive(config, { Mine }) as Mine;
    expect(viaArgument).toBeInstanceOf(Mine);
    expect(viaArgument.options).toEqual({ units: 2, extra: [1] });
    expect(() => revive(config)).toThrow("unknown class");
    expect(customObjectScope({ "Custom>Mine": Mine }, () => revive(config))).toBeInstanceOf(Mine);
    const later = await customObjectScope({ Mine }, async () => {
      await Promise.resolve();
      return revive(config);
    });
    expect(later).toBeInstanceOf(Mine);
    expect(() => revive(config)).toThrow("unknown class");
    class Registered extends FakeDense {}
    registerKerasSerializable(Registered, { package: "test", name: "Reg" });
    const written = serializeObject(new Registered({ units: 4 })) as Config;
    expect(written).toMatchObject({ module: null, class_name: "Registered", registered_name: "test>Reg" });
    expect(revive(written)).toBeInstanceOf(Registered);
  });

  it("explains what a class rejected, with the place", () => {
    const rejected = { layers: [dense({ units: 0 })] };
    expect(() => revive(rejected)).toThrow(
      'layers[0]: class "Dense" could not be made from its config: `units` must be positive',
    );
    const unknownKey = dense({ units: 1, unitz: 2 });
    expect(() => revive(unknownKey)).toThrow(/key "unitz" of class "Dense" is unknown\. Did you mean "units"\?/);
    expect(() => revive(dense({ units: 1, quantization_config: { mode: "int8" } }))).toThrow(
      'key "quantization_config" of class "Dense" is not supported by this library.',
    );
    const nested = dense({ kernel_initializer: { module: "keras.initializers", class_name: "Nope", config: {} } });
    expect(() => revive(nested)).toThrow('config.kernel_initializer: unknown class "Nope"');
  });

  it("refuses Python lambdas and takes a replacement", () => {
    const lambda = { class_name: "__lambda__", config: { code: "4wEAAAA=", defaults: null, closure: null } };
    const config = dense({ name: "lambda_1", kernel_initializer: lambda });
    expect(() => revive(config)).toThrow(
      /config\.kernel_initializer: the file holds a Python lambda\. .*refused.*customObjects: \{ "lambda_1": \(x\) => … \}/,
    );
    expect(() => deserializeObject(config, { safeMode: false })).toThrow("cannot run here even with `safeMode: false`");
    const double = (x: number): number => 2 * x;
    expect((revive(config, { lambda_1: double }) as FakeDense).options.kernelInitializer).toBe(double);
    expect((revive(config, { "<lambda>": double }) as FakeDense).options.kernelInitializer).toBe(double);
  });

  it("does not let a config reach object prototypes", () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}, "class_name": "toString", "config": {}}');
    expect(() => revive(hostile)).toThrow('unknown class "toString"');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("registration", () => {
  it("wants getConfig and a name", () => {
    class NoConfig {}
    expect(() => registerKerasSerializable(NoConfig)).toThrow('class "NoConfig" has no `getConfig` method');
    expect(() =>
      registerKerasSerializable(
        (
          () => () =>
            0
        )(),
      ),
    ).toThrow("the function has no name");
    expect(() => registerKerasSerializable(Mine, { pakage: "x" } as never)).toThrow('Did you mean "package"?');
  });

  it("works as a decorator, with and without options", () => {
    class A extends FakeDense {}
    class B extends FakeDense {}
    expect(registerKerasSerializable({ package: "deco" })(A)).toBe(A);
    const decorate = registerKerasSerializable as unknown as (cls: object, context: object) => object;
    expect(decorate(B, { kind: "class", name: "B", addInitializer: () => undefined })).toBe(B);
    expect(getRegisteredName(A)).toBe("deco>A");
    expect(getRegisteredName(B)).toBe("Custom>B");
    expect(getRegisteredObject("deco>A")).toBe(A);
    expect(getRegisteredName(FakeDense)).toBe("Dense");
    expect(getCustomObjects()["deco>A"]).toBe(A);
  });

  afterEach(() => {
    expect(getRegisteredObject("left over from a scope")).toBeNull();
  });

  it("closes scopes after errors", async () => {
    const key = "left over from a scope";
    expect(() =>
      customObjectScope({ [key]: Mine }, () => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    await expect(
      customObjectScope({ [key]: Mine }, async () => {
        throw new Error("inside");
      }),
    ).rejects.toThrow("inside");
  });
});
