/** The initial state in calls of recurrent layers: where it may stand, and whether it fits. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { flatten, type Nested, packSequenceAs, showStructure } from "../../core/tree.ts";
import { toTensor } from "../../ops/define.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import type { Operation } from "../../ops/operation.ts";
import { declaredShape } from "../../ops/outputSpec.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { Variable } from "../../runtime/variable.ts";
import { convertArgument, splitCallArguments } from "../callArguments.ts";
import { placeOf } from "../errorTrail.ts";
import type { CallOptions, Mask } from "../layer.ts";
import type { States } from "./cell.ts";

/** Options of calls of recurrent layers. */
export interface RNNCallOptions extends CallOptions {
  /** States before the first step, in a list, or the only one. @defaultValue zeros, or those of the call before */
  initialState?: unknown;
}

const isTensor = (value: unknown): boolean =>
  value instanceof Tensor || value instanceof KerasTensor || value instanceof Variable;

/**
 * The initial state may follow the sequences: `lstm(x, [h, c])` is `lstm(x, { initialState: [h, c] })`. Numbers become tensors, so
 * that they count as such where it is decided whether the mask of the sequences is used.
 */
export function withStateAsOption(layer: Operation, args: unknown[]): unknown[] {
  const { inputs, options } = splitCallArguments(args) as { inputs: unknown[]; options: RNNCallOptions };
  const [sequences, initialState] = inputs;
  if (Array.isArray(sequences) && sequences.some(isTensor)) {
    throw new TypeError(
      `${placeOf(layer)}: expected one tensor of sequences. Received: a list of ${sequences.length}; the initial state ` +
        "follows the sequences, `layer(x, [h, c])`, or is an option, `layer(x, { initialState: [h, c] })`",
    );
  }
  if (inputs.length < 2) {
    if ((options.initialState ?? null) === null) return args;
    return [sequences, { ...options, initialState: convertArgument(options.initialState, placeOf(layer)) }];
  }
  if (inputs.length > 2 || options.initialState !== undefined) {
    const what = options.initialState === undefined ? "; put the states in one list" : " and option `initialState`";
    throw new TypeError(
      `${placeOf(layer)}: expected sequences, one initial state and options. Received: ${inputs.length} inputs${what}`,
    );
  }
  return [sequences, { ...options, initialState: convertArgument(initialState ?? null, placeOf(layer)) }];
}

const sameSize = (a: number | null, b: number | null): boolean => a === null || b === null || a === b;

/**
 * The given states in the structure of those that the cell expects.
 *
 * @throws ShapeError when their number or a shape differs.
 */
export function fitStates(given: unknown, expected: States): States {
  const structured = Array.isArray(given) && given.flat(Number.POSITIVE_INFINITY).some(isTensor);
  const leaves = (structured ? flatten(given as Nested<unknown>) : [given]).map((x) =>
    toTensor(x, null, "initialState"),
  );
  const wanted = flatten(expected).map((state) => declaredShape(state.shape));
  const shapes = showStructure(expected, (state) => formatShape(declaredShape((state as Tensor).shape)));
  if (leaves.length !== wanted.length) {
    throw new ShapeError(
      `expected \`initialState\` to be ${wanted.length} tensor${wanted.length === 1 ? "" : "s"} of shapes ${shapes}. ` +
        `Received: ${leaves.length}`,
    );
  }
  leaves.forEach((state, i) => {
    const found = declaredShape(state.shape);
    if (found.length === wanted[i]!.length && found.every((d, k) => sameSize(d, wanted[i]![k]!))) return;
    throw new ShapeError(
      `expected \`initialState\` to have shapes ${shapes}. Received: state ${i} of shape ${formatShape(found)}`,
    );
  });
  return packSequenceAs(expected, leaves);
}

/** The mask of the sequences. */
export const firstMask = (mask: Mask): Tensor | null => (Array.isArray(mask) ? mask[0] : mask) as Tensor | null;
