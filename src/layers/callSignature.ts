/**
 * The parameters of a function as its source states them, where nothing about them is in doubt: what Python code asks
 * `inspect.signature`. A function that is not understood completely is said to take anything.
 */

/** One parameter: a name or a list (`null`: nothing is known of what it holds), or an object that is taken apart by known keys. */
export interface Parameter {
  /** Keys of `{ scale, mode = "add" }`; `null` where the value may have any. */
  readonly keys: readonly string[] | null;
}

/** Parameters in order; `open` where more may follow. */
export interface Signature {
  readonly parameters: readonly Parameter[];
  readonly open: boolean;
}

const ANYTHING: Signature = { parameters: [], open: true };
const signatures = new WeakMap<object, Signature>();

/** What a function takes. */
export function signatureOf(fn: (...args: never[]) => unknown): Signature {
  let signature = signatures.get(fn);
  if (!signature) {
    signature = read(Function.prototype.toString.call(fn)) ?? ANYTHING;
    signatures.set(fn, signature);
  }
  return signature;
}

const NAME = "[\\p{ID_Start}$_][\\p{ID_Continue}$]*";
/** Everything before the parenthesis of the parameters. */
const START = new RegExp(`^(?:async\\b\\s*)?(?:function\\b\\s*)?\\*?\\s*(?:${NAME}\\s*)?(?=\\()`, "u");
const KEY = new RegExp(`^(${NAME})\\s*(?:[:=]|$)`, "u");
const IDENTIFIER = new RegExp(`^${NAME}\\s*(?:=|$)`, "u");

function read(source: string): Signature | null {
  // `arguments` sees what no parameter names, and bound functions have no source.
  if (/\barguments\b|\{\s*\[native code\]\s*\}\s*$/.test(source)) return null;
  const start = START.exec(source)?.[0].length ?? -1;
  const list = start < 0 ? null : inside(source, start);
  if (list === null) return null;
  const parameters: Parameter[] = [];
  for (const text of list) {
    if (text.startsWith("...")) return { parameters, open: true };
    const parameter = readParameter(text);
    if (!parameter) return null;
    parameters.push(parameter);
  }
  return { parameters, open: false };
}

function readParameter(text: string): Parameter | null {
  if (IDENTIFIER.test(text) || text.startsWith("[")) return { keys: null };
  if (!text.startsWith("{")) return null;
  const entries = inside(text, 0);
  if (entries === null) return null;
  const keys = entries.map((entry) => KEY.exec(entry)?.[1] ?? null);
  return { keys: keys.every((key) => key !== null) ? keys : null };
}

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** What stands between a bracket and its counterpart, parted by commas and without comments; `null` where that is in doubt. */
function inside(source: string, at: number): string[] | null {
  const parts: string[] = [];
  const open: string[] = [];
  let part = "";
  for (let i = at; i < source.length; ) {
    const c = source[i]!;
    if (c === "`" || c === "\\") return null;
    if (c === "/") {
      const end =
        source[i + 1] === "*" ? source.indexOf("*/", i) + 2 : source[i + 1] === "/" ? source.indexOf("\n", i) + 1 : 0;
      // A division or a regular expression.
      if (end <= i) return null;
      i = end;
      continue;
    }
    if (c === '"' || c === "'") {
      const end = source.indexOf(c, i + 1);
      if (end < 0 || source.slice(i, end).includes("\\")) return null;
      part += source.slice(i, end + 1);
      i = end + 1;
      continue;
    }
    i++;
    if (c in CLOSING) {
      open.push(CLOSING[c]!);
      if (open.length === 1) continue;
    } else if (c === ")" || c === "]" || c === "}") {
      if (open.pop() !== c) return null;
      if (open.length === 0) {
        if (part.trim() !== "") parts.push(part.trim());
        return parts;
      }
    } else if (c === "," && open.length === 1) {
      parts.push(part.trim());
      part = "";
      continue;
    }
    part += c;
  }
  return null;
}
