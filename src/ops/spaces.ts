/** Evenly spaced numbers. Bounds are numbers (then computed on the host, in double precision) or tensors, one result per element. */
import { floatx } from "../core/config.ts";
import { type DType, isFloat, isInteger } from "../core/dtype.ts";
import { describe } from "../core/errors.ts";
import { normalizeAxis } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { fromValues } from "./creation.ts";
import { defineOp, optionalDType, promote, wrap } from "./define.ts";
import type { Result, TensorLike } from "./kerasTensor.ts";
import { num, readOptions, type Statics } from "./kit.ts";

interface SpaceOptions {
  /** Whether `stop` is the last number. @defaultValue `true` */
  endpoint?: boolean;
  /** @defaultValue floatx */
  dtype?: string | null;
  /** Where the numbers go, when the bounds are tensors. @defaultValue `0` */
  axis?: number;
}

const KEYS = { num: "num", endpoint: "endpoint", dtype: "dtype", axis: "axis" };
const OPTIONS = ["endpoint", "dtype", "axis"] as const;

function checkCount(where: string, count: unknown): asserts count is number {
  if (!Number.isInteger(count) || (count as number) < 0) {
    throw new RangeError(`${where}: expected \`num\` to be a non-negative integer. Received: ${describe(count)}`);
  }
}

/** How far apart `count` numbers are, as shares of the whole distance. */
const sharesOf = (count: number, endpoint: boolean): number[] => {
  const parts = endpoint ? Math.max(1, count - 1) : count;
  return Array.from({ length: count }, (_, i) => i / parts);
};

const evenly = (start: number, stop: number, count: number, endpoint: boolean): number[] =>
  sharesOf(count, endpoint).map((t, i) => (t === 1 && i > 0 ? stop : start + t * (stop - start)));

