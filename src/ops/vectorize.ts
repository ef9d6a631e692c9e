/** `ops.vectorize`: a function of scalars or of small arrays made into one of larger arrays, with broadcasting. */
import { describe, ShapeError } from "../core/errors.ts";
import { broadcastShapes, formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { expectFunction } from "./carry.ts";
import { toTensor, wrap } from "./define.ts";
import { hasSymbolic, type Result, type TensorLike } from "./kerasTensor.ts";
import { isUnknownSize, readOptions } from "./kit.ts";
import { defineLoop, type LoopResults } from "./loopOp.ts";
import { mapAtOnce } from "./repeated.ts";
import { tensorLeaves, type WithLeaves, withLeaves } from "./structures.ts";
import { refusePromise } from "./traceBody.ts";

const WHERE = "vectorize";

/** Options of {@link vectorize}. */
export interface VectorizeOptions {
  /** Positions of arguments, counted from 0, that the function gets whole and as they are. @defaultValue none */
  excluded?: Iterable<number> | null;
  /**
   * Core dimensions of the arguments (without the excluded ones) and of the results, as in `"(n,m),(m)->(n)"`: what one call of
   * the function takes and returns. @defaultValue scalars as arguments, any results
   */
  signature?: string | null;
}

/** What may be given where the function takes a tensor. */
type Given<T> = T extends Tensor ? TensorLike : T;

/** What {@link vectorize} makes: the function on whole arrays, symbolic as soon as one of them is. */
export interface VectorizedFunction<A extends readonly unknown[], R> {
  <const G extends { readonly [K in keyof A]: Given<A[K]> } & readonly unknown[]>(
    ...args: G
  ): WithLeaves<R, Result<G[number]>>;
}

/** Names of core dimensions, argument by argument and result by result. */
interface Signature {
  readonly text: string;
  readonly inputs: readonly (readonly string[])[];
  readonly outputs: readonly (readonly string[])[];
}

const op = defineLoop("Vectorize", WHERE, {});

/**
 * Makes `pyfunc`, which takes scalars (or what `signature` says), a function of arrays of them.
 *
 * The dimensions before the core dimensions are loop dimensions: they broadcast against each other, the function is applied
 * along all of them at once as by `vectorizedMap`, and they come first in the results. What does not vary along a
 * dimension is not spread along it. Without a signature the function may return any structure of tensors of any shape;
 * with one it returns a tensor, or an array of as many tensors as the signature has results. `null` as an argument is handed
 * over as it is. Works on numbers, in compiled steps, in loops and in graphs; gradients go through it.
 *
 * @param pyfunc - Made of ops; it is traced, once where all of it can be done at once.
 * @throws RangeError for a signature that is none; TypeError for another number of arguments or results than it has; ShapeError
 *   for sizes that differ from it or do not broadcast.
 * @example
 * const product = ops.vectorize((m: Tensor, v: Tensor) => ops.matmul(m, v), { signature: "(n,m),(m)->(n)" });
 * product(ops.ones([2, 3]), ops.ones([4, 3])).shape; // [4, 2]
 * @see keras/src/ops/numpy.py `vectorize` (Keras 3.x): there are no arguments by name here, so `excluded` holds positions only.
 */
export function vectorize<A extends readonly unknown[], R>(
  pyfunc: (...args: A) => R,
  options?: VectorizeOptions,
): VectorizedFunction<A, R> {
  const { excluded, signature } = readOptions(WHERE, options, ["excluded", "signature"]);
  expectFunction(WHERE, "pyfunc", pyfunc);
  const kept = positionsOf(excluded);
  const parsed = parseSignature(signature);
  const fn = pyfunc as unknown as (...args: unknown[]) => unknown;
  return ((...args: readonly unknown[]) => {
    // What is handed over as it is may be anything: it stands in the graph only where it comes from there.
    const isStatic = args.map((arg, i) => kept.has(i) && !hasSymbolic(arg));
    const run = (...given: unknown[]): LoopResults =>
      applyAlong(
        fn,
        args.map((arg, i) => (isStatic[i] ? arg : given[i])),
        kept,
        parsed,
      );
    return op(
      args.map((arg, i) => (isStatic[i] ? null : arg)),
      run,
    );
  }) as unknown as VectorizedFunction<A, R>;
}

type OverTensors = (tensors: readonly Tensor[]) => unknown;

function applyAlong(
  fn: (...args: unknown[]) => unknown,
  args: readonly unknown[],
  kept: ReadonlySet<number>,
  signature: Signature | null,
): LoopResults {
  const varying = args.flatMap((_, i) => (kept.has(i) ? [] : [i]));
  if (signature && signature.inputs.length !== varying.length) {
    throw new TypeError(
      `${WHERE}: expected as many arguments as ${signatureName(signature)} has, ${signature.inputs.length}` +
        `${kept.size > 0 ? ", besides the excluded ones" : ""}. Received: ${varying.length}`,
    );
  }
  const given = varying.flatMap((position, i) => {
    const core = signature?.inputs[i] ?? [];
    const arg = args[position];
    if (arg !== null && arg !== undefined) {
      return [{ position, core, tensor: toTensor(arg, null, `${WHERE}: argument ${position}`) }];
    }
    if (core.length === 0) return [];
    throw new TypeError(
      `${WHERE}: expected a tensor for (${core.join(",")}) of ${signatureName(signature!)}. ` +
        `Received: ${String(arg)} as argument ${position}`,
    );
  });
  const sizes = new CoreSizes(signature);
  const loopShapes = given.map(({ position, core, tensor }) => sizes.take(tensor.shape, core, `argument ${position}`));
  const loop = loopShapes.reduce<readonly number[]>((a, b) => broadcastShapes(a, b, `${WHERE}: loop dimensions`), []);

  let along: OverTensors = (tensors) => {
    const call = [...args];
    given.forEach(({ position }, i) => {
      call[position] = tensors[i];
    });
    const result = fn(...call);
    refusePromise(WHERE, "`pyfunc`", result);
    if (signature) checkResults(signature, sizes, result);
    return result;
  };
  // From the last loop dimension, the innermost loop, to the first; only what varies along it is taken apart.
  let depth = 0;
  for (let axis = -1; axis >= -loop.length; axis--) {
    const moves = loopShapes.map((shape) => (shape.at(axis) ?? 1) !== 1);
    if (!moves.includes(true)) continue;
    along = oneAxis(along, moves);
    depth++;
  }
  const result = along(
    given.map(({ tensor, core }, i) => {
      const own = loopShapes[i]!.filter((size) => size !== 1);
      return wrap(build.reshape(tensor.node, [...own, ...tensor.shape.slice(tensor.ndim - core.length)]));
    }),
  );
  const leaves = tensorLeaves(result, WHERE, "result").map((t) =>
    wrap(build.reshape(t.node, [...loop, ...t.shape.slice(depth)])),
  );
  return { structure: result, leaves };
}

/** `inner` along the first axis of those tensors that move. */
function oneAxis(inner: OverTensors, moves: readonly boolean[]): OverTensors {
  return (tensors) => {
    const moving = tensors.filter((_, i) => moves[i]);
    const { structure, leaves } = mapAtOnce(
      WHERE,
      (elements) => {
        let next = 0;
        return inner(tensors.map((t, i) => (moves[i] ? (elements as readonly Tensor[])[next++]! : t)));
      },
      moving,
    );
    return withLeaves(structure, leaves);
  };
}

/** Sizes of core dimensions by name, gathered from arguments and compared with each other. */
class CoreSizes {
  readonly #signature: Signature | null;
  readonly #known: Map<string, { readonly size: number; readonly what: string }>;

  constructor(signature: Signature | null, known: CoreSizes | null = null) {
    this.#signature = signature;
    this.#known = new Map(known ? known.#known : []);
  }

  /** Compares the last sizes of a shape with what is known of their names; returns the sizes before them. */
  take(shape: readonly number[], core: readonly string[], what: string): readonly number[] {
    const ndim = shape.length - core.length;
    if (ndim < 0) {
      throw new ShapeError(
        `${WHERE}: ${what} has too few dimensions for (${core.join(",")}) of ${signatureName(this.#signature!)}. ` +
          `Received: shape ${formatShape(shape)}`,
      );
    }
    core.forEach((name, i) => {
      const size = shape[ndim + i]!;
      const before = this.#known.get(name);
      if (before === undefined || isUnknownSize(before.size)) {
        this.#known.set(name, { size, what });
      } else if (size !== before.size && !isUnknownSize(size)) {
        throw new ShapeError(
          `${WHERE}: core dimension "${name}" of ${signatureName(this.#signature!)} has size ${before.size} in ` +
            `${before.what}, but ${size} in ${what}. Received: ${what} with shape ${formatShape(shape)}`,
        );
      }
    });
    return shape.slice(0, ndim);
  }
}

/** @throws unless a call returned what the signature says. */
function checkResults(signature: Signature, sizes: CoreSizes, result: unknown): void {
  const { outputs } = signature;
  const results: readonly unknown[] = Array.isArray(result) ? result : [result];
  if (results.length !== outputs.length) {
    throw new TypeError(
      `${WHERE}: \`pyfunc\` must return ${outputs.length === 1 ? "one tensor" : `an array of ${outputs.length} tensors`}, ` +
        `for ${signatureName(signature)}. Received: ` +
        (Array.isArray(result) ? `an array of ${results.length}` : describe(result)),
    );
  }
  const own = new CoreSizes(signature, sizes);
  results.forEach((x, i) => {
    const { shape } = toTensor(x, null, `${WHERE}: result ${i}`);
    if (shape.length !== outputs[i]!.length) {
      throw new ShapeError(
        `${WHERE}: \`pyfunc\` must return shape (${outputs[i]!.join(",")}) as result ${i}, for ${signatureName(signature)}. ` +
          `Received: shape ${formatShape(shape)}`,
      );
    }
    own.take(shape, outputs[i]!, `result ${i}`);
  });
}

const signatureName = ({ text }: Signature): string => `the signature "${text}"`;

// https://numpy.org/doc/stable/reference/c-api/generalized-ufuncs.html
const ONE = String.raw`\((?:\w+(?:,\w+)*)?\)`;
const SIGNATURE = new RegExp(`^(${ONE}(?:,${ONE})*)->(${ONE}(?:,${ONE})*)$`);

function parseSignature(signature: unknown): Signature | null {
  if (signature === null || signature === undefined) return null;
  const match = typeof signature === "string" ? SIGNATURE.exec(signature.replaceAll(/\s/g, "")) : null;
  if (!match) {
    const ErrorClass = typeof signature === "string" ? RangeError : TypeError;
    throw new ErrorClass(
      `${WHERE}: expected \`signature\` to name core dimensions of arguments and results, like "(n,m),(m)->(n)". ` +
        `Received: ${describe(signature)}`,
    );
  }
  const dimensions = (list: string): string[][] =>
    [...list.matchAll(new RegExp(ONE, "g"))].map(([one]) => one.match(/\w+/g) ?? []);
  return { text: signature as string, inputs: dimensions(match[1]!), outputs: dimensions(match[2]!) };
}

function positionsOf(excluded: unknown): ReadonlySet<number> {
  if (excluded === null || excluded === undefined) return new Set();
  const isList = typeof excluded === "object" && Symbol.iterator in excluded;
  const list: readonly unknown[] = isList ? [...(excluded as Iterable<unknown>)] : [excluded];
  for (const position of list) {
    if (isList && typeof position === "number" && Number.isInteger(position) && position >= 0) continue;
    throw new TypeError(
      `${WHERE}: expected \`excluded\` to hold positions of arguments, integers from 0, as in [1]. ` +
        `Received: ${describe(isList ? position : excluded)}`,
    );
  }
  return new Set(list as readonly number[]);
}
