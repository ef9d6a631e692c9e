/**
 * Shape inference by running: the function is traced on placeholders, in which a number larger than any real size stands for
 * each that is unknown. Rules for shapes let such a number, and what is derived from it, be whatever fits (`isUnknownSize`); what is
 * still so large in the result is unknown, and so is what differs in a second run on another number. Nothing is computed.
 */
import { describe, reword } from "../core/errors.ts";
import { isUnknownSize, type Shape, shapesEqual } from "../core/shape.ts";
import { flatten, mapStructure, type Nested, packSequenceAs } from "../core/tree.ts";
import { inputValue } from "../ir/value.ts";
import { Tensor } from "../runtime/tensor.ts";
import { Trace, withTrace } from "../runtime/trace.ts";
import { KerasTensor } from "./kerasTensor.ts";

/** Far above real sizes, so that parts of them are still; powers of two, so that products of them are exact. */
const STANDINS = [2 ** 44, 2 ** 45] as const;

/** Shape of a traced tensor as a layer should remember it: sizes that stand in for unknown ones become `null`. */
export function declaredShape(shape: readonly number[]): (number | null)[] {
  return shape.map((d) => (isUnknownSize(d) ? null : d));
}

const UNKNOWN_NUMBER = /\d{11,}(?:\.\d+)?|\d(?:\.\d+)?e\+\d+/g;
const hide = (text: string, as: string): string =>
  text.replace(UNKNOWN_NUMBER, (number) => (isUnknownSize(Number(number)) ? as : number));

/** A message without numbers that the user never gave: in lists they are unknown sizes, `None` as everywhere in shapes. */
const withoutStandins = (message: string): string =>
  hide(
    message.replace(/[([][\d\s,.e+]*[\])]/g, (list) => hide(list, "None")),
    "unknown",
  );

/**
 * A symbolic tensor whose first sizes are those of `shape`. For layers that state them by one input, whatever is known of the
 * others: shapes in files and summaries are then Keras's.
 */
export function withFirstSizes(tensor: KerasTensor, shape: Shape): KerasTensor {
  const stated = [...shape, ...tensor.shape.slice(shape.length)];
  return shapesEqual(stated, tensor.shape) ? tensor : new KerasTensor(stated, { dtype: tensor.dtype });
}

/**
 * Symbolic outputs of `fn` for arguments that contain symbolic tensors.
 *
 * @param where - Who asks, for messages.
 */
export function inferOutputs(
  fn: (args: unknown[]) => Nested<Tensor>,
  args: readonly unknown[],
  where: string,
): Nested<KerasTensor> {
  const run = (standin: number): Nested<Tensor> => {
    let unknown = false;
    const concrete = mapStructure(
      (leaf) => {
        if (!(leaf instanceof KerasTensor)) return leaf;
        unknown ||= leaf.shape.includes(null);
        const shape = leaf.shape.map((d) => d ?? standin);
        return new Tensor(inputValue({ shape, dtype: leaf.dtype }, leaf.name));
      },
      args as Nested<unknown>,
    ) as unknown[];
    const trace = new Trace(unknown ? standin : null);
    try {
      return withTrace(trace, () => fn(concrete));
    } catch (error) {
      if (unknown) reword(error, withoutStandins);
      throw error;
    }
  };
  const first = run(STANDINS[0]);
  const second = run(STANDINS[1]);
  const others = flatten(second);
  const specs = flatten(first).map((t, i) => {
    const other = others[i];
    if (!(t instanceof Tensor) || !(other instanceof Tensor)) {
      throw new TypeError(`${where}: expected the result to be tensors. Received: ${describe(t)}`);
    }
    const otherShape = other.shape;
    const shape: Shape = declaredShape(t.shape).map((d, axis) => (d === otherShape[axis] ? d : null));
    return new KerasTensor(shape, { dtype: t.dtype });
  });
  return packSequenceAs(first as Nested<unknown>, specs);
}
