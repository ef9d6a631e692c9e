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
