/**
 * Gradients compared with central differences, in float64 on the reference backend. For tests of gradient rules, layers
 * and losses: what is differentiated is traced, so nothing here touches the backend that runs the rest.
 */

import { gradients } from "../autodiff/gradients.ts";
import type { Backend, BackendBuffer, Executable } from "../backend/contract.ts";
import { createReferenceBackend } from "../backend/reference/index.ts";
import { isFloat, type TypedArray } from "../core/dtype.ts";
import { type StaticShape, sizeOf } from "../core/shape.ts";
import * as b from "../ir/build.ts";
import { freeLeaves, makeProgram } from "../ir/program.ts";
import { inputValue, type Value, type ValueType } from "../ir/value.ts";
import type { TensorBuffer } from "../runtime/buffer.ts";
import { Tensor } from "../runtime/tensor.ts";
import { closeFailure } from "./allClose.ts";

/** A tensor to differentiate at: float64 numbers and their shape. Other dtypes are passed on and held fixed. */
export interface CheckedInput {
  readonly data: readonly number[] | TypedArray;
  readonly shape: StaticShape;
}

export interface GradCheckOptions {
  /** 2 checks the gradient of the gradient too. @defaultValue `1` */
  readonly order?: 1 | 2;
  /** Step of the differences, relative to elements larger than 1. @defaultValue `1e-5` */
  readonly step?: number;
  /** @defaultValue `1e-7` */
  readonly atol?: number;
  /** @defaultValue `1e-6` */
  readonly rtol?: number;
  /** Named in the failure. */
  readonly label?: string;
}

type ValueFunction = (inputs: readonly Value[]) => readonly Value[];

