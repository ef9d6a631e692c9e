/**
 * Numbers and templates as Python writes them: names of checkpoint files, rows of CSV files and messages are the same as Keras's,
 * digit for digit.
 */
import { didYouMean } from "../core/errors.ts";

/** Whole numbers are marked, because `1` is written otherwise than `1.0`, and JavaScript has one kind of number only. */
export interface PythonInt {
  readonly int: number;
}

/** Digits of |x| = 0.d₁d₂d₃… · 10^point, as few as tell x from its neighbours. */
function shortest(x: number): { digits: string; point: number } {
  const [mantissa, exponent] = Math.abs(x).toExponential().split("e");
  return { digits: mantissa!.replace(".", ""), point: Number(exponent) + 1 };
}

const exponentText = (exponent: number): string =>
  `e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;

const notFinite = (x: number): string => (Number.isNaN(x) ? "nan" : "inf");

const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);

/** Digits with a point after `point` of them. */
function placed(digits: string, point: number): string {
  if (point <= 0) return `0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return digits.padEnd(point, "0");
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

const scientific = (digits: string, exponent: number): string =>
  `${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}${exponentText(exponent)}`;

/** A float as Python's `repr` gives it: `1.0`, `1e-05`, `nan`. */
export function pythonFloat(x: number): string {
  const sign = isNegative(x) ? "-" : "";
  if (!Number.isFinite(x)) return sign + notFinite(x);
  const { digits, point } = shortest(x);
  if (point < -3 || point > 16) return sign + scientific(digits, point - 1);
  const text = placed(digits, point);
  return sign + (text.includes(".") ? text : `${text}.0`);
}

/** |x| · 10^places as a whole number, halves to even: exactly, which floats cannot. */
function scaled(x: number, places: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(x));
  const raw = bits.getBigUint64(0);
  const field = Number(raw >> 52n);
  // |x| = fraction · 2^exponent
  const fraction = (raw & ((1n << 52n) - 1n)) | (field === 0 ? 0n : 1n << 52n);
  const exponent = Math.max(field, 1) - 1075;
  const above = fraction * (exponent > 0 ? 1n << BigInt(exponent) : 1n) * (places > 0 ? 10n ** BigInt(places) : 1n);
  const below = (exponent < 0 ? 1n << BigInt(-exponent) : 1n) * (places < 0 ? 10n ** BigInt(-places) : 1n);
  const [quotient, rest] = [above / below, above % below];
  const up = rest * 2n > below || (rest * 2n === below && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}

/** |x| with so many digits after the point. */
export function fixed(x: number, places: number): string {
  const digits = String(scaled(x, places)).padStart(places + 1, "0");
  return placed(digits, digits.length - places);
}

/** The first `count` digits of |x|, rounded, and the power of ten of the first one. */
function rounded(x: number, count: number): { digits: string; exponent: number } {
  if (x === 0) return { digits: "0".repeat(count), exponent: 0 };
  let exponent = shortest(x).point - 1;
  let digits = String(scaled(x, count - 1 - exponent));
  if (digits.length > count) digits = String(scaled(x, count - 1 - ++exponent)); // 9.99 became 10.0
  return { digits, exponent };
}

function exponential(x: number, places: number): string {
  const { digits, exponent } = rounded(x, places + 1);
  return scientific(digits, exponent);
}

/** Format `g`, and with `keepPoint` the one without a letter: at least one digit after the point. */
function general(x: number, precision: number, keepPoint: boolean): string {
  const count = Math.max(precision, 1);
  const { digits, exponent } = rounded(x, count);
  const kept = digits.replace(/0+$/, "") || "0";
  if (exponent < -4 || exponent >= count - (keepPoint ? 1 : 0)) return scientific(kept, exponent);
  const text = placed(kept, exponent + 1);
  return keepPoint && !text.includes(".") ? `${text}.0` : text;
}

