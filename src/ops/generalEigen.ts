/**
 * Eigenvalues and eigenvectors of one real square matrix, on the host: the matrix is brought to Hessenberg form by reflections
 * and then, in complex arithmetic, to triangular form by QR steps with Wilkinson's shifts; eigenvectors follow by substitution.
 */

/** Complex numbers in two arrays, row-major. */
type Parts = readonly [re: Float64Array<ArrayBuffer>, im: Float64Array<ArrayBuffer>];

export interface Eigen {
  /** (n) */
  readonly values: Parts;
  /** (n, n), the eigenvectors as columns. */
  readonly vectors: Parts;
}

/** QR steps per eigenvalue before giving up; two or three are usual. */
const MOST_STEPS = 100;

class ComplexMatrix {
  readonly re: Float64Array<ArrayBuffer>;
  readonly im: Float64Array<ArrayBuffer>;
  readonly n: number;

  constructor(n: number, re = new Float64Array(n * n)) {
    this.n = n;
    this.re = re;
    this.im = new Float64Array(n * n);
  }

  static identity(n: number): ComplexMatrix {
    const result = new ComplexMatrix(n);
    for (let i = 0; i < n; i++) result.re[i * n + i] = 1;
    return result;
  }

  /** Turns rows (or columns) i and i + 1 into each other: [a, b] ← [c a + s b, -s̄ a + c b], with a complex s. */
  rotate(i: number, by: Rotation, rows: boolean, from: number, to: number): void {
    const { n, re, im } = this;
    const { c, sr } = by;
    // Columns are turned by the conjugate transpose, which undoes the turn of the rows.
    const si = rows ? by.si : -by.si;
    for (let k = from; k < to; k++) {
      const p = rows ? i * n + k : k * n + i;
      const q = rows ? (i + 1) * n + k : k * n + i + 1;
      const [ar, ai, br, bi] = [re[p]!, im[p]!, re[q]!, im[q]!];
      re[p] = c * ar + sr * br - si * bi;
      im[p] = c * ai + sr * bi + si * br;
      re[q] = c * br - sr * ar - si * ai;
      im[q] = c * bi - sr * ai + si * ar;
    }
  }
}

interface Rotation {
  readonly c: number;
  readonly sr: number;
  readonly si: number;
}

/** The rotation that makes b zero against a. */
function rotationOf(ar: number, ai: number, br: number, bi: number): Rotation {
  const [size, other] = [Math.hypot(ar, ai), Math.hypot(br, bi)];
  const length = Math.hypot(size, other);
  if (other === 0) return { c: 1, sr: 0, si: 0 };
  if (size === 0) return { c: 0, sr: br / other, si: -bi / other };
  // s = a b̄ / (|a| · length)
  return { c: size / length, sr: (ar * br + ai * bi) / (size * length), si: (ai * br - ar * bi) / (size * length) };
}

/** Hessenberg form of a real matrix by reflections, in place; `q` collects them. */
function toHessenberg(a: Float64Array, q: Float64Array, n: number): void {
  for (let k = 0; k < n - 2; k++) {
    const v = new Float64Array(n);
    for (let i = k + 1; i < n; i++) v[i] = a[i * n + k]!;
    const length = Math.hypot(...v);
    if (length === 0) continue;
    v[k + 1]! += v[k + 1]! < 0 ? -length : length;
    const square = v.reduce((sum, x) => sum + x * x, 0);
    const reflect = (m: Float64Array, rows: boolean): void => {
      for (let j = 0; j < n; j++) {
        let dot = 0;
        for (let i = k + 1; i < n; i++) dot += v[i]! * m[rows ? i * n + j : j * n + i]!;
        for (let i = k + 1; i < n; i++) m[rows ? i * n + j : j * n + i]! -= (2 * dot * v[i]!) / square;
      }
    };
    reflect(a, true);
    reflect(a, false);
    reflect(q, false);
  }
}

/** Wilkinson's shift: the eigenvalue of the last 2 × 2 block that is nearer to its last element. */
function shiftOf(t: ComplexMatrix, high: number): [number, number] {
  const { n, re, im } = t;
  const at = (i: number, j: number): [number, number] => [re[i * n + j]!, im[i * n + j]!];
  const [[ar, ai], [br, bi], [cr, ci], [dr, di]] = [
    at(high - 1, high - 1),
    at(high - 1, high),
    at(high, high - 1),
    at(high, high),
  ];
  const [hr, hi] = [(ar - dr) / 2, (ai - di) / 2];
  const [pr, pi] = [br * cr - bi * ci, br * ci + bi * cr];
  const [xr, xi] = complexSqrt(hr * hr - hi * hi + pr, 2 * hr * hi + pi);
  // d - bc / (h ± √(h² + bc)), with the sign of the larger denominator.
  const sign = hr * xr + hi * xi < 0 ? -1 : 1;
  const [er, ei] = [hr + sign * xr, hi + sign * xi];
  const square = er * er + ei * ei;
  if (square === 0) return [dr, di];
  return [dr - (pr * er + pi * ei) / square, di - (pi * er - pr * ei) / square];
}

function complexSqrt(re: number, im: number): [number, number] {
  const size = Math.hypot(re, im);
  const root = Math.sqrt((size + Math.abs(re)) / 2);
  if (root === 0) return [0, 0];
  return re >= 0 ? [root, im / (2 * root)] : [Math.abs(im) / (2 * root), im < 0 ? -root : root];
}

