/** `keras.utils`: sequences of different lengths as one array. */
import { allocate, type DType, isFloat, standardizeDType, toElement } from "../core/dtype.ts";
import { checkOptions, describe, ShapeError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import { peekValue } from "../runtime/evaluate.ts";
import { fromNumbers, Tensor, tensorFromHost } from "../runtime/tensor.ts";

export interface PadSequencesOptions {
  /** Length of the result. @defaultValue that of the longest sequence */
  maxlen?: number | null;
  /** `"string"` for sequences of strings, with a `value` to fill up with. @defaultValue `"int32"` */
  dtype?: string;
  /** Where to fill up. @defaultValue `"pre"` */
  padding?: "pre" | "post";
  /** Where to cut longer sequences. @defaultValue `"pre"` */
  truncating?: "pre" | "post";
  /** What to fill up with. @defaultValue `0` */
  value?: number | string;
}

/** A sequence of numbers or strings, or of rows of one shape. */
export type SequenceLike = readonly unknown[] | ArrayBufferView | Tensor;

/**
 * Sequences as one tensor of shape (sequences, maxlen, …): shorter ones are filled up, longer ones are cut.
 *
 * @throws RangeError, ShapeError for options or sequences that do not fit.
 * @example
 * padSequences([[1], [2, 3]]); // [[0, 1], [2, 3]]
 * padSequences([["a"], ["b", "c"]], { dtype: "string", value: "" }); // [["", "a"], ["b", "c"]]
 * @see keras/src/utils/sequence_utils.py (Keras 3.x): strings are of dtype `object` there
 */
export function padSequences(sequences: readonly SequenceLike[], options: PadSequencesOptions = {}): Tensor {
  checkOptions("padSequences", options, ["maxlen", "dtype", "padding", "truncating", "value"]);
  if (!Array.isArray(sequences)) {
    throw new TypeError(`padSequences: expected a list of sequences. Received: ${describe(sequences)}`);
  }
  const { padding = "pre", truncating = "pre", value = 0 } = options;
  for (const [name, side] of Object.entries({ padding, truncating })) {
    if (side === "pre" || side === "post") continue;
    throw new RangeError(`padSequences: expected \`${name}\` to be "pre" or "post". Received: ${describe(side)}`);
  }
  const dtype: DType = standardizeDType(options.dtype ?? "int32");
  checkValue(value, dtype);
  const tensors = sequences.map((sequence, i) => rowOf(sequence, i));
  const rest = tensors.find((t) => t.shape[0]! > 0)?.shape.slice(1) ?? [];
  const maxlen = options.maxlen ?? tensors.reduce((n, t) => Math.max(n, t.shape[0]!), 0);
  if (!Number.isInteger(maxlen) || maxlen < 0) {
    throw new RangeError(
      `padSequences: expected \`maxlen\` to be a non-negative integer. Received: ${describe(maxlen)}`,
    );
  }
  const width = sizeOf(rest);
  const out = allocate(dtype, tensors.length * maxlen * width);
  const stored = (x: unknown): never =>
    (dtype === "string" ? x : toElement(dtype, isFloat(dtype) ? Number(x) : Math.trunc(Number(x)))) as never;
  if (value !== 0) (out as Float32Array).fill(stored(value));
  for (const [i, sequence] of tensors.entries()) {
    const length = sequence.shape[0]!;
    if (length === 0) continue;
    if (formatShape(sequence.shape.slice(1)) !== formatShape(rest)) {
      throw new ShapeError(
        `padSequences: sequence ${i} has steps of shape ${formatShape(sequence.shape.slice(1))}; expected ${formatShape(rest)}, as those before`,
      );
    }
    if ((sequence.dtype === "string") !== (dtype === "string")) {
      throw new TypeError(
        `padSequences: sequence ${i} holds ${sequence.dtype === "string" ? "strings" : "numbers"}, and the result is of dtype ` +
          `${dtype}. ${sequence.dtype === "string" ? FOR_STRINGS : "Leave `dtype` and `value` out, or give those of numbers"}`,
      );
    }
    const kept = Math.min(length, maxlen);
    const from = truncating === "pre" ? length - kept : 0;
    const to = i * maxlen + (padding === "pre" ? maxlen - kept : 0);
    const data = peekValue(sequence.node)!;
    for (let k = 0; k < kept * width; k++) out[to * width + k] = stored(data[from * width + k]!);
  }
  return tensorFromHost(out, [tensors.length, maxlen, ...rest], dtype);
}

const FOR_STRINGS = 'For strings give both: { dtype: "string", value: "" }';

/** @throws TypeError for a value that the dtype cannot hold. */
function checkValue(value: unknown, dtype: DType): void {
  if (typeof value === (dtype === "string" ? "string" : "number")) return;
  throw new TypeError(
    `padSequences: expected \`value\` to be a ${dtype === "string" ? "string" : "number"}, as \`dtype\` is ${describe(dtype)}. ` +
      `Received: ${describe(value)}. ${dtype === "string" || typeof value === "string" ? FOR_STRINGS : ""}`.trimEnd(),
  );
}

function rowOf(sequence: unknown, i: number): Tensor {
  const where = `padSequences: sequence ${i}`;
  if (!Array.isArray(sequence) && !ArrayBuffer.isView(sequence) && !(sequence instanceof Tensor)) {
    throw new TypeError(
      `${where}: expected numbers or strings in a list, a typed array or a tensor. Received: ${describe(sequence)}`,
    );
  }
  const tensor = sequence instanceof Tensor ? sequence : fromNumbers(sequence, null, null, where);
  if (tensor.ndim === 0) throw new ShapeError(`${where}: expected at least one axis. Received: a scalar`);
  if (!peekValue(tensor.node)) throw new TypeError(`${where} is not computed yet: await its data() before`);
  return tensor;
}
