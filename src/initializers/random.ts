/**
 * Random initializers. One instance gives the same values for the same shape each time it is called, as in Keras: its
 * seed is fixed when it is made. Without a seed it is drawn from the generator that `setRandomSeed` seeds.
 */
import { callable } from "../core/callable.ts";
import { floatx } from "../core/config.ts";
import { allocate, convertArray, type DType, isFloat, type TypedArray, toElement } from "../core/dtype.ts";
import { checkOptions, DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, type StaticShape, sizeOf } from "../core/shape.ts";
import {
  type FloatArray,
  fillNormal,
  fillTruncatedNormal,
  fillUniform,
  hostNormal,
  significantBits,
} from "../random/hostRandom.ts";
import { makeDefaultSeed } from "../random/seedGenerator.ts";
import { type Tensor, tensorFromFunction } from "../runtime/tensor.ts";
import { Initializer } from "./initializer.ts";

const MODULE = "keras.initializers";

/** Options of every random initializer. */
export interface SeedOption {
  /** The same seed gives the same values. @defaultValue drawn when the initializer is made */
  seed?: number | null;
}

abstract class RandomInitializer extends Initializer {
  static readonly configKeys: Readonly<Record<string, string>> = { seed: "seed" };
  /** The seed as given: `null` is what files then say. */
  readonly seed: number | null;
  /** The seed in use: the given one, or the one that was drawn. */
  readonly drawnSeed: number;

  constructor(where: string, options: SeedOption, known: readonly string[]) {
    super();
    checkOptions(where, options, ["seed", ...known]);
    const seed = options.seed ?? null;
    if (seed !== null && !Number.isInteger(seed)) {
      throw new TypeError(`${where}: expected \`seed\` to be an integer or null. Received: ${describe(seed)}`);
    }
    this.seed = seed;
    this.drawnSeed = seed ?? makeDefaultSeed();
  }
}

/**
 * A tensor of numbers that are drawn when they are first needed: on the host, where one pass over a large kernel is enough,
 * no program has to be compiled, and weights that a file replaces cost nothing.
 */
function drawn(
  initializer: RandomInitializer,
  shape: StaticShape,
  dtype: DType,
  fill: (out: FloatArray, seed: number) => FloatArray,
): Tensor {
  if (!isFloat(dtype)) {
    throw new DTypeError(`${nameOf(initializer)}: expected a float dtype. Received: ${describe(dtype)}`);
  }
  const wide = dtype === "float64" ? "float64" : "float32";
  const seed = initializer.drawnSeed;
  const make = () => convertArray(fill(allocate(wide, sizeOf(shape)) as FloatArray, seed), wide, dtype);
  return tensorFromFunction(make, shape, dtype);
}

const uniform = (
  initializer: RandomInitializer,
  shape: StaticShape,
  dtype: DType,
  minval: number,
  maxval: number,
): Tensor =>
  drawn(initializer, shape, dtype, (out, seed) => fillUniform(out, seed, minval, maxval, significantBits(dtype)));

const nameOf = (initializer: object): string => (initializer.constructor as unknown as { className: string }).className;

export interface NormalOptions extends SeedOption {
  /** @defaultValue `0` */
  mean?: number;
  /** @defaultValue `0.05` */
  stddev?: number;
}

class RandomNormalBase extends RandomInitializer {
  static readonly className: string = "RandomNormal";
  static readonly modulePath: string = MODULE;
  static override readonly configKeys = { seed: "seed", mean: "mean", stddev: "stddev" };
  readonly mean: number;
  readonly stddev: number;

  constructor(options: NormalOptions = {}) {
    super(new.target.className, options, ["mean", "stddev"]);
    this.mean = options.mean ?? 0;
    this.stddev = options.stddev ?? 0.05;
  }

  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    return drawn(this, shape, dtype, (out, seed) => fillNormal(out, seed, this.mean, this.stddev));
  }
}

class TruncatedNormalBase extends RandomNormalBase {
  static override readonly className = "TruncatedNormal";
  static override readonly modulePath = MODULE;

  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    return drawn(this, shape, dtype, (out, seed) => fillTruncatedNormal(out, seed, this.mean, this.stddev));
  }
}

export interface UniformOptions extends SeedOption {
  /** @defaultValue `-0.05` */
  minval?: number;
  /** @defaultValue `0.05` */
  maxval?: number;
}

