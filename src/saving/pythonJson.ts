/**
 * JSON as Python's `json` module reads and writes it: with `NaN` and `Infinity`, and with floats that stay floats.
 * JSON itself, and so `JSON.parse`, knows neither.
 */

const NOT_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** Marks a number that JSON cannot hold; a zero byte cannot stand unescaped in a JSON text. */
const MARK = "\u0000keras:";

/** @throws SyntaxError when the text is no JSON of Python either. */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
  }
  const marked = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/g, (token) =>
    token.startsWith('"') ? token : JSON.stringify(MARK + token),
  );
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? NOT_FINITE[value.slice(MARK.length)] : value,
  );
}

/**
 * Keys whose values are floats to Python Keras, where `1` is not `1.0`: it refuses an integer learning rate, loss weight, momentum or
 * threshold, and a schedule that starts from an integer computes with integers.
 */
const FLOAT_KEYS: ReadonlySet<string> = new Set([
  "beta",
  "initial_learning_rate",
  "learning_rate",
  "loss_weights",
  "momentum",
  "threshold",
  "values",
]);

function numberText(value: number, key: string | null): string {
  if (!Number.isFinite(value)) return String(value);
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return Number.isInteger(value) && key !== null && FLOAT_KEYS.has(key) && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

const asciiText = (value: string): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Text of a JSON-ready value with Python's default spacing, non-ASCII characters escaped. */
export function toPythonJson(value: unknown, key: string | null = null): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return asciiText(value);
  if (typeof value === "number") return numberText(value, key);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => toPythonJson(item, key)).join(", ")}]`;
  const members = Object.entries(value as object).filter(([, item]) => item !== undefined);
  return `{${members.map(([name, item]) => `${asciiText(name)}: ${toPythonJson(item, name)}`).join(", ")}}`;
}
