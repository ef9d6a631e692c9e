/** IMDB reviews as rows of word ids, for the subjects that run in Node. imdb.py makes the same numbers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const FILES = { train: "imdb_train.tsv.gz", test: "imdb_test.tsv.gz" };

/** Path of the file of a set in a directory, or null. */
export function findReviews(directory, set = "train") {
  const path = join(directory, FILES[set]);
  return existsSync(path) ? path : null;
}

/** Label and words of every review: lower case, letters and digits and apostrophes, no markup. */
function reviews(directory, set) {
  const path = findReviews(directory, set);
  if (!path) throw new Error(`expected ${FILES[set]} in "${directory}"`);
  const lines = gunzipSync(readFileSync(path)).toString("utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const [label, , , text] = line.split("\t");
    const plain = text.toLowerCase().replaceAll("<br />", " ");
    return { label: Number(label), words: plain.match(/[a-z0-9']+/g) ?? [] };
  });
}

/** The most frequent words of the training set, in order of frequency, then of the alphabet. */
function vocabulary(training, size) {
  const counts = new Map();
  for (const { words } of training) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const byFrequency = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return new Map(byFrequency.slice(0, size - 2).map(([word], i) => [word, i + 2]));
}

/**
 * The first reviews: the last `length` words of each, ids from 2 on, 1 for words that are rare, zeros before.
 *
 * @returns {{ x: Int32Array, y: Int32Array, count: number }} `x` (count, length), `y` (count,).
 */
export function loadImdb(directory, samples, { length, vocabularySize }, set = "train") {
  const training = reviews(directory, "train");
  const ids = vocabulary(training, vocabularySize);
  const chosen = (set === "train" ? training : reviews(directory, set)).slice(0, samples);
  const x = new Int32Array(chosen.length * length);
  chosen.forEach(({ words }, row) => {
    const last = words.slice(-length);
    last.forEach((word, i) => {
      x[(row + 1) * length - last.length + i] = ids.get(word) ?? 1;
    });
  });
  return { x, y: Int32Array.from(chosen, ({ label }) => label), count: chosen.length };
}
