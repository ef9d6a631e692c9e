/** Connectionist temporal classification: its loss, and the decoding of what such a model gives. */
import { resultType } from "../core/dtype.ts";
import { describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { logaddexp } from "./arithmetic.ts";
import { beamSearch } from "./beamSearch.ts";
import { defineOp, toTensor, wrap } from "./define.ts";
import { oneHotMask } from "./indexing.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { num, readOptions } from "./kit.ts";
import { scan } from "./scan.ts";
import { expectNumbers } from "./sets.ts";

/** Stands for log 0: Keras takes a finite number, so that differences stay finite. */
const LOG_ZERO = -1e5;

const add = (a: Value, b: Value): Value => build.binary("add", a, b);
const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);

/** Logits (batch, time, classes) in at least float32. */
function readLogits(where: string, x: unknown): Value {
  const { node } = toTensor(x, null, where);
  if (node.shape.length !== 3) {
    throw new ShapeError(
      `${where}: expected logits (batch, time, classes). Received: shape ${formatShape(node.shape)}`,
    );
  }
  return build.cast(node, resultType([node.dtype, "float32"], "float32"));
}

/** Labels and lengths may come as floats, as targets of a loss do. */
const integers = (x: unknown, where: string): Value => build.cast(toTensor(x, null, where).node, "int32");

function readLengths(where: string, name: string, x: unknown, batch: number): Value {
  const lengths = integers(x, where);
  if (lengths.shape.length !== 1 || lengths.shape[0] !== batch) {
    throw new ShapeError(
      `${where}: expected \`${name}\` to be a vector with one length per sample, of ${batch}. Received: shape ${formatShape(lengths.shape)}`,
    );
  }
  return lengths;
}

const lossOp = defineOp("CTCLoss", "nn", { maskIndex: "mask_index" }, (args, s) => {
  const where = "ctcLoss";
  const output = readLogits(where, args[1]);
  const target = integers(args[0], where);
  const [batch, time, classes] = output.shape as [number, number, number];
  if (target.shape.length !== 2 || target.shape[0] !== batch) {
    throw new ShapeError(
      `${where}: expected \`target\` (batch, labels) for the batch of ${batch}. Received: shape ${formatShape(target.shape)}`,
    );
  }
  const labels = target.shape[1]!;
  const targetLength = readLengths(where, "targetLength", args[2], batch);
  const outputLength = readLengths(where, "outputLength", args[3], batch);
  const blank = (s.maskIndex as number | null) ?? 0;
  const { dtype } = output;
  const one = num(1, output);

  // Whether the next label is the same: then a blank must stand between.
  const same = build.binary(
    "equal",
    build.slice(target, [0, 0], [batch, labels - 1]),
    build.slice(target, [0, 1], [batch, labels]),
  );
  const repeat = build.pad(build.cast(same, dtype), [0, 0], [0, 1]);
  const apart = build.binary("sub", one, repeat);
  const logs = build.logSoftmax(output, 2);
  const blanks = build.transpose(build.slice(logs, [0, 0, blank], [batch, time, blank + 1]), [1, 0, 2]);
  const wanted = build.cast(oneHotMask(target, classes, -1), dtype);
  const emits = build.transpose(build.matmul(logs, wanted, false, true), [1, 0, 2]);
  const steps = build.iota([time, 1, 1], 0, "int32");
  const over = build.binary("greater_equal", steps, build.reshape(outputLength, [1, batch, 1]));

  /** phi[:, 1:] with a score added in log space. */
  const raise = (phi: Value, score: Value): Value => {
    const rest = logaddexp(wrap(build.slice(phi, [0, 1], [batch, labels + 1])), wrap(score)).node;
    return build.concat([build.slice(phi, [0, 0], [batch, 1]), rest], 1);
  };
  const start = build.where(
    build.binary("equal", build.iota([batch, labels + 1], 1, "int32"), build.scalar(0, "int32")),
    num(0, output),
    num(LOG_ZERO, output),
  );
  // phi: after a blank, before each label; emit: at each label. Both in log space.
  const [last] = scan(
    (carry: [Tensor, Tensor], x: [Tensor, Tensor, Tensor]): [[Tensor, Tensor], null] => {
      const [phi, emit] = carry.map((t) => t.node) as [Value, Value];
      const [logEmit, logBlank, done] = x.map((t) => t.node) as [Value, Value, Value];
      const before = raise(phi, add(emit, mul(num(LOG_ZERO, emit), repeat)));
      const stay = add(emit, logEmit);
      const nextEmit = logaddexp(wrap(add(build.slice(before, [0, 0], [batch, labels]), logEmit)), wrap(stay)).node;
      const closing = add(add(emit, logBlank), mul(num(LOG_ZERO, emit), apart));
      const nextPhi = raise(add(before, logBlank), closing);
      return [[wrap(build.where(done, phi, nextPhi)), wrap(build.where(done, emit, nextEmit))], null];
    },
    [wrap(start), wrap(build.full(LOG_ZERO, [batch, labels], dtype))],
    [wrap(emits), wrap(blanks), wrap(over)],
  ) as unknown as [[Tensor, Tensor], null];
  const final = raise(last[0].node, last[1].node);
  // Lengths beyond the labels count as all of them.
  const length = build.binary(
    "max",
    build.binary("min", targetLength, num(labels, targetLength)),
    num(0, targetLength),
  );
  const chosen = mul(final, build.cast(oneHotMask(length, labels + 1, -1), dtype));
  return wrap(build.unary("neg", build.reduce("reduce_sum", chosen, [1])));
});

