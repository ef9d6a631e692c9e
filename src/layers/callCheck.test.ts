/** What a call refuses, and what it must not refuse. */
import { describe, expect, it, vi } from "vitest";
import * as keras from "../node.ts";

const { layers, ops } = keras;
const x = (): keras.Tensor => ops.ones([2, 3]);
type Loose = (...args: unknown[]) => unknown;
/** A layer, to be called in ways that its type does not allow. */
const loose = (layer: unknown): Loose => layer as Loose;

class Scaled extends layers.Layer {
  override call(inputs: keras.Tensor, { scale = 1, mode = "add" }: { scale?: number; mode?: string } = {}) {
    return mode === "add" ? inputs.add(scale) : inputs.mul(scale);
  }
}
class Open extends layers.Layer {
  seen: object | undefined;
  override call(inputs: keras.Tensor, options: object = {}) {
    Object.defineProperty(this, "seen", { value: options, configurable: true });
    return inputs;
  }
}
class Plain extends layers.Layer {
  override call(inputs: keras.Tensor) {
    return inputs;
  }
}
class Pair extends layers.Layer {
  override call(a: keras.Tensor, b: keras.Tensor) {
    return a.add(b);
  }
}

describe("a call refuses", () => {
  const model = () => {
    const inputs = keras.Input({ shape: [3] });
    return keras.Model({ inputs, outputs: layers.Dense(1)(inputs), name: "m" });
  };
  it.each<[string, () => unknown, RegExp]>([
    [
      "a misspelt option",
      () => loose(layers.Dropout(0.9, { name: "d" }))(x(), { trainng: true }),
      /^Dropout "d": unknown option `trainng`\. Did you mean "training"\? Options of its calls: training, mask\.$/,
    ],
    [
      "an option of nobody",
      () => loose(layers.Dense(3))(x(), { fooo: 3 }),
      /^Dense ".*": unknown option `fooo`\. Options/,
    ],
    [
      "Python's spelling",
      () => loose(layers.LSTM(3))(ops.ones([2, 3, 4]), { initial_state: [] }),
      /unknown option `initial_state`\. Did you mean "initialState"\? Options of its calls: initialState, mask, training\./,
    ],
    [
      "an option given by its place",
      () => loose(model())(x(), true),
      /^Functional "m": its `call` takes one input\. Received: 2, the last of them true\. Options go in an object, such as layer\(x, \{ training: true \}\)$/,
    ],
    [
      "an unknown option of a model",
      () => loose(model())(x(), { traning: true }),
      /^Functional "m": unknown option `traning`\./,
    ],
    [
      "a second input",
      () => loose(layers.Dense(2))(x(), x()),
      /its `call` takes one input\. Received: 2, the last of them Tensor\. Several tensors for one input go in a list/,
    ],
    [
      "a flag that is none",
      () => loose(layers.Dense(2))(x(), { training: "yes" }),
      /expected `training` to be true, false or null\. Received: training="yes"/,
    ],
    [
      "an unknown option of a user's layer",
      () => loose(new Scaled({ name: "s" }))(x(), { scal: 2 }),
      /^Scaled "s": unknown option `scal`\. Did you mean "scale"\? Options of its calls: scale, mode, training, mask\.$/,
    ],
    [
      "options of a user's layer that takes none",
      () => loose(new Plain())(x(), { scale: 2 }),
      /unknown option `scale`.* To take more, `call` needs a second parameter: call\(inputs, \{ scale \} = \{\}\)\.$/,
    ],
    [
      "too many inputs of a user's layer",
      () => loose(new Pair())(x(), x(), x()),
      /its `call` takes 2 inputs\. Received: 3/,
    ],
    [
      "an input in the place of options",
      () => loose(new Scaled())(x(), x()),
      /^Scaled ".*": its `call` takes one input\. Received: 2, the last of them Tensor/,
    ],
    ["options after all inputs", () => loose(new Pair())(x(), x(), { scale: 1 }), /unknown option `scale`/],
    [
      "a symbolic call alike",
      () => loose(layers.Dense(3))(keras.Input({ shape: [2] }), { fooo: 3 }),
      /unknown option `fooo`/,
    ],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });
});

describe("a call takes", () => {
  it("`training` and `mask` always", () => {
    const mask = ops.ones([2], { dtype: "bool" });
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    for (const layer of [layers.Dense(2), new Plain(), new Scaled(), new Open()]) {
      loose(layer)(x(), { training: true, mask });
      loose(layer)(x(), { training: null, mask: null });
      loose(layer)(x(), undefined);
    }
    new Pair()(x(), x(), { training: false });
    warn.mockRestore();
  });

  it("any option where a user's `call` takes an object", () => {
    const open = new Open();
    loose(open)(x(), { anything: 1, at_all: [2] });
    expect(open.seen).toEqual({ anything: 1, at_all: [2] });
    class Rest extends layers.Layer {
      override call(...args: unknown[]) {
        return (args[0] as keras.Tensor).mul((args.at(-1) as { by: number }).by);
      }
    }
    expect(loose(new Rest())(x(), { by: 2 })).toBeInstanceOf(keras.Tensor);
    class Gathers extends layers.Layer {
      override call(inputs: keras.Tensor, { by, ...rest }: { by?: number; [option: string]: unknown } = {}) {
        return inputs.mul(by ?? Object.keys(rest).length);
      }
    }
    loose(new Gathers())(x(), { other: 2 });
  });

  it("what the `call` that a user's class inherits takes", async () => {
    class Named extends layers.LSTM {}
    const sequences = ops.ones([2, 3, 4]);
    new Named(3)(sequences, { initialState: [ops.zeros([2, 3]), ops.zeros([2, 3])] });
    expect(() => loose(new Named(3))(sequences, { initialStat: [] })).toThrow(/Did you mean "initialState"/);
    class Doubled extends Scaled {}
    expect(await new Doubled()(ops.ones([1]), { scale: 4 }).array()).toEqual([5]);
    expect(() => loose(new Doubled())(x(), { scal: 4 })).toThrow(/Did you mean "scale"/);
    class Around extends layers.Dense {
      override call(inputs: keras.Tensor, { by = 1 }: { by?: number } = {}) {
        return super.call(inputs).mul(by);
      }
    }
    new Around(2)(x(), { by: 3 });
  });

  it("a structure of inputs after the first", () => {
    class Joined extends layers.Layer {
      override call(a: keras.Tensor, { b, c }: { b: keras.Tensor; c: keras.Tensor }, { by = 1 }: { by?: number } = {}) {
        return a.add(b).add(c).mul(by);
      }
    }
    const joined = new Joined();
    joined(x(), { b: x(), c: x() });
    joined(x(), { b: x(), c: x() }, { by: 2 });
    expect(() => loose(joined)(x(), { b: x(), c: x() }, { b: 2 })).toThrow(/unknown option `b`/);
  });

  it("what a user's own object in the place of `call` takes", () => {
    const layer = new Plain();
    Object.defineProperty(layer, "call", { value: (inputs: keras.Tensor, { by = 1 } = {}) => inputs.mul(by) });
    loose(layer)(x(), { by: 2 });
    expect(() => loose(layer)(x(), { bye: 2 })).toThrow(/Did you mean "by"/);
  });
});