/** Weights that favour no element, so that errors do not cancel: the golden ratio's multiples, from −1 to 1. */
const weightsFor = (n: number, seed: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => 2 * (((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927) % 1) - 1);

/** Σ weights · outputs, over outputs that are floats. */
function weightedSum(outputs: readonly Value[], seed: number): Value {
  const terms = outputs.flatMap((y, i) => {
    if (!isFloat(y.dtype)) return [];
    const weights = b.constant(weightsFor(sizeOf(y.shape), seed + i), y.shape, "float64");
    const product = b.binary("mul", b.cast(y, "float64"), weights);
    return [
      b.reduce(
        "reduce_sum",
        product,
        y.shape.map((_, axis) => axis),
      ),
    ];
  });
  return terms.reduce((x, y) => b.binary("add", x, y), b.scalar(0, "float64"));
}

/** A program on the reference backend, fed with numbers; buffers that the function closes over are fed as they are. */
class Evaluator {
  readonly #backend: Backend;
  readonly #executable: Executable;
  readonly #types: readonly ValueType[];
  readonly #captured: readonly BackendBuffer[];

  private constructor(
    backend: Backend,
    executable: Executable,
    types: readonly ValueType[],
    captured: BackendBuffer[],
  ) {
    this.#backend = backend;
    this.#executable = executable;
    this.#types = types;
    this.#captured = captured;
  }

  static async create(backend: Backend, inputs: readonly Value[], outputs: readonly Value[]): Promise<Evaluator> {
    const leaves = freeLeaves(outputs, new Set(inputs));
    const captured: BackendBuffer[] = [];
    for (const leaf of leaves) {
      if (leaf.source.kind !== "buffer") throw new Error("gradCheck: the function uses an input that is not its own");
      captured.push(backend.upload(await (leaf.source.buffer as TensorBuffer).host(), leaf.shape, leaf.dtype));
    }
    const executable = await backend.compile(makeProgram([...inputs, ...leaves], outputs), { label: "gradCheck" });
    return new Evaluator(backend, executable, inputs, captured);
  }

  async run(data: readonly TypedArray[]): Promise<Float64Array[]> {
    const given = data.map((d, i) => this.#backend.upload(d, this.#types[i]!.shape, this.#types[i]!.dtype));
    const results = await this.#executable.run([...given, ...this.#captured]);
    return Promise.all(results.map(async (r) => (await this.#backend.download(r)) as Float64Array));
  }
}

interface Point {
  readonly data: TypedArray;
  readonly type: ValueType;
}

async function checkOnce(
  f: ValueFunction,
  point: readonly Point[],
  options: GradCheckOptions,
  seed: number,
): Promise<string | null> {
  const { step = 1e-5, atol = 1e-7, rtol = 1e-6, label = "gradient" } = options;
  const backend = await createReferenceBackend();
  const inputs = point.map(({ type }, i) => inputValue(type, `x${i}`));
  const sum = weightedSum(f(inputs), seed);
  const floats = inputs.filter((x) => isFloat(x.dtype));
  const found = gradients([sum], [b.scalar(1, "float64")], floats);
  const values = await Evaluator.create(backend, inputs, [sum]);
  const analytic = await Evaluator.create(
    backend,
    inputs,
    found.map((g, i) => g ?? b.full(0, floats[i]!.shape, "float64")),
  );
  const data = point.map((p) => p.data.slice() as TypedArray);
  const slopes = await analytic.run(data);
  const failures: string[] = [];
  for (const [k, input] of floats.entries()) {
    const at = inputs.indexOf(input);
    const numeric: number[] = [];
    for (let j = 0; j < point[at]!.data.length; j++) {
      const x = Number(point[at]!.data[j]);
      const h = step * Math.max(1, Math.abs(x));
      const valueAt = async (moved: number): Promise<number> => {
        const shifted = data.map((d) => d.slice() as TypedArray);
        shifted[at]![j] = moved;
        return (await values.run(shifted))[0]![0]!;
      };
      numeric.push(((await valueAt(x + h)) - (await valueAt(x - h))) / (2 * h));
    }
    const failure = closeFailure(slopes[k]!, numeric, { dtype: "float64", atol, rtol, label: `${label}, input ${at}` });
    if (failure) failures.push(failure);
  }
  return failures.length > 0 ? failures.join("\n") : null;
}

/** The gradient of a weighted sum of f's outputs, as a function: its gradient is a product with the second derivatives. */
function derivative(f: ValueFunction): ValueFunction {
  return (inputs) => {
    const floats = inputs.filter((x) => isFloat(x.dtype));
    const found = gradients([weightedSum(f(inputs), 0)], [b.scalar(1, "float64")], floats);
    return found.flatMap((g) => (g ? [g] : []));
  };
}

/** What is wrong with the gradients of a function of IR values at a point, or `null`. */
export async function gradientFailure(
  f: ValueFunction,
  point: readonly Point[],
  options: GradCheckOptions = {},
): Promise<string | null> {
  const first = await checkOnce(f, point, options, 0);
  if (first !== null || options.order !== 2) return first;
  return checkOnce(derivative(f), point, { ...options, label: `${options.label ?? "gradient"}, second order` }, 5);
}

/**
 * Fails the test unless the gradients of `f` with respect to every argument agree with central differences.
 *
 * @param f - A function of tensors, of one result or several; results that are not floats are ignored. It should be
 *   smooth within a step of the point, and may read variables, which are held fixed.
 * @param inputs - The point: one float64 tensor per argument. Nested arrays are not taken, so that shapes are plain.
 * @example
 * await gradCheck((x) => ops.tanh(x), [{ data: [0.5, -1], shape: [2] }], { order: 2 });
 */
export async function gradCheck(
  f: (...xs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly CheckedInput[],
  options: GradCheckOptions = {},
): Promise<void> {
  const onValues: ValueFunction = (values) => [f(...values.map((v) => new Tensor(v)))].flat().map((t) => t.node);
  const point = inputs.map(
    ({ data, shape }): Point => ({
      data: Float64Array.from(data as ArrayLike<number>),
      type: { shape, dtype: "float64" },
    }),
  );
  const failure = await gradientFailure(onValues, point, options);
  if (failure !== null) throw new Error(failure);
}
