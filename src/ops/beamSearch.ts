/**
 * Prefix beam search over the logits of one sample, on the host: a path's probability is the sum over all ways to spell it,
 * kept apart by whether they end in a blank, for only then may the last label come again.
 */

export interface BeamSearch {
  readonly classes: number;
  /** Times that count; the first always does. */
  readonly length: number;
  readonly blank: number;
  /** Paths kept at each time. */
  readonly beamWidth: number;
  /** Paths that are given, the best first. */
  readonly topPaths: number;
}

export interface BeamPath {
  readonly path: readonly number[];
  /** Logarithm of its probability. */
  readonly score: number;
}

interface Beam {
  readonly path: readonly number[];
  /** Log probability of the spellings that end in the last label, and of those that end in a blank. */
  label: number;
  blank: number;
}

function logAdd(a: number, b: number): number {
  if (a === Number.NEGATIVE_INFINITY) return b;
  if (b === Number.NEGATIVE_INFINITY) return a;
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

const total = (beam: Beam): number => logAdd(beam.label, beam.blank);

/** Of equal scores the path of larger classes falls behind, as in TensorFlow's search and Keras's. */
function compare(a: Beam, b: Beam): number {
  const difference = total(b) - total(a);
  if (difference !== 0 && !Number.isNaN(difference)) return difference;
  for (let i = 0; i < Math.max(a.path.length, b.path.length); i++) {
    const [x, y] = [a.path[i] ?? Number.POSITIVE_INFINITY, b.path[i] ?? Number.POSITIVE_INFINITY];
    if (x !== y) return x - y;
  }
  return 0;
}

class Beams {
  readonly #byPath = new Map<string, Beam>();

  /** Adds probability to a path. */
  add(path: readonly number[], label: number, blank: number): void {
    const key = path.join(",");
    const known = this.#byPath.get(key);
    if (!known) {
      this.#byPath.set(key, { path, label, blank });
      return;
    }
    known.label = logAdd(known.label, label);
    known.blank = logAdd(known.blank, blank);
  }

  best(count: number): Beam[] {
    return [...this.#byPath.values()].sort(compare).slice(0, count);
  }
}

const NEVER = Number.NEGATIVE_INFINITY;

/** The most probable label sequences of logits (time, classes). */
export function beamSearch(logits: Float32Array, how: BeamSearch): BeamPath[] {
  const { classes, blank, beamWidth, topPaths } = how;
  const times = Math.max(1, Math.min(how.length, logits.length / classes));
  let beams: Beam[] = [{ path: [], label: NEVER, blank: 0 }];
  for (let t = 0; t < times; t++) {
    const row = logits.subarray(t * classes, (t + 1) * classes);
    const largest = Math.max(...row);
    const norm = largest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0));
    const next = new Beams();
    for (const beam of beams) {
      const last = beam.path.at(-1);
      for (let c = 0; c < classes; c++) {
        const log = row[c]! - norm;
        if (c === blank) {
          next.add(beam.path, NEVER, total(beam) + log);
        } else if (c === last) {
          next.add(beam.path, beam.label + log, NEVER);
          next.add([...beam.path, c], beam.blank + log, NEVER);
        } else {
          next.add([...beam.path, c], total(beam) + log, NEVER);
        }
      }
    }
    beams = next.best(beamWidth);
  }
  return beams.slice(0, topPaths).map((beam) => ({ path: beam.path, score: total(beam) }));
}
