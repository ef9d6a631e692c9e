/** What the type checker knows of layers. Compiled by `tsc`, never run: no cast is needed anywhere, and mistakes are seen. */
import * as layers from "../../src/layers/index.ts";
import * as ops from "../../src/ops/index.ts";
import type { KerasTensor } from "../../src/ops/kerasTensor.ts";
import type { Tensor } from "../../src/runtime/tensor.ts";
import type { Variable } from "../../src/runtime/variable.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

const symbolic = layers.Input({ shape: [3] });
const numbers = ops.ones([2, 3]);

// Symbolic in gives symbolic out, numbers in give a tensor.
is<KerasTensor>()(layers.Dense(64, { activation: "relu" })(symbolic), true);
is<KerasTensor>()(new layers.Dense(64)(symbolic), true);
is<Tensor>()(layers.Dense({ units: 64 })(numbers), true);
is<Tensor>()(layers.Dense(64)([[1, 2, 3]]), true);
is<Tensor>()(layers.Dense(64)(new Float32Array(3)), true);
is<Tensor>()(layers.Dropout(0.5)(numbers, { training: true }), true);

// Chains, as models are written.
let x = layers.Dense(64, { activation: "relu" })(symbolic);
x = layers.Dropout(0.5)(x);
x = layers.Reshape([8, 8])(x);
x = layers.Softmax({ axis: [1, 2] })(x);
x = layers.add([x, layers.Flatten()(x)]);
is<KerasTensor>()(x, true);

// Lists of inputs.
is<KerasTensor>()(layers.Add()([symbolic, symbolic]), true);
is<Tensor>()(layers.Concatenate({ axis: 1 })([numbers, numbers]), true);
is<KerasTensor>()(layers.concatenate([symbolic, numbers]), true);
is<Tensor>()(layers.dot([numbers, numbers], { axes: 1, normalize: true }), true);

// Properties and methods stay visible.
const dense = layers.Dense(2);
is<number>()(dense.units, true);
is<Variable | null>()(dense.kernel, true);
is<Variable[]>()(dense.trainableWeights, true);
is<boolean>()(dense.built, true);
is<number>()(layers.Dense.fromConfig({ units: 3 }).units, true);
const kept: layers.Dense = dense;
const any: layers.Layer = kept;
is<KerasTensor>()(any(symbolic), true);

// Identity gives what it gets.
is<KerasTensor>()(layers.Identity()(symbolic), true);
is<{ a: KerasTensor }>()(layers.Identity()({ a: symbolic }), true);
is<Tensor>()(layers.Identity()([1, 2]), true);

// Layers of users: the structure that `call` states, in the kind of the inputs.
class Double extends layers.Layer {
  override call(inputs: Tensor): Tensor {
    return ops.multiply(inputs, 2);
  }
}
is<KerasTensor>()(new Double()(symbolic), true);
is<Tensor>()(new Double({ name: "double" })(numbers), true);

class Parts extends layers.Layer {
  readonly inner = layers.Dense(3);
  override call(inputs: Tensor, options?: layers.CallOptions): { sum: Tensor; rows: Tensor[] } {
    return { sum: this.inner(inputs, options), rows: [inputs] };
  }
}
const parts = new Parts();
is<KerasTensor>()(parts(symbolic).sum, true);
is<KerasTensor[]>()(parts(symbolic).rows, true);
is<Tensor>()(parts(numbers).sum, true);

class Wide extends layers.Dense {
  constructor() {
    super(1000);
  }
}
is<KerasTensor>()(new Wide()(symbolic), true);
is<number>()(new Wide().units, true);

// Mistakes.
// @ts-expect-error: units are a number
layers.Dense("64");
// @ts-expect-error: Keras's spelling in Python
layers.Dense(64, { use_bias: false });
// @ts-expect-error: no such option
layers.Dense(64, { activaton: "relu" });
// @ts-expect-error: a rate is needed
layers.Dropout();
// @ts-expect-error: a list of inputs
layers.Add()(symbolic);
// @ts-expect-error: symbolic tensors have no numbers
layers.Dense(2)(symbolic).item().then;
// @ts-expect-error: no such data format
layers.Flatten({ dataFormat: "nhwc" });
// @ts-expect-error: units are fixed
dense.units = 3;

// One of several layers.
declare const flag: boolean;
const either = flag ? layers.Dense(2) : layers.Dropout(0.1);
is<KerasTensor>()(either(symbolic), true);
for (const layer of [layers.Dense(1), layers.Dropout(0.5), layers.Flatten()]) is<Tensor>()(layer(numbers), true);
const steps = [layers.Dense(3, { activation: "tanh" }), new Double(), layers.Dense(4)];
is<KerasTensor>()(steps[0]!(symbolic), true);

// Calls take what `call` states, and the options that all take.
class Blend extends layers.Layer {
  override call(
    inputs: Tensor,
    { scale = 1, other }: { scale?: number; other?: Tensor; deep?: { t: Tensor }[] } = {},
  ): Tensor {
    return other ? inputs.add(other) : inputs.mul(scale);
  }
}
class Bound extends layers.Layer {
  override call(inputs: Tensor, options: { scale: number }): Tensor {
    return inputs.mul(options.scale);
  }
}
class Free extends layers.Layer {
  override call(inputs: Tensor, options: Record<string, unknown> = {}): Tensor {
    return options.mode === "add" ? inputs.add(1) : inputs;
  }
}
class Both extends layers.Layer {
  override call(left: Tensor, right: Tensor, { by = 1 }: layers.CallOptions & { by?: number } = {}): Tensor {
    return left.add(right).mul(by);
  }
}
is<KerasTensor>()(new Blend()(symbolic, { scale: 3, other: symbolic, deep: [{ t: symbolic }], training: true }), true);
is<Tensor>()(new Blend()(numbers, { other: numbers, mask: numbers }), true);
is<Tensor>()(new Blend()(numbers, undefined), true);
is<Tensor>()(new Bound()(numbers, { scale: 3 }), true);
is<Tensor>()(new Free()(numbers, { mode: "add", more: 1 }), true);
is<KerasTensor>()(new Both()(symbolic, symbolic, { by: 3, training: null }), true);
is<Tensor>()(layers.BatchNormalization()(numbers, { training: true }), true);
is<Tensor>()(layers.LSTM(2)(numbers, { initialState: [numbers, numbers], mask: numbers }), true);
is<Tensor>()(layers.LSTM(2)(numbers, [numbers, numbers], { training: false }), true);
// @ts-expect-error: a number
new Blend()(numbers, { scale: "three" });
// @ts-expect-error: no such option
new Blend()(numbers, { scal: 3 });
// @ts-expect-error: no such option of any call
layers.Dropout(0.9)(symbolic, { trainng: true });
// @ts-expect-error: Dense has no such option
layers.Dense(3)(symbolic, { fooo: 3 });
// @ts-expect-error: a flag
layers.Dense(3)(numbers, { training: "yes" });
// @ts-expect-error: options go in an object
layers.Dropout(0.9)(numbers, true);
// @ts-expect-error: one input
layers.Dense(3)(numbers, numbers, numbers);
// @ts-expect-error: Python's spelling
layers.LSTM(2)(numbers, { initial_state: [numbers, numbers] });
// @ts-expect-error: no such option
layers.Attention()([numbers, numbers], { useCausalMasks: true });
// @ts-expect-error: no such option
layers.Add()([numbers, numbers], { axis: 1 });
// @ts-expect-error: no such option
new Both()(numbers, numbers, { bye: 3 });