interface Spec {
  readonly fill: string;
  readonly align: string;
  readonly sign: string;
  readonly width: number;
  readonly grouping: string;
  readonly precision: number | null;
  readonly type: string;
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(0)?(\d+)?([,_])?(?:\.(\d+))?([deEfFgG%])?$/su;

function parseSpec(text: string): Spec | null {
  const match = SPEC.exec(text);
  if (!match) return null;
  const [, fill, align, sign = "-", zero, width, grouping = "", precision, type = ""] = match;
  return {
    fill: fill ?? (zero ? "0" : " "),
    align: align ?? (zero ? "=" : ">"),
    sign,
    width: Number(width ?? 0),
    grouping,
    precision: precision === undefined ? null : Number(precision),
    type,
  };
}

/** The number without its sign. */
function body(value: number | PythonInt, { type, precision }: Spec): string {
  if (typeof value !== "number" && (type === "" || type === "d")) return String(Math.abs(value.int));
  const x = typeof value === "number" ? value : value.int;
  if (!Number.isFinite(x)) {
    const text = notFinite(x) + (type === "%" ? "%" : "");
    return /[EFG]/.test(type) ? text.toUpperCase() : text;
  }
  switch (type) {
    case "":
      return precision === null ? pythonFloat(Math.abs(x)) : general(x, precision, true);
    case "e":
      return exponential(x, precision ?? 6);
    case "E":
      return exponential(x, precision ?? 6).toUpperCase();
    case "g":
      return general(x, precision ?? 6, false);
    case "G":
      return general(x, precision ?? 6, false).toUpperCase();
    case "%":
      return Number.isFinite(x * 100) ? `${fixed(x * 100, precision ?? 6)}%` : "inf%";
    default:
      return fixed(x, precision ?? 6);
  }
}

/** Digits before the point in groups of three, with zeros in front up to `width` characters. */
function grouped(text: string, { grouping, fill, align }: Spec, width: number): string {
  const match = /^\d+/.exec(text);
  if (!match || grouping === "") return text;
  const rest = text.slice(match[0].length);
  const group = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, grouping);
  let digits = match[0];
  if (fill === "0" && align === "=") while (group(digits).length + rest.length < width) digits = `0${digits}`;
  return group(digits) + rest;
}

function formatNumber(value: number | PythonInt, text: string): string {
  const spec = parseSpec(text);
  const isInt = typeof value !== "number";
  if (!spec || (spec.type === "d" && !isInt) || (isInt && /^d?$/.test(spec.type) && spec.precision !== null)) {
    const kind = isInt ? "a whole number, such as `:02d`" : "a number with a fraction, such as `:.2f`";
    throw new RangeError(`\`:${text}\` is no format of ${kind}`);
  }
  const negative = isNegative(isInt ? value.int : value);
  const sign = negative ? "-" : spec.sign === "-" ? "" : spec.sign;
  const digits = grouped(body(value, spec), spec, spec.width - sign.length);
  const missing = Math.max(0, spec.width - sign.length - digits.length);
  const pad = (count: number): string => spec.fill.repeat(count);
  if (spec.align === "<") return sign + digits + pad(missing);
  if (spec.align === "=") return sign + pad(missing) + digits;
  if (spec.align === ">") return pad(missing) + sign + digits;
  const before = Math.floor(missing / 2);
  return pad(before) + sign + digits + pad(missing - before);
}

const PART = /\{\{|\}\}|\{([^{}:!]*)(?::([^{}]*))?\}|[{}]/g;

/**
 * Fills a template such as `{epoch:02d}-{val_loss:.2f}.keras` as Python's `str.format` does. `{{` and `}}` stand for braces.
 *
 * @throws RangeError for a name without a value, listing those there are, and for a format that does not fit.
 */
export function formatTemplate(template: string, values: Readonly<Record<string, number | PythonInt>>): string {
  const fail = (reason: string): never => {
    throw new RangeError(`cannot fill the placeholders of ${JSON.stringify(template)}: ${reason}`);
  };
  return template.replace(PART, (part: string, name: string | undefined, spec: string | undefined) => {
    if (part === "{{" || part === "}}") return part[0]!;
    if (name === undefined)
      return fail(`a single \`${part}\`. Placeholders look like {epoch:02d}; write {{ or }} for a brace`);
    if (!Object.hasOwn(values, name)) {
      return fail(
        `there is no "${name}".${didYouMean(name, Object.keys(values))} There are: ${Object.keys(values).join(", ")}`,
      );
    }
    try {
      return formatNumber(values[name]!, spec ?? "");
    } catch (error) {
      return fail(`{${name}${spec === undefined ? "" : `:${spec}`}}: ${(error as Error).message}`);
    }
  });
}
