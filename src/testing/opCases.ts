/** Ops against real Keras: results, dtypes and gradients from a fixture that tools/fixtures/ops*.py made, on both backends. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/grad.ts";
import { backendName, setBackend } from "../backend/registry.ts";
import { fromElement } from "../core/dtype.ts";
import { isPlainObject } from "../core/tree.ts";
import * as ops from "../ops/index.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { decode, decodeNumbers, type EncodedArray, isEncoded, loadFixture } from "./fixtures.ts";

interface Case {
  readonly name: string;
  readonly op: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly EncodedArray[];
  /** Signs are free, as those of eigenvectors are: absolute values are compared. */
  readonly compare?: "abs";
  /** Relative error that the method has by its nature, where it is more than rounding. */
  readonly tolerance?: number;
  readonly c?: readonly EncodedArray[];
  readonly gradients?: readonly EncodedArray[];
}

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
/** Options that are called otherwise in TypeScript. */
const OPTIONS: Readonly<Record<string, string>> = { N: "n", M: "m" };
/** Arrays that are static here: their numbers decide the shape of the result. */
const STATIC: Readonly<Record<string, number>> = { repeat: 1 };
/** Arguments that Python takes by position and we by name. */
const BY_NAME: Readonly<Record<string, readonly (string | null)[]>> = { eye: [null, "m"] };

function revive(value: unknown, tensors: Tensor[]): unknown {
  if (isEncoded(value)) {
    const { data, shape, dtype } = decode(value);
    const t = tensorFromHost(data, shape, dtype);
    tensors.push(t);
    return t;
  }
  if (Array.isArray(value)) return value.map((item) => revive(item, tensors));
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [OPTIONS[k] ?? camel(k), revive(v, tensors)]));
  }
  return value;
}

async function call({ op, args, kwargs, compare }: Case): Promise<{ results: Tensor[]; inputs: Tensor[] }> {
  const inputs: Tensor[] = [];
  const options = revive(kwargs, []) as Record<string, unknown>;
  const positional: unknown[] = [];
  args.forEach((arg, i) => {
    const name = BY_NAME[op]?.[i];
    if (STATIC[op] === i && isEncoded(arg)) positional.push(decodeNumbers(arg));
    else if (name) options[name] = revive(arg, inputs);
    else positional.push(revive(arg, inputs));
  });
  type Functions = Record<string, (...a: unknown[]) => unknown>;
  const fn = (ops as unknown as Functions)[camel(op)] ?? (ops.image as unknown as Functions)[camel(op)];
  if (!fn) throw new Error(`no op ${op}`);
  const result = await fn(...positional, ...(Object.keys(options).length > 0 ? [options] : []));
  const results = (Array.isArray(result) ? result : [result]).flat() as Tensor[];
  return { results: compare === "abs" ? results.map((r) => ops.abs(r)) : results, inputs };
}

/** JAX folds 64-bit integers to 32; where Keras itself says int64 we may too. */
const fold = (dtype: string): string => ({ int64: "int32", uint64: "uint32", float64: "float32" })[dtype] ?? dtype;

async function expectClose(what: string, actual: Tensor, expected: EncodedArray, tolerance: number): Promise<void> {
  expect(actual.shape, `${what}: shape`).toEqual(expected.shape);
  const data = await actual.data();
  const numbers = decodeNumbers(expected);
  let worst = -1;
  let error = 0;
  numbers.forEach((e, i) => {
    const a = fromElement(actual.dtype, data[i]!);
    if (Object.is(a, e) || a === e) return;
    const d = Number.isFinite(a) && Number.isFinite(e) ? Math.abs(a - e) / (1 + Math.abs(e)) : Number.POSITIVE_INFINITY;
    if (d > error) [worst, error] = [i, d];
  });
  expect(
    error,
    `${what}: element ${worst} is ${worst < 0 ? "" : data[worst]}, Keras has ${numbers[worst]}`,
  ).toBeLessThan(tolerance);
}

/** Σ results · c, over the results that have a weight: what the generator differentiated. */
function weightedSum(results: readonly Tensor[], c: readonly EncodedArray[]): Tensor {
  const floats = results.filter((r) => r.dtype === "float32");
  return c
    .map((weights, i) => {
      const { data, shape, dtype } = decode(weights);
      return ops.sum(ops.multiply(floats[i]!, tensorFromHost(data, shape, dtype)));
    })
    .reduce((a, b) => ops.add(a, b));
}

/** Declares the tests of `test/fixtures/<fixture>.json`. */
export function describeOpCases(fixture: string): void {
  const { cases } = loadFixture<{ cases: Case[] }>(fixture);
  for (const backend of ["onnx", "reference"]) {
    describe(`${fixture} on ${backend}, against Keras`, () => {
      const before = backendName();
      beforeAll(() => setBackend(backend));
      afterAll(() => setBackend(before));

      for (const entry of cases) {
        it(entry.name, async () => {
          const { results, inputs } = await call(entry);
          // Gradients first: a computed tensor no longer knows what it was computed from.
          const floats = inputs.filter((t) => t.dtype === "float32");
          const found = entry.gradients ? gradientsOf(weightedSum(results, entry.c!), floats) : [];
          expect(results.length).toBe(entry.outputs.length);
          // Computed together with what they belong to: a result that was read is rounded, what it is compared with need not be.
          for (const [i, expected] of (entry.gradients ?? []).entries()) {
            const gradient = found[i] ?? ops.zerosLike(floats[i]!);
            await expectClose(`gradient ${i}`, gradient, expected, 10 * (entry.tolerance ?? 2e-6));
          }
          for (const [i, expected] of entry.outputs.entries()) {
            expect(fold(results[i]!.dtype), "dtype").toBe(expected.dtype);
            const tolerance = entry.tolerance ?? (expected.dtype.endsWith("16") ? 1e-2 : 2e-6);
            await expectClose(`output ${i}`, results[i]!, expected, tolerance);
          }
        });
      }
    });
  }
}