class RandomUniformBase extends RandomInitializer {
  static readonly className = "RandomUniform";
  static readonly modulePath = MODULE;
  static override readonly configKeys = { seed: "seed", minval: "minval", maxval: "maxval" };
  readonly minval: number;
  readonly maxval: number;

  constructor(options: UniformOptions = {}) {
    super("RandomUniform", options, ["minval", "maxval"]);
    this.minval = options.minval ?? -0.05;
    this.maxval = options.maxval ?? 0.05;
  }

  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    return uniform(this, shape, dtype, this.minval, this.maxval);
  }
}

type Mode = "fan_in" | "fan_out" | "fan_avg";
type Distribution = "uniform" | "truncated_normal" | "untruncated_normal";

export interface FanOptions extends SeedOption {
  /** Axes that count as inputs, for kernels of unusual layout. @defaultValue `null` */
  inputAxes?: readonly number[] | null;
  /** Axes that count as outputs. @defaultValue `null` */
  outputAxes?: readonly number[] | null;
}

export interface VarianceScalingOptions extends FanOptions {
  /** @defaultValue `1` */
  scale?: number;
  /** @defaultValue `"fan_in"` */
  mode?: Mode;
  /** @defaultValue `"truncated_normal"` */
  distribution?: Distribution | "normal";
}

const product = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1);

/**
 * Numbers of inputs and outputs that a weight of this shape connects.
 *
 * @see keras/src/initializers/random_initializers.py `compute_fans` (Keras 3.x)
 */
export function computeFans(
  shape: StaticShape,
  inputAxes: readonly number[] | null = null,
  outputAxes: readonly number[] | null = null,
): [fanIn: number, fanOut: number] {
  if (inputAxes && outputAxes) {
    return [product(inputAxes.map((a) => shape.at(a)!)), product(outputAxes.map((a) => shape.at(a)!))];
  }
  if (shape.length === 0) return [1, 1];
  if (shape.length === 1) return [shape[0]!, shape[0]!];
  const receptive = product(shape.slice(0, -2));
  return [shape.at(-2)! * receptive, shape.at(-1)! * receptive];
}

/** Standard deviation of a unit normal cut at two standard deviations. */
const TRUNCATED_STDDEV = 0.87962566103423978;

class VarianceScalingBase extends RandomInitializer {
  static readonly className: string = "VarianceScaling";
  static readonly modulePath: string = MODULE;
  static override readonly configKeys: Readonly<Record<string, string>> = {
    seed: "seed",
    scale: "scale",
    mode: "mode",
    distribution: "distribution",
    inputAxes: "input_axes",
    outputAxes: "output_axes",
  };
  readonly scale: number;
  readonly mode: Mode;
  readonly distribution: Distribution;
  readonly inputAxes: readonly number[] | null;
  readonly outputAxes: readonly number[] | null;

  constructor(
    options: VarianceScalingOptions = {},
    where = "VarianceScaling",
    known: readonly string[] = ["scale", "mode", "distribution"],
  ) {
    super(where, options, ["inputAxes", "outputAxes", ...known]);
    const { scale = 1, mode = "fan_in", distribution = "truncated_normal" } = options;
    if (!(scale > 0)) throw new RangeError(`${where}: expected \`scale\` to be positive. Received: ${describe(scale)}`);
    if (!["fan_in", "fan_out", "fan_avg"].includes(mode)) {
      throw new RangeError(
        `${where}: expected \`mode\` to be "fan_in", "fan_out" or "fan_avg". Received: ${describe(mode)}`,
      );
    }
    const standard = distribution === "normal" ? "truncated_normal" : distribution;
    if (!["uniform", "truncated_normal", "untruncated_normal"].includes(standard)) {
      throw new RangeError(
        `${where}: expected \`distribution\` to be "uniform", "truncated_normal" or "untruncated_normal". Received: ${describe(distribution)}`,
      );
    }
    this.scale = scale;
    this.mode = mode;
    this.distribution = standard;
    this.inputAxes = options.inputAxes ?? null;
    this.outputAxes = options.outputAxes ?? null;
  }

  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    const [fanIn, fanOut] = computeFans(shape, this.inputAxes, this.outputAxes);
    const fan = { fan_in: fanIn, fan_out: fanOut, fan_avg: (fanIn + fanOut) / 2 }[this.mode];
    const scale = this.scale / Math.max(1, fan);
    if (this.distribution === "uniform") {
      const limit = Math.sqrt(3 * scale);
      return uniform(this, shape, dtype, -limit, limit);
    }
    if (this.distribution === "truncated_normal") {
      const stddev = Math.sqrt(scale) / TRUNCATED_STDDEV;
      return drawn(this, shape, dtype, (out, seed) => fillTruncatedNormal(out, seed, 0, stddev));
    }
    return drawn(this, shape, dtype, (out, seed) => fillNormal(out, seed, 0, Math.sqrt(scale)));
  }
}