/** Triangular form: t ← Qᴴ t Q, q ← q Q. */
function toTriangular(t: ComplexMatrix, q: ComplexMatrix): void {
  const { n, re, im } = t;
  const size = (i: number, j: number): number => Math.hypot(re[i * n + j]!, im[i * n + j]!);
  let high = n - 1;
  let steps = 0;
  while (high > 0) {
    let low = high;
    while (low > 0 && size(low, low - 1) > 2 ** -52 * (size(low, low) + size(low - 1, low - 1))) low--;
    if (low > 0) {
      re[low * n + low - 1] = 0;
      im[low * n + low - 1] = 0;
    }
    if (low === high) {
      high--;
      steps = 0;
      continue;
    }
    if (++steps > MOST_STEPS) {
      throw new RangeError(
        `eig: the eigenvalues of a ${n} × ${n} matrix did not converge; does it hold NaN or infinite elements?`,
      );
    }
    // An odd shift now and then leads out of cycles.
    const [sr, si] = steps % 10 === 0 ? [size(high, high - 1), 0] : shiftOf(t, high);
    shiftAll(t, sr, si, -1);
    const rotations: Rotation[] = [];
    for (let i = low; i < high; i++) {
      const by = rotationOf(re[i * n + i]!, im[i * n + i]!, re[(i + 1) * n + i]!, im[(i + 1) * n + i]!);
      rotations.push(by);
      t.rotate(i, by, true, i, n);
    }
    rotations.forEach((by, k) => {
      const i = low + k;
      t.rotate(i, by, false, 0, Math.min(i + 2, high) + 1);
      q.rotate(i, by, false, 0, n);
    });
    shiftAll(t, sr, si, 1);
  }
}

function shiftAll(t: ComplexMatrix, sr: number, si: number, sign: 1 | -1): void {
  for (let i = 0; i < t.n; i++) {
    t.re[i * t.n + i]! += sign * sr;
    t.im[i * t.n + i]! += sign * si;
  }
}

/** Eigenvectors of a triangular matrix by substitution, brought back by `q`, each of length 1. */
function vectorsOf(t: ComplexMatrix, q: ComplexMatrix): Parts {
  const { n } = t;
  const [outRe, outIm] = [new Float64Array(n * n), new Float64Array(n * n)];
  const scale = Math.max(...t.re.map(Math.abs), ...t.im.map(Math.abs), Number.MIN_VALUE);
  for (let k = 0; k < n; k++) {
    const [xr, xi] = [new Float64Array(n), new Float64Array(n)];
    xr[k] = 1;
    for (let i = k - 1; i >= 0; i--) {
      let [sr, si] = [0, 0];
      for (let j = i + 1; j <= k; j++) {
        const [tr, ti] = [t.re[i * n + j]!, t.im[i * n + j]!];
        sr += tr * xr[j]! - ti * xi[j]!;
        si += tr * xi[j]! + ti * xr[j]!;
      }
      let dr = t.re[k * n + k]! - t.re[i * n + i]!;
      const di = t.im[k * n + k]! - t.im[i * n + i]!;
      // Equal eigenvalues: a neighbour stands in, as in LAPACK.
      if (Math.hypot(dr, di) < scale * 2 ** -52) dr = scale * 2 ** -52;
      const square = dr * dr + di * di;
      xr[i] = (sr * dr + si * di) / square;
      xi[i] = (si * dr - sr * di) / square;
    }
    const [vr, vi] = [new Float64Array(n), new Float64Array(n)];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= k; j++) {
        const [qr, qi] = [q.re[i * n + j]!, q.im[i * n + j]!];
        vr[i]! += qr * xr[j]! - qi * xi[j]!;
        vi[i]! += qr * xi[j]! + qi * xr[j]!;
      }
    }
    const length = Math.hypot(...vr, ...vi);
    // The largest component is made real, as LAPACK does.
    let top = 0;
    for (let i = 1; i < n; i++) if (Math.hypot(vr[i]!, vi[i]!) > Math.hypot(vr[top]!, vi[top]!)) top = i;
    const size = Math.hypot(vr[top]!, vi[top]!);
    const [ur, ui] = [vr[top]! / size, -vi[top]! / size];
    for (let i = 0; i < n; i++) {
      outRe[i * n + k] = (vr[i]! * ur - vi[i]! * ui) / length;
      outIm[i * n + k] = (vr[i]! * ui + vi[i]! * ur) / length;
    }
  }
  return [outRe, outIm];
}

/** Eigenvalues and eigenvectors of a row-major n × n matrix, which is overwritten. */
export function eigenOf(a: Float64Array<ArrayBuffer>, n: number): Eigen {
  const q = ComplexMatrix.identity(n);
  toHessenberg(a, q.re, n);
  const t = new ComplexMatrix(n, a);
  for (let i = 2; i < n; i++) for (let j = 0; j < i - 1; j++) a[i * n + j] = 0;
  toTriangular(t, q);
  const diagonal = (x: Float64Array): Float64Array<ArrayBuffer> =>
    Float64Array.from({ length: n }, (_, i) => x[i * n + i]!);
  return { values: [diagonal(t.re), diagonal(t.im)], vectors: vectorsOf(t, q) };
}
