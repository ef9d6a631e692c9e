/** Fourier transforms as ops (`keras.ops.math`). Complex arguments and results are pairs [real, imaginary]. */
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { inputValue, type Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { sequencePositions } from "./blocks.ts";
import { type Complex, type ComplexResult, complexParts } from "./complex.ts";
import { fromValues } from "./creation.ts";
import { defineOp, toFloat, toTensor, wrap } from "./define.ts";
import { inverseRealTransform, realTransform, transform, transformAxis } from "./fourier.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { isHalf, isUnknownSize, num, readOptions } from "./kit.ts";

/** Floats of at least 32 bits, of rank `least` or more. */
function ready(where: string, x: Value, least = 1): Value {
  if (x.shape.length < least) {
    throw new ShapeError(
      `${where}: expected a tensor of rank ${least} or more. Received: shape ${formatShape(x.shape)}`,
    );
  }
  if (x.shape.slice(-least).includes(0)) {
    throw new ShapeError(`${where}: nothing to transform. Received: shape ${formatShape(x.shape)}`);
  }
  return isHalf(x.dtype) ? build.cast(x, "float32") : x;
}

const pairOf = (where: string, x: unknown, least = 1): [Value, Value] =>
  complexParts(x, where).map((v) => ready(where, v, least)) as [Value, Value];

const fftOp = defineOp("FFT", "math", {}, ([x]) => transform(pairOf("fft", x), -1).map(wrap));
/** Fourier transform along the last axis: X[k] = Σ x[j] e^(-2πi jk / n). */
export function fft<A extends TensorLike>(x: Complex<A>): ComplexResult<A> {
  return fftOp([x]) as ComplexResult<A>;
}

function planes(x: readonly [Value, Value], sign: 1 | -1): [Value, Value] {
  const rank = x[0].shape.length;
  return transformAxis(transform(x, sign), rank - 2, sign);
}
const fft2Op = defineOp("FFT2", "math", {}, ([x]) => planes(pairOf("fft2", x, 2), -1).map(wrap));
/** Fourier transform over the last two axes. */
export function fft2<A extends TensorLike>(x: Complex<A>): ComplexResult<A> {
  return fft2Op([x]) as ComplexResult<A>;
}
const ifft2Op = defineOp("IFFT2", "math", {}, ([x]) => {
  const pair = pairOf("ifft2", x, 2);
  const size = pair[0].shape.at(-1)! * pair[0].shape.at(-2)!;
  return planes(pair, 1).map((v) => wrap(build.binary("mul", v, num(1 / size, v))));
});
/** The inverse of `fft2`. */
export function ifft2<A extends TensorLike>(x: Complex<A>): ComplexResult<A> {
  return ifft2Op([x]) as ComplexResult<A>;
}

function checkLength(where: string, name: string, n: unknown): void {
  if (!Number.isInteger(n) || (n as number) < 1) {
    throw new RangeError(`${where}: expected \`${name}\` to be a positive integer. Received: ${describe(n)}`);
  }
}

const LENGTH_KEYS = { fftLength: "fft_length" };
interface LengthOption {
  /** Length of the real signal, cut or filled with zeros. @defaultValue that of x */
  fftLength?: number | null;
}
const rfftOp = defineOp("RFFT", "math", LENGTH_KEYS, ([x], s) => {
  const value = ready("rfft", toFloat(x, "rfft"));
  return realTransform(value, (s.fftLength as number | null) ?? value.shape.at(-1)!).map(wrap);
});
/** Fourier transform of real numbers along the last axis: the frequencies from 0 to n / 2. (…, n) → (…, n / 2 + 1), twice */
export function rfft<A extends TensorLike>(x: A, options?: LengthOption): ComplexResult<A> {
  const { fftLength = null } = readOptions("rfft", options, ["fftLength"]);
  if (fftLength !== null) checkLength("rfft", "fftLength", fftLength);
  return rfftOp([x], { fftLength }) as ComplexResult<A>;
}

const irfftOp = defineOp("IRFFT", "math", LENGTH_KEYS, ([x], s) => {
  const pair = pairOf("irfft", x);
  return wrap(
    inverseRealTransform(pair, (s.fftLength as number | null) ?? Math.max(1, 2 * (pair[0].shape.at(-1)! - 1))),
  );
});
/** The inverse of `rfft`; `fftLength` tells odd lengths from even ones. (…, m), (…, m) → (…, 2 (m - 1)) */
export function irfft<A extends TensorLike>(x: Complex<A>, options?: LengthOption): Result<A> {
  const { fftLength = null } = readOptions("irfft", options, ["fftLength"]);
  if (fftLength !== null) checkLength("irfft", "fftLength", fftLength);
  return irfftOp([x], { fftLength }) as Result<A>;
}

/** What a frame is multiplied with: a name, numbers, or nothing. */
export type FrameWindow = "hann" | "hamming" | readonly number[] | Tensor | null;

/** A window of a frame's length, periodic as spectra need it, in the middle of `fftLength` zeros; or ones. */
function windowValue(where: string, window: unknown, length: number, fftLength: number, like: Value): Value {
  if (window === null) return build.full(1, [fftLength], like.dtype);
  const low = Math.floor((fftLength - length) / 2);
  let value: Value;
  if (typeof window === "string") {
    const edge = { hann: 0.5, hamming: 0.54 }[window];
    if (edge === undefined) {
      throw new RangeError(
        `${where}: expected \`window\` to be "hann", "hamming", numbers or null. Received: ${describe(window)}`,
      );
    }
    const at = (i: number): number => edge - (1 - edge) * Math.cos((2 * Math.PI * i) / length);
    value = fromValues(
      Array.from({ length }, (_, i) => at(i)),
      [length],
      like.dtype,
    ).node;
  } else {
    value = toTensor(window, like.dtype, where).node;
    if (value.shape.length !== 1 || value.shape[0] !== length) {
      throw new ShapeError(
        `${where}: expected \`window\` to have one number per element of a frame, of ${length}. Received: shape ${formatShape(value.shape)}`,
      );
    }
  }
  return build.pad(value, [low], [fftLength - length - low]);
}

interface FrameOptions {
  /** @defaultValue `"hann"` */
  window?: FrameWindow;
  /** Whether frame t is centred on sample t · stride: the signal is reflected at its ends. @defaultValue `true` */
  center?: boolean;
}

const FRAME_KEYS = {
  sequenceLength: "sequence_length",
  sequenceStride: "sequence_stride",
  fftLength: "fft_length",
  window: "window",
  center: "center",
};

function checkFrames(where: string, sequenceLength: number, sequenceStride: number, fftLength: number): void {
  checkLength(where, "sequenceLength", sequenceLength);
  checkLength(where, "sequenceStride", sequenceStride);
  checkLength(where, "fftLength", fftLength);
  if (fftLength < sequenceLength) {
    throw new RangeError(
      `${where}: expected \`fftLength\` to be at least \`sequenceLength\`. Received: fftLength=${fftLength}, sequenceLength=${sequenceLength}`,
    );
  }
}

/** The signal continued by `n` samples at both ends, mirrored without repeating the end. */
function reflected(x: Value, n: number): Value {
  const size = x.shape.at(-1)!;
  if (n >= size) {
    throw new ShapeError(
      `stft: a signal of ${size} samples is too short to be reflected by ${n} on both sides; use a smaller fftLength or center: false`,
    );
  }
  if (isUnknownSize(size)) {
    return inputValue({ shape: [...x.shape.slice(0, -1), size + 2 * n], dtype: x.dtype }, "reflected");
  }
  const period = Math.max(1, 2 * (size - 1));
  const indices = Int32Array.from({ length: size + 2 * n }, (_, i) => {
    const j = (((i - n) % period) + period) % period;
    return j < size ? j : period - j;
  });
  return build.gather(x, build.constant(indices, [indices.length], "int32"), x.shape.length - 1);
}

const stftOp = defineOp("STFT", "math", FRAME_KEYS, ([x], s) => {
  const { node } = toTensor(x, null, "stft");
  if (node.dtype !== "float32" && node.dtype !== "float64") {
    throw new DTypeError(`stft: expected float32 or float64. Received: dtype ${node.dtype}`);
  }
  const value = ready("stft", node);
  const [length, stride, n] = [s.sequenceLength, s.sequenceStride, s.fftLength] as [number, number, number];
  const window = windowValue("stft", s.window === undefined ? "hann" : s.window, length, n, value);
  const signal = s.center === false ? value : reflected(value, Math.floor(n / 2));
  if (signal.shape.at(-1)! < n) {
    throw new ShapeError(`stft: frames of ${n} do not fit a signal of ${signal.shape.at(-1)} samples`);
  }
  const positions = sequencePositions(signal.shape.at(-1)!, n, stride);
  const frames = build.gather(signal, positions, signal.shape.length - 1);
  return realTransform(build.binary("mul", frames, window), n).map(wrap);
});
/**
 * Short-time Fourier transform: the spectra of overlapping frames. (…, t) → (…, frames, fftLength / 2 + 1), twice
 *
 * @param sequenceLength - Samples of a frame.
 * @param sequenceStride - Samples from one frame to the next.
 * @param fftLength - Length of the transform; frames are filled with zeros on both sides.
 */
export function stft<A extends TensorLike>(
  x: A,
  sequenceLength: number,
  sequenceStride: number,
  fftLength: number,
  options?: FrameOptions,
): ComplexResult<A> {
  const { window = "hann", center = true } = readOptions("stft", options, ["window", "center"]);
  checkFrames("stft", sequenceLength, sequenceStride, fftLength);
  return stftOp([x], { sequenceLength, sequenceStride, fftLength, window, center }) as ComplexResult<A>;
}

/** Frames added where they overlap: (…, frames, n) → (…, n + stride · (frames - 1)). */
function overlapAdd(frames: Value, stride: number): Value {
  const rank = frames.shape.length;
  const [count, n] = frames.shape.slice(-2) as [number, number];
  const size = n + stride * (count - 1);
  const target = build.full(0, [...frames.shape.slice(0, -2), size], frames.dtype);
  return build.scatterAdd(target, sequencePositions(size, n, stride), frames, rank - 2);
}

const istftOp = defineOp("ISTFT", "math", { ...FRAME_KEYS, length: "length" }, ([x], s) => {
  const pair = pairOf("istft", x, 2);
  const [length, stride, n] = [s.sequenceLength, s.sequenceStride, s.fftLength] as [number, number, number];
  const plain = s.window === null;
  const window = windowValue("istft", s.window === undefined ? "hann" : s.window, length, n, pair[0]);
  const frames = build.binary("mul", inverseRealTransform(pair, n), window);
  const sums = overlapAdd(frames, stride);
  const count = frames.shape.at(-2)!;
  const weights = overlapAdd(build.broadcastTo(build.binary("mul", window, window), [count, n]), stride);
  const covered = build.binary("greater", weights, num(1e-10, weights));
  // Without a window Keras gives the plain sum of the frames: the mean that it takes is undone.
  const factor = plain ? n / stride : 1;
  const mean = build.binary("div", sums, build.where(covered, weights, num(1, weights)));
  const signal = factor === 1 ? mean : build.binary("mul", mean, num(factor, mean));
  const total = signal.shape.at(-1)!;
  const start = s.center === false ? 0 : Math.floor(n / 2);
  const wanted = (s.length as number | null | undefined) ?? null;
  const end = wanted !== null ? start + wanted : s.center === false ? total : total - Math.floor(n / 2);
  const outer = signal.shape.slice(0, -1);
  const limit = Math.max(start, Math.min(end, total));
  return wrap(build.slice(signal, [...outer.map(() => 0), Math.min(start, total)], [...outer, Math.min(limit, total)]));
});
/**
 * The inverse of `stft`: frames are transformed back and added, each weighted by its window. (…, frames, bins), twice → (…, t)
 *
 * @param options - `length` cuts the result. As in Keras, `window: null` gives the plain sum of the frames.
 */
export function istft<A extends TensorLike>(
  x: Complex<A>,
  sequenceLength: number,
  sequenceStride: number,
  fftLength: number,
  options?: FrameOptions & { length?: number | null },
): Result<A> {
  const {
    window = "hann",
    center = true,
    length = null,
  } = readOptions("istft", options, ["window", "center", "length"]);
  checkFrames("istft", sequenceLength, sequenceStride, fftLength);
  if (length !== null) checkLength("istft", "length", length);
  return istftOp([x], { sequenceLength, sequenceStride, fftLength, length, window, center }) as Result<A>;
}