/**
 * CTC loss of each sample: -log of the probability of all ways to spell the target in the output.
 *
 * @param target - Labels (batch, labels), integers.
 * @param output - Logits (batch, time, classes).
 * @param options - `maskIndex` is the class of the blank. @defaultValue `{ maskIndex: 0 }`
 * @returns (batch)
 */
export function ctcLoss<A extends TensorLike, B extends TensorLike>(
  target: A,
  output: B,
  targetLength: TensorLike,
  outputLength: TensorLike,
  options?: { maskIndex?: number },
): Result<A | B> {
  const { maskIndex = 0 } = readOptions("ctcLoss", options, ["maskIndex"]);
  return lossOp([target, output, targetLength, outputLength], { maskIndex }) as Result<A | B>;
}

const DECODE_KEYS = {
  strategy: "strategy",
  beamWidth: "beam_width",
  topPaths: "top_paths",
  mergeRepeated: "merge_repeated",
  maskIndex: "mask_index",
};

const decodeOp = defineOp("CTCDecode", "nn", DECODE_KEYS, ([x, sequenceLengths], s) => {
  const where = "ctcDecode";
  if (s.strategy === "beam_search") {
    throw new TypeError(
      `${where}: "beam_search" cannot stand in a graph of layers; use strategy "greedy", or decode what \`predict\` gives`,
    );
  }
  const inputs = readLogits(where, x);
  const [batch, time, classes] = inputs.shape as [number, number, number];
  const lengths = readLengths(where, "sequenceLengths", sequenceLengths, batch);
  const blank = (s.maskIndex as number | null) ?? classes - 1;
  const position = build.iota([batch, time], 1, "int32");
  const over = build.binary("greater_equal", position, build.reshape(lengths, [batch, 1]));
  const scores = build.where(over, num(0, inputs), build.reduce("reduce_max", inputs, [2]));
  let best = build.argmax(inputs, 2);
  best = build.where(over, num(blank, best), best);
  if (s.mergeRepeated !== false && time > 1) {
    const again = build.binary(
      "equal",
      build.slice(best, [0, 1], [batch, time]),
      build.slice(best, [0, 0], [batch, time - 1]),
    );
    best = build.where(build.pad(again, [0, 1], [0, 0]), num(blank, best), best);
  }
  // Blanks go to the end, the rest keep their order.
  const dropped = build.binary("equal", best, num(blank, best));
  const marked = build.where(dropped, num(-1, best), best);
  const [, order] = build.topK(build.where(dropped, num(time, position), position), time, false);
  const paths = build.reshape(build.gatherAlong(marked, order, 1), [1, batch, time]);
  return [wrap(paths), wrap(build.unary("neg", build.reduce("reduce_sum", scores, [1], true)))];
});

