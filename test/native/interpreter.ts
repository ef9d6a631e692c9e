/** What the operators of native/src/operators compute, in plain float64: their text formats, read by something that is not they. */
import { erf, pow, roundHalfEven, sigmoid, softplus } from "../../src/backend/reference/scalar.ts";

const flag = (b: boolean): number => (b ? 1 : 0);

const OPERATIONS: Readonly<Record<string, (a: number, b: number, c: number) => number>> = {
  neg: (a) => -a,
  abs: Math.abs,
  sign: Math.sign,
  exp: Math.exp,
  log: Math.log,
  log1p: Math.log1p,
  expm1: Math.expm1,
  sqrt: Math.sqrt,
  rsqrt: (a) => 1 / Math.sqrt(a),
  reciprocal: (a) => 1 / a,
  square: (a) => a * a,
  sigmoid,
  tanh: Math.tanh,
  relu: (a) => Math.max(a, 0),
  softplus,
  erf,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  not: (a) => flag(a === 0),
  isnan: (a) => flag(Number.isNaN(a)),
  isfinite: (a) => flag(Number.isFinite(a)),
  isinf: (a) => flag(Math.abs(a) === Number.POSITIVE_INFINITY),
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
  eq: (a, b) => flag(a === b),
  ne: (a, b) => flag(a !== b),
  lt: (a, b) => flag(a < b),
  le: (a, b) => flag(a <= b),
  gt: (a, b) => flag(a > b),
  ge: (a, b) => flag(a >= b),
  and: (a, b) => flag(a !== 0 && b !== 0),
  or: (a, b) => flag(a !== 0 || b !== 0),
  xor: (a, b) => flag((a !== 0) !== (b !== 0)),
  where: (c, a, b) => (c !== 0 ? a : b),
};

/** Names of the elementwise operations. */
export const OPERATION_NAMES: ReadonlySet<string> = new Set(["const", ...Object.keys(OPERATIONS)]);

interface Line {
  readonly value: number;
  readonly columns: number;
  readonly operation: string;
  readonly operands: readonly number[];
}

const parse = (program: string): Line[] =>
  program
    .split(";")
    .filter((line) => line !== "")
    .map((line) => {
      const [result, operation, ...operands] = line.split(" ") as [string, string, ...string[]];
      const [value, columns = "0"] = result.split(":") as [string, string?];
      return { value: Number(value), columns: Number(columns), operation, operands: operands.map(Number) };
    });

function at<T>(values: ReadonlyMap<number, T>, number: number): T {
  const value = values.get(number);
  if (value === undefined) throw new Error(`value ${number} is not defined before it is read`);
  return value;
}

function define<T>(values: Map<number, T>, number: number, value: T): void {
  if (values.has(number)) throw new Error(`value ${number} is defined twice`);
  values.set(number, value);
}

/** Attributes of `Elementwise`. */
export interface ElementwiseTexts {
  readonly shape: readonly number[];
  readonly reads: readonly number[];
  readonly outputs: string;
  readonly program: string;
}

/** Runs `Elementwise`. */
export function runElementwise(
  { shape, reads, outputs, program }: ElementwiseTexts,
  inputs: readonly (readonly number[])[],
): number[][] {
  const size = shape.reduce((n, d) => n * d, 1);
  const lines = parse(program);
  const results = outputs
    .split(" ")
    .map((text) => ({ value: Number.parseInt(text, 10), data: new Array<number>(size) }));
  for (let i = 0; i < size; i++) {
    const values = new Map<number, number>();
    inputs.forEach((input, n) => {
      const [inner, period] = [reads[2 * n]!, reads[2 * n + 1]!];
      if (period !== input.length) throw new Error(`input ${n} has ${input.length} elements; its period is ${period}`);
      define(values, n, input[Math.floor(i / inner) % period]!);
    });
    for (const { value, operation, operands } of lines) {
      const [a, b, c] = operation === "const" ? [] : operands.map((n) => at(values, n));
      define(values, value, operation === "const" ? operands[0]! : OPERATIONS[operation]!(a!, b!, c!));
    }
    for (const result of results) result.data[i] = at(values, result.value);
  }
  return results.map(({ data }) => data);
}

/** Attributes of `Scan`. */
export interface ScanTexts {
  readonly length: number;
  readonly rows: number;
  readonly reverse: boolean;
  readonly carries: number;
  readonly sequences: number;
  readonly values: string;
  readonly program: string;
  readonly outputs: string;
}

