/** What loops check of the state that they carry from turn to turn. */
import { isFloat } from "../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesCompatible } from "../core/shape.ts";
import { assertSameStructure, flattenWithPath, type Nested } from "../core/tree.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { toTensor } from "./define.ts";
import { leafName, tensorLeaves } from "./structures.ts";

/** The leaves of a structure that are there. */
export const leavesOf = (structure: unknown): unknown[] =>
  flattenWithPath(structure as Nested<unknown>).flatMap(([, leaf]) =>
    leaf === null || leaf === undefined ? [] : [leaf],
  );

/** Names of the functions and arguments in messages. */
export interface CarryNames {
  /** The op. */
  readonly where: string;
  /** The argument that gives the first state: `init`. */
  readonly init: string;
  /** The function that makes the next one: `f`. */
  readonly step: string;
}

/** The tensors of a new state. @throws RangeError when its structure is not that of the first. */
export function nextLeaves({ where, init, step }: CarryNames, first: unknown, next: unknown): Tensor[] {
  assertSameStructure(
    first,
    next,
    `${where}: the state that \`${step}\` returns must have the structure of \`${init}\``,
  );
  return tensorLeaves(next, where, "state");
}

/** @throws ShapeError or DTypeError when a state changes its type. */
export function checkTypes(
  { where, init, step }: CarryNames,
  first: unknown,
  before: readonly Tensor[],
  after: readonly Tensor[],
): void {
  const paths = flattenWithPath(first as Nested<unknown>).filter(([, leaf]) => leaf !== null && leaf !== undefined);
  before.forEach((old, i) => {
    const next = after[i]!;
    const name = leafName("state", paths[i]![0]);
    if (!shapesCompatible(next.shape, old.shape)) {
      throw new ShapeError(
        `${where}: the state must keep its shape. Received: ${name} with shape ${formatShape(next.shape)} from ` +
          `\`${step}\`, expected ${formatShape(old.shape)} as in \`${init}\``,
      );
    }
    if (next.dtype !== old.dtype) {
      throw new DTypeError(
        `${where}: the state must keep its dtype. Received: ${name} with dtype ${next.dtype} from \`${step}\`, ` +
          `expected ${old.dtype} as in \`${init}\`; cast one of them`,
      );
    }
  });
}

/**
 * Records a body on a state; where that started as plain numbers their dtype is what the body makes of them, which takes a
 * second recording.
 *
 * @param record - Records the body and returns its next state.
 * @returns The first state in its final dtypes, and what the last recording left.
 */
export function recordWithState<R extends { readonly next: readonly Tensor[] }>(
  names: CarryNames,
  first: unknown,
  record: (state: readonly Tensor[]) => R,
): { readonly state: readonly Tensor[]; readonly recorded: R } {
  const state = tensorLeaves(first, names.where, names.init);
  const recorded = record(state);
  const widened = leavesOf(first).map((leaf, i) => {
    const { dtype } = recorded.next[i]!;
    return typeof leaf === "number" && isFloat(dtype) ? toTensor(state[i]!, dtype) : state[i]!;
  });
  if (widened.every((t, i) => t === state[i])) {
    checkTypes(names, first, state, recorded.next);
    return { state, recorded };
  }
  const again = record(widened);
  checkTypes(names, first, widened, again.next);
  return { state: widened, recorded: again };
}

/** @throws TypeError unless `fn` is a function. */
export function expectFunction(where: string, name: string, fn: unknown): void {
  if (typeof fn !== "function") {
    throw new TypeError(`${where}: expected \`${name}\` to be a function. Received: ${describe(fn)}`);
  }
}
