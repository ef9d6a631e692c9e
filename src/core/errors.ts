/**
 * The error classes that a caller may want to catch, and the helpers that give every message the same shape:
 * what happened and where, what was received, what was expected, the way out.
 */

/** A shape or rank does not fit. */
export class ShapeError extends RangeError {
  override name = "ShapeError";
}

/** A dtype does not fit. */
export class DTypeError extends TypeError {
  override name = "DTypeError";
}

/** An engine is missing, failed to start, or rejected a program. */
export class BackendError extends Error {
  override name = "BackendError";
}

/** A file or a config cannot be read or written. */
export class SerializationError extends Error {
  override name = "SerializationError";
}

/** Checks a condition that only a bug in this library can break. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal: ${message}`);
}

/** Changes the message of an error, also where its stack repeats it. Those of a DOMException and the like cannot be written. */
export function reword(error: unknown, change: (message: string) => string): void {
  if (!(error instanceof Error && Object.hasOwn(error, "message"))) return;
  const { message, stack } = error;
  error.message = change(message);
  if (stack?.includes(message)) error.stack = stack.replace(message, () => error.message);
}

/** Edit distance between two words (Levenshtein, insert/delete/replace cost 1). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}

/** The candidate nearest to `word`, or `null` when none is close enough to be what was meant. */
export function nearestName(word: string, candidates: Iterable<string>): string | null {
  const normal = (s: string) => s.toLowerCase().replaceAll("_", "");
  let best: string | null = null;
  // A third of the letters may be wrong, at least two; of a word of three letters only one.
  let bestDistance = (word.length <= 3 ? 1 : Math.max(2, Math.floor(word.length / 3))) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(normal(word), normal(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` Did you mean "…"?` when a candidate is close to `word`, else the empty string. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const near = nearestName(word, candidates);
  return near === null ? "" : ` Did you mean "${near}"?`;
}

/**
 * Throws when an options object holds a key that its owner does not know, or is no options object at all.
 *
 * @param where - Who was called, as the message should name it: `Dense`, `fit`.
 * @throws TypeError naming the nearest known option.
 */
export function checkOptions(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(
      `${where}: expected an object of options such as { ${known[0] ?? ""} }. Received: ${describe(options)}`,
    );
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new TypeError(
      `${where}: unknown option \`${key}\`.${didYouMean(key, known)} Known options: ${known.join(", ")}.`,
    );
  }
}

/** A short description of any value for a message: names and kinds, never contents of arrays or tensors. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) {
    return value.length <= 4 ? `[${value.map(describe).join(", ")}]` : `an array of ${value.length} elements`;
  }
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name}(${(value as Uint8Array).length ?? value.byteLength})`;
  }
  const named = value as { name?: unknown; constructor?: { name?: string; className?: string } };
  // The class that users know, where the one behind it has a name of its own.
  const { className, name: constructorName } = named.constructor ?? {};
  const kind = (Object.hasOwn(named.constructor ?? {}, "className") && className) || constructorName || typeof value;
  if (typeof value === "function" && kind === "Function") return `function ${value.name || "(anonymous)"}`;
  return typeof named.name === "string" && named.name ? `${kind} "${named.name}"` : kind;
}