/** A row, which all samples may share, or a matrix. */
interface Row {
  readonly data: readonly number[];
  readonly shared: boolean;
  /** Width of a matrix. */
  readonly columns?: number;
}

/** Runs `Scan`, sample by sample. */
export function runScan(scan: ScanTexts, inputs: readonly (readonly number[])[]): number[][] {
  const { length, rows, reverse, carries, sequences } = scan;
  const types = scan.values.split(" ");
  const lines = parse(scan.program);
  const outputs = scan.outputs.split(" ").map((text) => Number.parseInt(text, 10));
  const results: number[][] = outputs.map(() => []);
  if (types.length !== inputs.length) throw new Error(`${inputs.length} inputs for ${types.length} values`);
  for (let sample = 0; sample < rows; sample++) {
    let carried: Row[] = [];
    for (let turn = 0; turn < length; turn++) {
      const t = reverse ? length - 1 - turn : turn;
      const values = new Map<number, Row>();
      types.forEach((type, n) => {
        const input = inputs[n]!;
        const [, kind, size, columns] = /^([rsm])(\d+)(?:x(\d+))?b?$/.exec(type)!;
        const width = Number(size);
        const expected = width * (kind === "r" ? rows : Number(columns ?? 1)) * (isSequence(n) ? length : 1);
        if (input.length !== expected)
          throw new Error(`input ${n} has ${input.length} elements; ${type} is ${expected}`);
        const from = ((isSequence(n) ? t * rows : 0) + sample) * width;
        if (n < carries && turn > 0) define(values, n, carried[n]!);
        else if (kind === "r") define(values, n, { data: input.slice(from, from + width), shared: false });
        else if (kind === "s") define(values, n, { data: input, shared: true });
        else define(values, n, { data: input, shared: true, columns: Number(columns) });
      });
      for (const line of lines)
        define(
          values,
          line.value,
          computeRow(line, (number) => at(values, number)),
        );
      const ends = outputs.map((number) => at(values, number));
      if (ends.some(({ shared }) => shared)) throw new Error("a result that all samples share");
      carried = ends.slice(0, carries);
      ends.forEach(({ data }, n) => {
        const from = ((n >= carries ? t * rows : 0) + sample) * data.length;
        data.forEach((x, i) => {
          results[n]![from + i] = x;
        });
      });
    }
  }
  return results;

  function isSequence(n: number): boolean {
    return n >= carries && n < carries + sequences;
  }
}

function computeRow({ columns, operation, operands }: Line, read: (number: number) => Row): Row {
  const places = Array.from({ length: columns }, (_, i) => i);
  if (operation === "const") return { data: places.map(() => operands[0]!), shared: true };
  const [a, b] = operands.map((n, i) => (operation === "slice" && i === 1 ? null : read(n))) as [Row, Row?];
  switch (operation) {
    case "slice": {
      const data = a.data.slice(operands[1]!, operands[1]! + columns);
      if (data.length !== columns) throw new Error("a slice that reaches beyond its value");
      return { data, shared: a.shared };
    }
    case "concat": {
      const parts = operands.map(read);
      const data = parts.flatMap((part) => [...part.data]);
      if (data.length !== columns) throw new Error(`${data.length} columns of parts; expected ${columns}`);
      return { data, shared: parts.every((part) => part.shared) };
    }
    case "matmul":
    case "matmul_t": {
      const across = operation === "matmul";
      const [inner, outer] = across
        ? [b!.data.length / b!.columns!, b!.columns!]
        : [b!.columns!, b!.data.length / b!.columns!];
      if (inner !== a.data.length || outer !== columns || a.shared) throw new Error("factors that do not fit");
      const weight = (k: number, i: number): number => b!.data[across ? k * columns + i : i * inner + k]!;
      return { data: places.map((i) => a.data.reduce((sum, x, k) => sum + x * weight(k, i), 0)), shared: false };
    }
    default: {
      const rows = operands.map(read);
      for (const { data } of rows) {
        if (data.length !== columns && data.length !== 1) throw new Error(`${data.length} columns meet ${columns}`);
      }
      const data = places.map((i) => {
        const [x, y, z] = rows.map((row) => row.data[row.data.length === 1 ? 0 : i]!);
        return OPERATIONS[operation]!(x!, y!, z!);
      });
      return { data, shared: rows.every((row) => row.shared) };
    }
  }
}
