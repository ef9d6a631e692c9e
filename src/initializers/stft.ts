/** The initializer that makes a convolution compute a short-time Fourier transform. */
import { callable } from "../core/callable.ts";
import { floatx } from "../core/config.ts";
import type { DType } from "../core/dtype.ts";
import { checkOptions, describe, didYouMean, ShapeError } from "../core/errors.ts";
import { formatShape, type StaticShape } from "../core/shape.ts";
import { toTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { fromNumbers, type Tensor } from "../runtime/tensor.ts";
import { Initializer } from "./initializer.ts";
import { WINDOW_NAMES, windowNamed } from "./windows.ts";

/** Options of {@link STFT}. */
export interface STFTOptions {
  /** Which part of the transform. @defaultValue `"real"` */
  side?: "real" | "imag";
  /** A window by name, its values, or none. @defaultValue `"hann"` */
  window?: string | readonly number[] | Tensor | null;
  /** By what the window is divided: `"density"`, the root of its sum of squares; `"spectrum"`, its sum. @defaultValue `"density"` */
  scaling?: "density" | "spectrum" | null;
  /** Whether a window given by name is periodic rather than symmetric. @defaultValue `false` */
  periodic?: boolean;
}

class STFTBase extends Initializer {
  static readonly className = "STFT";
  static readonly modulePath = "keras.initializers";
  static readonly configKeys = { side: "side", window: "window", periodic: "periodic", scaling: "scaling" };
  readonly side: "real" | "imag";
  readonly window: string | readonly number[] | Tensor | null;
  readonly scaling: "density" | "spectrum" | null;
  readonly periodic: boolean;

  constructor(side: "real" | "imag" | STFTOptions = {}, options: STFTOptions = {}) {
    super();
    const given = typeof side === "string" ? { ...options, side } : side;
    checkOptions("STFT", given, ["side", "window", "scaling", "periodic"]);
    this.side = given.side ?? "real";
    this.window = given.window === undefined ? "hann" : given.window;
    this.scaling = given.scaling === undefined ? "density" : given.scaling;
    this.periodic = given.periodic ?? false;
    if (this.side !== "real" && this.side !== "imag") {
      throw new RangeError(`STFT: expected \`side\` to be "real" or "imag". Received: ${describe(this.side)}`);
    }
    if (this.scaling !== null && this.scaling !== "density" && this.scaling !== "spectrum") {
      throw new RangeError(
        `STFT: expected \`scaling\` to be "density", "spectrum" or null. Received: ${describe(this.scaling)}`,
      );
    }
    if (typeof this.window === "string" && !WINDOW_NAMES.includes(this.window)) {
      throw new RangeError(
        `STFT: unknown window ${describe(this.window)}.${didYouMean(this.window, WINDOW_NAMES)} ` +
          `Known: ${WINDOW_NAMES.join(", ")}; of another one give the values`,
      );
    }
  }

  override call(shape: StaticShape, dtype: DType = floatx()): Tensor {
    const [length, channels, bins] = shape as [number, number, number];
    if (shape.length !== 3 || channels !== 1) {
      throw new ShapeError(
        `STFT: expected the shape (frameLength, 1, fftLength / 2 + 1). Received: ${formatShape(shape)}`,
      );
    }
    const wave = this.side === "real" ? Math.cos : Math.sin;
    const kernel = Array.from({ length: length * bins }, (_, i) =>
      wave((-2 * Math.PI * Math.floor(i / bins) * (i % bins)) / (2 * (bins - 1))),
    );
    return ops.cast(this.#windowed(fromNumbers(kernel, null, "float32", "STFT").reshape([length, 1, bins])), dtype);
  }

  #windowed(kernel: Tensor): Tensor {
    if (this.window === null) return kernel;
    const length = kernel.shape[0]!;
    const values =
      typeof this.window === "string" ? windowNamed(this.window, length, this.periodic) : (this.window as Tensor);
    const window = toTensor(values, "float32", "STFT: `window`");
    if (window.ndim !== 1 || window.shape[0] !== length) {
      throw new ShapeError(
        `STFT: expected \`window\` to have the frame's length, shape (${length},). Received: ${formatShape(window.shape)}`,
      );
    }
    const windowed = ops.multiply(kernel, window.reshape([length, 1, 1]));
    if (this.scaling === null) return windowed;
    const scale = this.scaling === "density" ? ops.sqrt(ops.sum(ops.square(window))) : ops.sum(ops.abs(window));
    return ops.divide(windowed, scale);
  }
}

/**
 * Kernel of a `Conv1D` that computes the real or the imaginary part of a short-time Fourier transform of its input: frames of
 * `frameLength` samples, one output per frequency. Its shape is (frameLength, 1, fftLength / 2 + 1).
 *
 * @throws RangeError for another side, scaling or name of a window; ShapeError for another shape, or a window that does not fit it.
 * @example
 * const spectrum = { kernelInitializer: initializers.STFT("imag"), useBias: false, trainable: false };
 * layers.Conv1D(65, 128, { strides: 64, ...spectrum });
 * @see keras/src/initializers/constant_initializers.py (Keras 3.x): of SciPy's windows those without parameters.
 */
export const STFT = callable(STFTBase);
export type STFT = STFTBase;