/** start + share · (stop - start) for tensors, along a new axis. */
function evenlyValue(where: string, start: Value, stop: Value, s: Statics): Value {
  const [a, b] = promote([wrap(start), wrap(stop)], { atLeastFloat: true }) as [Value, Value];
  const shape = build.binary("add", a, b).shape;
  const axis = normalizeAxis((s.axis as number | null) ?? 0, shape.length + 1, where);
  const shares = sharesOf(s.num as number, s.endpoint !== false);
  const along = shape.map(() => 1);
  along.splice(axis, 0, shares.length);
  const open = (v: Value): Value => {
    const full = build.broadcastTo(v, shape);
    return build.reshape(full, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
  };
  const t = fromValues(shares, along, a.dtype).node;
  const rest = build.binary("sub", num(1, a), t);
  return build.binary("add", build.binary("mul", open(a), rest), build.binary("mul", open(b), t));
}

/** Integers are rounded down, as NumPy does. */
const finish = (x: Value, dtype: unknown): Tensor => {
  const target = optionalDType(dtype as string | null);
  if (!target) return wrap(x);
  return wrap(build.cast(isInteger(target) ? build.unary("floor", x) : x, target));
};

/** Numbers from the host in the dtype asked for. */
const hostValues = (values: readonly number[], dtype: string | null | undefined): Tensor => {
  const target: DType = optionalDType(dtype) ?? floatx();
  return fromValues(isFloat(target) ? values : values.map(Math.floor), [values.length], target);
};

/** Both bounds as plain numbers, or `null`. */
const plainBounds = (start: unknown, stop: unknown): [number, number] | null =>
  typeof start === "number" && typeof stop === "number" ? [start, stop] : null;

const linspaceOp = defineOp("Linspace", "numpy", { ...KEYS, retstep: "retstep" }, ([start, stop], s) => {
  const [a, b] = promote([start, stop], { atLeastFloat: true }) as [Value, Value];
  const values = finish(evenlyValue("linspace", a, b, s), s.dtype);
  if (!s.retstep) return values;
  const parts = (s.num as number) - (s.endpoint === false ? 0 : 1);
  return [values, wrap(build.binary("div", build.binary("sub", b, a), num(parts > 0 ? parts : Number.NaN, a)))];
});

/**
 * `num` numbers evenly spaced from start to stop.
 *
 * @param start - A number, or a tensor: then the numbers are a new axis.
 * @param options - `retstep` gives the distance of neighbours too: `[numbers, step]`.
 */
export function linspace<A extends TensorLike, B extends TensorLike>(
  start: A,
  stop: B,
  num: number | undefined,
  options: SpaceOptions & { retstep: true },
): [Result<A | B>, Result<A | B>];
export function linspace<A extends TensorLike, B extends TensorLike>(
  start: A,
  stop: B,
  num?: number,
  options?: SpaceOptions & { retstep?: false },
): Result<A | B>;
export function linspace(
  start: TensorLike,
  stop: TensorLike,
  count = 50,
  options?: SpaceOptions & { retstep?: boolean },
): unknown {
  const read = readOptions("linspace", options, [...OPTIONS, "retstep"]);
  const { endpoint = true, dtype = null, axis = 0, retstep = false } = read;
  checkCount("linspace", count);
  const plain = plainBounds(start, stop);
  if (!plain || retstep) return linspaceOp([start, stop], { num: count, endpoint, dtype, axis, retstep });
  return hostValues(evenly(...plain, count, endpoint), dtype);
}

const logspaceOp = defineOp("Logspace", "numpy", { ...KEYS, base: "base" }, ([start, stop], s) => {
  const [a, b] = promote([start, stop], { atLeastFloat: true }) as [Value, Value];
  const exponents = evenlyValue("logspace", a, b, s);
  return finish(build.binary("pow", num((s.base as number | null) ?? 10, exponents), exponents), s.dtype);
});
/** `num` numbers from base^start to base^stop, with evenly spaced exponents. */
export function logspace<A extends TensorLike, B extends TensorLike>(
  start: A,
  stop: B,
  num = 50,
  options?: SpaceOptions & { base?: number },
): Result<A | B> {
  const { endpoint = true, base = 10, dtype = null, axis = 0 } = readOptions("logspace", options, [...OPTIONS, "base"]);
  checkCount("logspace", num);
  const plain = plainBounds(start, stop);
  const result: unknown = plain
    ? hostValues(
        evenly(...plain, num, endpoint).map((e) => base ** e),
        dtype,
      )
    : logspaceOp([start, stop], { num, endpoint, dtype, axis, base });
  return result as Result<A | B>;
}

const geomspaceOp = defineOp("Geomspace", "numpy", KEYS, ([start, stop], s) => {
  const [a, b] = promote([start, stop], { atLeastFloat: true }) as [Value, Value];
  const log = (x: Value): Value => build.unary("log", build.unary("abs", x));
  const sizes = build.unary("exp", evenlyValue("geomspace", log(a), log(b), s));
  const signs = evenlyValue("geomspace", build.unary("sign", a), build.unary("sign", a), s);
  return finish(build.binary("mul", sizes, signs), s.dtype);
});
/**
 * `num` numbers from start to stop, each the same multiple of the one before.
 *
 * @throws RangeError for numbers of different sign, or 0.
 */
export function geomspace<A extends TensorLike, B extends TensorLike>(
  start: A,
  stop: B,
  num = 50,
  options?: SpaceOptions,
): Result<A | B> {
  const { endpoint = true, dtype = null, axis = 0 } = readOptions("geomspace", options, OPTIONS);
  checkCount("geomspace", num);
  const plain = plainBounds(start, stop);
  if (!plain) return geomspaceOp([start, stop], { num, endpoint, dtype, axis }) as Result<A | B>;
  const [a, b] = plain;
  if (!(a * b > 0)) {
    throw new RangeError(
      `geomspace: expected \`start\` and \`stop\` of one sign, neither 0. Received: start=${a}, stop=${b}`,
    );
  }
  const logs = evenly(Math.log(Math.abs(a)), Math.log(Math.abs(b)), num, endpoint);
  const values = logs.map((x, i) => {
    if (i === 0) return a;
    return endpoint && i === num - 1 ? b : Math.sign(a) * Math.exp(x);
  });
  return hostValues(values, dtype) as Tensor as Result<A | B>;
}
