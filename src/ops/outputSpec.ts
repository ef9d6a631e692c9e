/**
 * Shape inference by running: the function is traced on placeholders, twice with different sizes for what is unknown; a
 * size that differs between the runs is unknown in the result. Nothing is computed. Keras's JAX backend infers the same way.
 */
import { describe } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { flatten, mapStructure, type Nested, packSequenceAs } from "../core/tree.ts";
import { inputValue } from "../ir/value.ts";
import { Tensor } from "../runtime/tensor.ts";
import { activeTrace, Trace, withTrace } from "../runtime/trace.ts";
import { KerasTensor } from "./kerasTensor.ts";

/** Primes far above real sizes, so that a size derived from an unknown one can be told from a known one. */
const STANDINS = [1_000_003, 1_000_033] as const;

/** Shape of a traced tensor as a layer should remember it: sizes that stand in for unknown ones become `null`. */
export function declaredShape(shape: readonly number[]): (number | null)[] {
  const standin = activeTrace()?.unknownSize ?? null;
  if (standin === null) return [...shape];
  return shape.map((d) => (d !== 0 && d % standin === 0 ? null : d));
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
    return withTrace(trace, () => fn(concrete));
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
    const shape: Shape = t.shape.map((d, axis) => (d === otherShape[axis] ? d : null));
    return new KerasTensor(shape, { dtype: t.dtype });
  });
  return packSequenceAs(first as Nested<unknown>, specs);
}
