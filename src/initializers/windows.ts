/** Windows of signal processing by their names in `scipy.signal.get_window`, those without parameters. On the host. */

/** From the position of a point, 0 to n - 1, and their number. */
type Window = (i: number, n: number) => number;

/** Where a point lies, from 0 to 1. */
const place: Window = (i, n) => i / (n - 1);

/** Σ (-1)ᵏ aₖ cos(2πkt). */
const cosines =
  (...a: readonly number[]): Window =>
  (i, n) =>
    a.reduce((sum, ak, k) => sum + (k % 2 === 0 ? ak : -ak) * Math.cos(2 * Math.PI * k * place(i, n)), 0);

const WINDOWS: Readonly<Record<string, Window>> = {
  barthann(i, n) {
    const x = Math.abs(place(i, n) - 0.5);
    return 0.62 - 0.48 * x + 0.38 * Math.cos(2 * Math.PI * x);
  },
  bartlett: (i, n) => 1 - Math.abs(2 * place(i, n) - 1),
  blackman: cosines(0.42, 0.5, 0.08),
  blackmanharris: cosines(0.35875, 0.48829, 0.14128, 0.01168),
  bohman(i, n) {
    const x = Math.abs(2 * place(i, n) - 1);
    return x === 1 ? 0 : (1 - x) * Math.cos(Math.PI * x) + Math.sin(Math.PI * x) / Math.PI;
  },
  boxcar: () => 1,
  cosine: (i, n) => Math.sin((Math.PI / n) * (i + 0.5)),
  flattop: cosines(0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
  hamming: cosines(0.54, 0.46),
  hann: cosines(0.5, 0.5),
  lanczos(i, n) {
    const x = Math.PI * (2 * place(i, n) - 1);
    return x === 0 ? 1 : Math.sin(x) / x;
  },
  nuttall: cosines(0.3635819, 0.4891775, 0.1365995, 0.0106411),
  parzen(i, n) {
    const x = Math.abs(2 * i - (n - 1)) / n;
    return x <= (n - 1) / (2 * n) ? 1 - 6 * x ** 2 + 6 * x ** 3 : 2 * (1 - x) ** 3;
  },
  triang(i, n) {
    const fromEdge = Math.min(i, n - 1 - i);
    return n % 2 === 0 ? (2 * fromEdge + 1) / n : (2 * (fromEdge + 1)) / (n + 1);
  },
};

export const WINDOW_NAMES: readonly string[] = Object.keys(WINDOWS);

/** @param periodic - Whether the point after the last would be the first again; otherwise the window is symmetric. */
export function windowNamed(name: string, length: number, periodic: boolean): number[] {
  const window = WINDOWS[name]!;
  if (length <= 1) return Array(length).fill(1);
  return Array.from({ length }, (_, i) => window(i, periodic ? length + 1 : length));
}
