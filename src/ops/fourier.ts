/**
 * The discrete Fourier transform as IR values. A length is cut into factors of at most 64, each a product with a small
 * matrix (Cooley and Tukey's algorithm of mixed radix), so that a transform of n numbers costs about n · 64 · log n / log 64;
 * a large prime factor is turned into a convolution of a length that has factors (Bluestein). No engine needs an operator for
 * it, and gradients are those of matrix products.
 */
import { allocate, toElement } from "../core/dtype.ts";
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import { tensorFromHost } from "../runtime/tensor.ts";
import { isUnknownSize, num } from "./kit.ts";

/** Real and imaginary part; `null` is zero. */
export type Spectrum = readonly [re: Value, im: Value | null];

/** Largest matrix that a step multiplies by. */
const RADIX = 64;
/** Primes up to this are a product with one matrix. */
const DIRECT = 512;
/** Constants up to this size belong to the program; larger ones are arguments of it, so that programs stay small. */
const IN_PROGRAM = 4096;

const mul = (a: Value, b: Value): Value => build.binary("mul", a, b);
const add = (a: Value, b: Value): Value => build.binary("add", a, b);
const sub = (a: Value, b: Value): Value => build.binary("sub", a, b);

/** A table of numbers in the dtype of `like`. */
function table(values: Float64Array, shape: readonly number[], like: Value): Value {
  const data = allocate(like.dtype, values.length);
  values.forEach((x, i) => {
    (data as Float32Array)[i] = toElement(like.dtype, x) as number;
  });
  if (values.length <= IN_PROGRAM) return build.constant(data, shape, like.dtype);
  return tensorFromHost(data, shape, like.dtype).node;
}

/** cos and sin of sign · 2π · (row · column) / n, for rows × columns. */
function roots(rows: number, columns: number, n: number, sign: number, like: Value): [Value, Value] {
  const [re, im] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const angle = (sign * 2 * Math.PI * ((r * c) % n)) / n;
      re[r * columns + c] = Math.cos(angle);
      im[r * columns + c] = Math.sin(angle);
    }
  }
  return [table(re, [rows, columns], like), table(im, [rows, columns], like)];
}

/** A complex product by `times`, which multiplies real values. */
function complexProduct([a, b]: Spectrum, [c, d]: readonly [Value, Value], times: typeof mul): [Value, Value] {
  if (!b) return [times(a, c), times(a, d)];
  return [sub(times(a, c), times(b, d)), add(times(a, d), times(b, c))];
}

/** The largest divisor of n up to the radix. */
function factorOf(n: number): number {
  for (let d = Math.min(RADIX, n); d > 1; d--) if (n % d === 0) return d;
  return 1;
}

const both = ([re, im]: Spectrum, f: (x: Value) => Value): Spectrum => [f(re), im && f(im)];

/** Σ x[j] e^(sign · 2πi · jk / n) along the last axis, without a factor. */
export function transform(x: Spectrum, sign: 1 | -1): [Value, Value] {
  const n = x[0].shape.at(-1)!;
  const outer = x[0].shape.slice(0, -1);
  if (isUnknownSize(n)) {
    // The factors depend on a length that is not known; the result's shape does not.
    const like = (): Value => inputValue(x[0], "transform");
    return [like(), like()];
  }
  if (n <= RADIX) return complexProduct(x, roots(n, n, n, sign, x[0]), (a, m) => rowsTimes(a, m));
  const n1 = factorOf(n);
  if (n1 === 1 && n <= DIRECT) return complexProduct(x, roots(n, n, n, sign, x[0]), (a, m) => rowsTimes(a, m));
  if (n1 === 1) return bluestein(x, sign);
  const n2 = n / n1;
  // j = j1 · n2 + j2, k = k1 + n1 · k2: over j1 first, then turned by e^(2πi j2 k1 / n), then over j2.
  const grid = both(x, (v) => build.reshape(v, [...outer, n1, n2]));
  const columns = complexProduct(grid, roots(n1, n1, n1, sign, x[0]), (a, m) => build.matmul(m, a));
  const turned = complexProduct(columns, roots(n1, n2, n, sign, x[0]), mul);
  const rows = transform(turned, sign);
  const rank = outer.length + 2;
  const swap = [...outer.map((_, i) => i), rank - 1, rank - 2];
  return rows.map((v) => build.reshape(build.transpose(v, swap), [...outer, n])) as [Value, Value];
}

