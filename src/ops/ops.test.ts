/** Every op against real Keras: results, dtypes and gradients from test/fixtures/ops.json, on both backends. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/grad.ts";
import { backendName, setBackend } from "../backend/registry.ts";
import { fromElement } from "../core/dtype.ts";
import { isPlainObject } from "../core/tree.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { decode, decodeNumbers, type EncodedArray, isEncoded, loadFixture } from "../testing/fixtures.ts";
import * as ops from "./index.ts";

interface Case {
  readonly name: string;
  readonly op: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly EncodedArray[];
  readonly many: boolean;
  readonly c?: readonly EncodedArray[];
  readonly gradients?: readonly EncodedArray[];
}

const { cases } = loadFixture<{ cases: Case[] }>("ops");

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
/** Names where ours is not Keras's in camel case. */
const NAMES: Readonly<Record<string, string>> = { isclose: "isclose" };
/** Arguments that Python takes by position and we by name. */
/** Arrays that are static here: their numbers decide the shape of the result. */
const STATIC: Readonly<Record<string, number>> = { repeat: 1 };
const BY_NAME: Readonly<Record<string, readonly (string | null)[]>> = { eye: [null, "m"] };

function revive(value: unknown, tensors: Tensor[]): unknown {
  if (isEncoded(value)) {
    const { data, shape, dtype } = decode(value);
    const t = tensorFromHost(data, shape, dtype);
    tensors.push(t);
    return t;
  }
  if (Array.isArray(value)) return value.map((item) => revive(item, tensors));
  if (isPlainObject(value))
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [camel(k), revive(v, tensors)]));
  return value;
}

function call({ op, args, kwargs }: Case): { results: Tensor[]; inputs: Tensor[] } {
  const inputs: Tensor[] = [];
  const options = revive(kwargs, []) as Record<string, unknown>;
  const positional: unknown[] = [];
  args.forEach((arg, i) => {
    const name = BY_NAME[op]?.[i];
    if (STATIC[op] === i && isEncoded(arg)) positional.push(decodeNumbers(arg));
    else if (name) options[name] = revive(arg, inputs);
    else positional.push(revive(arg, inputs));
  });
  const fn = (ops as unknown as Record<string, (...a: unknown[]) => unknown>)[NAMES[op] ?? camel(op)];
  if (!fn) throw new Error(`no op ${op}`);
  const result = fn(...positional, ...(Object.keys(options).length > 0 ? [options] : []));
  const results = (Array.isArray(result) ? result : [result]) as Tensor[];
  return { results, inputs };
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

for (const backend of ["onnx", "reference"]) {
  describe(`keras.ops on ${backend}, against Keras`, () => {
    const before = backendName();
    beforeAll(() => setBackend(backend));
    afterAll(() => setBackend(before));

    for (const fixture of cases) {
      it(fixture.name, async () => {
        const { results, inputs } = call(fixture);
        // Gradients first: a computed tensor no longer knows what it was computed from.
        const weighted = (fixture.gradients ? results.slice(0, fixture.c!.length) : []).map((r, i) => {
          const { data, shape, dtype } = decode(fixture.c![i]!);
          return ops.sum(ops.multiply(r, tensorFromHost(data, shape, dtype)));
        });
        const floats = inputs.filter((t) => t.dtype === "float32");
        const found = fixture.gradients
          ? gradientsOf(
              weighted.reduce((a, b) => ops.add(a, b)),
              floats,
            )
          : [];
        expect(results.length).toBe(fixture.outputs.length);
        for (const [i, expected] of fixture.outputs.entries()) {
          expect(fold(results[i]!.dtype), "dtype").toBe(expected.dtype);
          await expectClose(`output ${i}`, results[i]!, expected, expected.dtype.endsWith("16") ? 1e-2 : 2e-6);
        }
        for (const [i, expected] of (fixture.gradients ?? []).entries()) {
          const gradient = found[i] ?? ops.zerosLike(floats[i]!);
          await expectClose(`gradient ${i}`, gradient, expected, 2e-5);
        }
      });
    }
  });
}
