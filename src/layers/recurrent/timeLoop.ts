/** The loop over time that all recurrent layers share: steps, masks, direction, and which outputs are kept. */
import { DTypeError, ShapeError } from "../../core/errors.ts";
import { formatShape, shapesCompatible } from "../../core/shape.ts";
import { assertSameStructure, flatten, mapStructure, packSequenceAs } from "../../core/tree.ts";
import { inputValue } from "../../ir/value.ts";
import * as ops from "../../ops/index.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { activeTrace, Trace, withTrace } from "../../runtime/trace.ts";
import type { States, StepResult } from "./cell.ts";

/** What to run. */
export interface TimeLoop {
  /** From the inputs of one step and the states before it to the output and the states after it. */
  readonly step: (inputs: Tensor, states: States) => StepResult;
  /** (time, batch, …) */
  readonly inputs: Tensor;
  /** States before the first step. */
  readonly states: States;
  /** (batch, time) or (batch, time, …): which steps are real. A step is real when any of its entries is. */
  readonly mask: Tensor | null;
  /** Runs from the last step to the first; the outputs are in the order in which they were made. */
  readonly goBackwards: boolean;
  /** Whether the outputs of all steps are wanted, or the last one only. */
  readonly returnSequences: boolean;
  readonly unroll: boolean;
  /** Whether the output of a masked step is 0, instead of that of the step before. */
  readonly zeroOutputForMask: boolean;
}

export interface TimeLoopResult {
  /** (batch, time, …) with `returnSequences`, else (batch, …). */
  readonly output: Tensor;
  readonly states: States;
}

const swapTimeAndBatch = (x: Tensor): Tensor => ops.swapaxes(x, 0, 1);

/** (batch, time, …) → (time, batch, …). */
export const timeMajor = swapTimeAndBatch;

const placeholder = (shape: readonly number[], { dtype }: Tensor): Tensor =>
  new Tensor(inputValue({ shape, dtype }, "step"));

/** One step on stand-ins: what it gives is known before the loop is recorded. Variables it assigns are left alone. */
function tryStep({ step, inputs, states }: TimeLoop): StepResult {
  const trace = new Trace(activeTrace()?.unknownSize ?? null);
  return withTrace(trace, () =>
    step(
      placeholder(inputs.shape.slice(1), inputs),
      mapStructure((state: Tensor) => placeholder(state.shape, state), states),
    ),
  );
}

/** @throws when a step does not give states like those it got. */
function checkStates(before: States, after: States): void {
  assertSameStructure(before, after, "the states that the cell returns must have the structure of those it got");
  const given = flatten(before);
  flatten(after).forEach((state, i) => {
    const { shape, dtype } = given[i]!;
    if (!shapesCompatible(shape, state.shape)) {
      throw new ShapeError(
        `the cell must keep the shapes of its states. Received: state ${i} of shape ${formatShape(declaredShape(state.shape))} ` +
          `after a step; expected ${formatShape(declaredShape(shape))}, as before it`,
      );
    }
    if (state.dtype !== dtype) {
      throw new DTypeError(
        `the cell must keep the dtypes of its states. Received: state ${i} of dtype ${state.dtype} after a step; expected ` +
          `${dtype}, as before it`,
      );
    }
  });
}

/** Real or not, per sample, with as many axes as `x`. */
function alignMask(mask: Tensor, x: Tensor): Tensor {
  return ops.reshape(mask, [mask.shape[0]!, ...new Array<number>(x.ndim - 1).fill(1)]);
}

/** (batch, time, …) → (time, batch). */
function stepMask(mask: Tensor): Tensor {
  const real = ops.cast(mask, "bool");
  const axes = Array.from({ length: real.ndim - 2 }, (_, i) => i + 2);
  return swapTimeAndBatch(axes.length > 0 ? ops.any(real, { axis: axes }) : real);
}

/**
 * Runs a cell over time. In a masked step nothing changes: states stay, and the output is that of the step before (before
 * the first real step: the state that the output is, or 0), or 0 with `zeroOutputForMask`.
 *
 * @see keras/src/backend/jax/rnn.py (Keras 3.x)
 */
export function runTimeLoop(loop: TimeLoop): TimeLoopResult {
  const { step, inputs, states, goBackwards, returnSequences, unroll, zeroOutputForMask } = loop;
  const [sample, after] = tryStep(loop);
  checkStates(states, after);
  if (activeTrace()?.unknownSize) {
    // Only shapes are wanted, and the number of steps may be a stand-in.
    const [batch, ...rest] = sample.shape;
    return {
      output: placeholder(returnSequences ? [batch!, inputs.shape[0]!, ...rest] : sample.shape, sample),
      states: after,
    };
  }
  const mask = loop.mask ? stepMask(loop.mask) : null;
  // The usual cell's output is one of its states: then that state remembers the last output.
  const at = flatten(after).findIndex((state) => state.node === sample.node);
  const zeroed = mask !== null && zeroOutputForMask;
  const remembers = at < 0 ? !returnSequences || (mask !== null && !zeroed) : !returnSequences && zeroed;
  const first = remembers ? [ops.zeros(sample.shape, { dtype: sample.dtype })] : [];
  const [[last, lastOutput], outputs] = ops.scan(
    ([current, previous]: readonly [Tensor[], Tensor[]], xs: readonly Tensor[]) => {
      const before = packSequenceAs(states, current);
      let [output, next] = step(xs[0]!, before);
      let flat = flatten(next);
      if (mask) {
        const real = xs[1]!;
        flat = flat.map((state, i) => ops.where(alignMask(real, state), state, current[i]!));
        if (zeroed) output = ops.where(alignMask(real, output), output, ops.zerosLike(output));
        else output = at < 0 ? ops.where(alignMask(real, output), output, previous[0]!) : flat[at]!;
      }
      return [[flat, remembers ? [output] : []], returnSequences ? output : null] as const;
    },
    [flatten(states), first] as readonly [Tensor[], Tensor[]],
    mask ? [inputs, mask] : [inputs],
    { reverse: goBackwards, unroll },
  ) as unknown as [[Tensor[], Tensor[]], Tensor | null];
  const output = returnSequences
    ? swapTimeAndBatch(goBackwards ? ops.flip(outputs!, { axis: 0 }) : outputs!)
    : (lastOutput[0] ?? last[at]!);
  return { output, states: packSequenceAs(states, last) };
}