/** (…, n) times (n, m), as one product. */
function rowsTimes(x: Value, matrix: Value): Value {
  const outer = x.shape.slice(0, -1);
  const rows = outer.reduce((a, b) => a * b, 1);
  const flat = build.matmul(build.reshape(x, [rows, x.shape.at(-1)!]), matrix);
  return build.reshape(flat, [...outer, matrix.shape[1]!]);
}

/**
 * A transform of any length as a convolution: jk = (j² + k² - (k - j)²) / 2, so that X[k] is a chirp times the convolution of
 * x · chirp with the conjugate chirp, and a convolution is a product of transforms of a power of two.
 */
function bluestein(x: Spectrum, sign: 1 | -1): [Value, Value] {
  const n = x[0].shape.at(-1)!;
  const m = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const [re, im] = [new Float64Array(n), new Float64Array(n)];
  const [chirpRe, chirpIm] = [new Float64Array(m), new Float64Array(m)];
  for (let j = 0; j < n; j++) {
    const angle = (sign * Math.PI * ((j * j) % (2 * n))) / n;
    [re[j], im[j]] = [Math.cos(angle), Math.sin(angle)];
    for (const place of j === 0 ? [0] : [j, m - j]) {
      chirpRe[place] = re[j]!;
      chirpIm[place] = -im[j]!;
    }
  }
  const chirp: [Value, Value] = [table(re, [n], x[0]), table(im, [n], x[0])];
  const outer = x[0].shape.slice(0, -1);
  const none = outer.map(() => 0);
  const longer = complexProduct(x, chirp, mul).map((v) => build.pad(v, [...none, 0], [...none, m - n])) as [
    Value,
    Value,
  ];
  const kernel = transform([table(chirpRe, [m], x[0]), table(chirpIm, [m], x[0])], -1);
  const product = complexProduct(transform(longer, -1), kernel, mul);
  const back = transform(product, 1).map((v) => mul(build.slice(v, [...none, 0], [...outer, n]), num(1 / m, v))) as [
    Value,
    Value,
  ];
  return complexProduct(back, chirp, mul);
}

/** The same along another axis. */
export function transformAxis(x: Spectrum, axis: number, sign: 1 | -1): [Value, Value] {
  const last = x[0].shape.length - 1;
  if (axis === last) return transform(x, sign);
  const swap = x[0].shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
  const moved = transform(
    both(x, (v) => build.transpose(v, swap)),
    sign,
  );
  return moved.map((v) => build.transpose(v, swap)) as [Value, Value];
}

/** The last axis cut or filled with zeros to `size`. */
export function resized(x: Value, size: number): Value {
  const own = x.shape.at(-1)!;
  const outer = x.shape.slice(0, -1);
  const none = outer.map(() => 0);
  if (own >= size) return build.slice(x, [...none, 0], [...outer, size]);
  return build.pad(x, [...none, 0], [...none, size - own]);
}

/** Half the transform of real numbers: frequencies 0 to n / 2. */
export function realTransform(x: Value, n: number): [Value, Value] {
  const bins = Math.floor(n / 2) + 1;
  return transform([resized(x, n), null], -1).map((v) => resized(v, bins)) as [Value, Value];
}

/** Real numbers of which this is half the transform. */
export function inverseRealTransform([re, im]: readonly [Value, Value], n: number): Value {
  const bins = Math.floor(n / 2) + 1;
  const [a, b] = [resized(re, bins), resized(im, bins)];
  const outer = a.shape.slice(0, -1);
  const axis = outer.length;
  const mirror = (v: Value): Value => {
    const inner = build.slice(v, [...outer.map(() => 0), 1], [...outer, n - bins + 1]);
    return build.reverse(inner, [axis]);
  };
  const whole: Spectrum =
    n > bins ? [build.concat([a, mirror(a)], axis), build.concat([b, build.unary("neg", mirror(b))], axis)] : [a, b];
  return mul(transform(whole, 1)[0], num(1 / n, a));
}