interface DecodeOptions {
  /** Distinct paths that are kept at each step of a beam search. @defaultValue `100` */
  beamWidth?: number;
  /** How many of the best paths a beam search gives. @defaultValue `1` */
  topPaths?: number;
  /** Whether repeated classes become one ("greedy"). @defaultValue `true` */
  mergeRepeated?: boolean;
  /** The class of the blank; `null` is the last one. @defaultValue `0` */
  maskIndex?: number | null;
}

/**
 * Reads label sequences off a CTC model's logits.
 *
 * "greedy" takes the best class at each time and is compiled. "beam_search" follows the best `beamWidth` sequences on the
 * host, as Keras does; it reads the numbers and gives a promise, so it does not work inside a traced function.
 *
 * @param inputs - Logits (batch, time, classes).
 * @param sequenceLengths - How many times of each sample count. (batch)
 * @returns Labels (paths, batch, time), filled up with -1, and scores (batch, paths): minus the sum of the logits, or the
 *   logarithm of the probability.
 */
export function ctcDecode<A extends TensorLike>(
  inputs: A,
  sequenceLengths: TensorLike,
  options: DecodeOptions & { strategy: "beam_search" },
): Promise<[paths: Tensor, scores: Tensor]>;
export function ctcDecode<A extends TensorLike>(
  inputs: A,
  sequenceLengths: TensorLike,
  options?: DecodeOptions & { strategy?: "greedy" },
): [paths: Result<A>, scores: Result<A>];
export function ctcDecode(
  inputs: TensorLike,
  sequenceLengths: TensorLike,
  options?: DecodeOptions & { strategy?: "greedy" | "beam_search" },
): unknown {
  const {
    strategy = "greedy",
    beamWidth = 100,
    topPaths = 1,
    mergeRepeated = true,
    maskIndex = 0,
  } = readOptions("ctcDecode", options, Object.keys(DECODE_KEYS));
  for (const [name, n] of Object.entries({ beamWidth, topPaths })) {
    if (!Number.isInteger(n) || n < 1) {
      throw new RangeError(`ctcDecode: expected \`${name}\` to be a positive integer. Received: ${describe(n)}`);
    }
  }
  if (strategy === "greedy") {
    return decodeOp([inputs, sequenceLengths], { strategy, beamWidth, topPaths, mergeRepeated, maskIndex });
  }
  if (strategy !== "beam_search") {
    throw new RangeError(
      `ctcDecode: expected \`strategy\` to be "greedy" or "beam_search". Received: ${describe(strategy)}`,
    );
  }
  expectNumbers("ctcDecode", [inputs, sequenceLengths], 'Use strategy "greedy", or decode what `predict` gives.');
  return searchBeams(readLogits("ctcDecode", inputs), sequenceLengths, { beamWidth, topPaths, maskIndex });
}

async function searchBeams(
  inputs: Value,
  sequenceLengths: TensorLike,
  how: { beamWidth: number; topPaths: number; maskIndex: number | null },
): Promise<[Tensor, Tensor]> {
  const [batch, time, classes] = inputs.shape as [number, number, number];
  const lengths = readLengths("ctcDecode", "sequenceLengths", sequenceLengths, batch);
  const logits = (await wrap(build.cast(inputs, "float32")).data()) as Float32Array;
  const counts = (await wrap(lengths).data()) as Int32Array;
  const { topPaths } = how;
  const paths = new Int32Array(topPaths * batch * time).fill(-1);
  const scores = new Float32Array(batch * topPaths).fill(Number.NEGATIVE_INFINITY);
  for (let b = 0; b < batch; b++) {
    const sample = logits.subarray(b * time * classes, (b + 1) * time * classes);
    const found = beamSearch(sample, { ...how, classes, length: counts[b]!, blank: how.maskIndex ?? classes - 1 });
    found.forEach(({ path, score }, k) => {
      paths.set(path, (k * batch + b) * time);
      scores[b * topPaths + k] = score;
    });
  }
  return [
    tensorFromHost(paths, [topPaths, batch, time], "int32"),
    tensorFromHost(scores, [batch, topPaths], "float32"),
  ];
}