/** The named special cases differ in three constants and write only their own keys. */
function scaled(className: string, scale: number, mode: Mode, distribution: Distribution) {
  return callable(
    class extends VarianceScalingBase {
      static override readonly className = className;
      static override readonly modulePath = MODULE;
      constructor(options: FanOptions = {}) {
        super({ ...options, scale, mode, distribution }, className);
      }
      override getConfig(): Record<string, unknown> {
        return { seed: this.seed, input_axes: this.inputAxes, output_axes: this.outputAxes };
      }
    },
  );
}

export interface OrthogonalOptions extends SeedOption {
  /** Multiplies the matrix. @defaultValue `1` */
  gain?: number;
}

class OrthogonalBase extends RandomInitializer {
  static readonly className = "Orthogonal";
  static readonly modulePath = MODULE;
  static override readonly configKeys = { seed: "seed", gain: "gain" };
  readonly gain: number;

  constructor(options: OrthogonalOptions = {}) {
    super("Orthogonal", options, ["gain"]);
    this.gain = options.gain ?? 1;
  }

  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    if (shape.length < 2)
      throw new ShapeError(`Orthogonal: expected a shape of rank 2 or more. Received: ${formatShape(shape)}`);
    return tensorFromFunction(() => this.#matrix(shape, dtype), shape, dtype);
  }

  #matrix(shape: StaticShape, dtype: DType): TypedArray {
    const columns = shape.at(-1)!;
    const rows = product(shape.slice(0, -1));
    const [tall, wide] = [Math.max(rows, columns), Math.min(rows, columns)];
    const q = orthonormalColumns(hostNormal(this.drawnSeed, tall * wide), tall, wide);
    const data = allocate(dtype, sizeOf(shape));
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const value = rows < columns ? q[j * wide + i]! : q[i * wide + j]!;
        (data as Float32Array)[i * columns + j] = toElement(dtype, this.gain * value) as number;
      }
    }
    return data;
  }
}

/**
 * Q of the QR decomposition with a positive diagonal of R, row-major (rows, columns): modified Gram-Schmidt, done twice so
 * that columns stay orthogonal to rounding.
 */
function orthonormalColumns(source: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const q = Float64Array.from(source);
  const dot = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += q[i * columns + a]! * q[i * columns + b]!;
    return sum;
  };
  for (let j = 0; j < columns; j++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < j; k++) {
        const projection = dot(k, j);
        for (let i = 0; i < rows; i++) q[i * columns + j]! -= projection * q[i * columns + k]!;
      }
    }
    const norm = Math.sqrt(dot(j, j));
    for (let i = 0; i < rows; i++) q[i * columns + j]! /= norm;
  }
  return q;
}

/** Normal distribution. */
export const RandomNormal = callable(RandomNormalBase);
export type RandomNormal = RandomNormalBase;
/** Normal distribution cut at two standard deviations. */
export const TruncatedNormal = callable(TruncatedNormalBase);
export type TruncatedNormal = TruncatedNormalBase;
/** Uniform distribution. */
export const RandomUniform = callable(RandomUniformBase);
export type RandomUniform = RandomUniformBase;
/** Variance scaled by the number of connections. He et al. 2015, Glorot & Bengio 2010. */
export const VarianceScaling = callable(VarianceScalingBase);
export type VarianceScaling = VarianceScalingBase;
export const GlorotUniform = scaled("GlorotUniform", 1, "fan_avg", "uniform");
export const GlorotNormal = scaled("GlorotNormal", 1, "fan_avg", "truncated_normal");
export const HeUniform = scaled("HeUniform", 2, "fan_in", "uniform");
export const HeNormal = scaled("HeNormal", 2, "fan_in", "truncated_normal");
export const LecunUniform = scaled("LecunUniform", 1, "fan_in", "uniform");
export const LecunNormal = scaled("LecunNormal", 1, "fan_in", "truncated_normal");
/** Matrix with orthonormal rows or columns. Saxe et al. 2014. */
export const Orthogonal = callable(OrthogonalBase);
export type Orthogonal = OrthogonalBase;
