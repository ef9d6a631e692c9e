/** What the type checker knows of recurrent layers: what a call gives follows from `returnState`. Compiled by `tsc`, never run. */
import * as layers from "../../src/layers/index.ts";
import * as ops from "../../src/ops/index.ts";
import type { KerasTensor } from "../../src/ops/kerasTensor.ts";
import type { Tensor } from "../../src/runtime/tensor.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

const symbolic = layers.Input({ shape: [null, 3] });
const numbers = ops.ones([2, 5, 3]);

// One output.
is<KerasTensor>()(layers.LSTM(4)(symbolic), true);
is<KerasTensor>()(new layers.GRU({ units: 4, returnSequences: true })(symbolic), true);
is<Tensor>()(layers.SimpleRNN(4)(numbers, { training: true }), true);
is<Tensor>()(layers.RNN([layers.LSTMCell(4), layers.GRUCell(2)])(numbers), true);
is<KerasTensor>()(layers.Bidirectional(layers.LSTM(4), { mergeMode: "sum" })(symbolic), true);
is<KerasTensor>()(layers.TimeDistributed(layers.Dense(4))(symbolic), true);
is<Tensor>()(layers.ConvLSTM2D(4, 3, { padding: "same" })(ops.ones([1, 2, 5, 5, 1])), true);

// With states.
const [y, h, c] = layers.LSTM(4, { returnState: true })(symbolic);
is<KerasTensor>()(y, true);
is<KerasTensor>()(h, true);
is<KerasTensor>()(c, true);
const [z, state] = layers.GRU({ units: 4, returnState: true })(numbers);
is<Tensor>()(z, true);
is<Tensor>()(state, true);
const [image, , carry] = layers.ConvLSTM1D(4, 3, { returnState: true })(ops.ones([1, 2, 5, 1]));
is<Tensor>()(image, true);
is<Tensor>()(carry, true);
// @ts-expect-error a GRU has one state
layers.GRU(4, { returnState: true })(symbolic)[2];
is<KerasTensor>()(layers.LSTM(4)(symbolic, { initialState: [h, c] }), true);
is<KerasTensor>()(layers.LSTM(4)(symbolic, [h, c]), true);

// As many outputs as the layers inside give.
const [forward, ...others] = layers.Bidirectional(layers.LSTM(4, { returnState: true }))(symbolic);
is<KerasTensor>()(forward, true);
is<KerasTensor[]>()(others, true);
is<Tensor>()(layers.Bidirectional(layers.GRU(4), { mergeMode: null })(numbers)[0], true);
const [output, first] = layers.RNN(layers.LSTMCell(4), { returnState: true })(numbers);
is<Tensor>()(output, true);
is<Tensor | undefined>()(first, true);

// One step of a cell.
const [next, [hidden]] = layers.LSTMCell(4)(ops.ones([2, 3]), [ops.zeros([2, 4]), ops.zeros([2, 4])]);
is<Tensor>()(next, true);
is<Tensor>()(hidden, true);
const [, lone] = layers.GRUCell(4)(ops.ones([2, 3]), ops.zeros([2, 4]));
is<Tensor>()(lone, true);

// They are layers, and can be extended.
const any: layers.Layer = layers.LSTM(4);
is<KerasTensor>()(any(symbolic), true);
class Named extends layers.LSTM {
  constructor() {
    super(4, { name: "named" });
  }
}
is<KerasTensor>()(new Named()(symbolic), true);
is<number>()(new Named().units, true);

// A cell of one's own.
class Cell extends layers.Layer {
  readonly stateSize = 3;
  override call(inputs: Tensor, states: Tensor[]): [Tensor, Tensor[]] {
    const sum = ops.add(inputs, states[0]!);
    return [sum, [sum]];
  }
}
is<KerasTensor>()(layers.RNN(new Cell())(symbolic), true);

// Mistakes.
// @ts-expect-error unknown option
layers.LSTM(4, { returnsequences: true });
// @ts-expect-error a string is no width
layers.GRU("4");
// @ts-expect-error unknown mode
layers.Bidirectional(layers.LSTM(4), { mergeMode: "max" });
// @ts-expect-error a layer without a state is no cell
layers.RNN(layers.Dense(4));
