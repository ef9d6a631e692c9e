/** Regularizers against real Keras (test/fixtures/initializers.json). */
import { describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/grad.ts";
import * as ops from "../ops/index.ts";
import { type Tensor, tensor, tensorFromHost } from "../runtime/tensor.ts";
import { type Config, registerBuiltins } from "../serialization/registry.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as regularizers from "./index.ts";

interface Case {
  readonly class: string;
  readonly args: Config;
  readonly config: { readonly config: Config };
  readonly values: Readonly<Record<string, number>>;
}

const fixture = loadFixture<{
  weights: Record<string, EncodedArray>;
  regularizers: Case[];
  regularizer_names: Record<string, string>;
}>("initializers");

registerBuiltins("keras.regularizers", regularizers.CLASSES);

const load = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensorFromHost(data, shape, dtype);
};
const create = ({ class: name, args }: Case): regularizers.Regularizer =>
  (regularizers as unknown as Record<string, (o: Config) => regularizers.Regularizer>)[name]!(args);
const labelled = fixture.regularizers.map((c) => [`${c.class} ${JSON.stringify(c.args)}`, c] as const);

/** Keras rounds coefficients to float32 before it writes them. */
const rounded = (config: unknown): unknown =>
  JSON.parse(JSON.stringify(config), (_, value) => (typeof value === "number" ? Math.fround(value) : value));

describe("regularizers", () => {
  it.each(labelled)("%s", async (_, c) => {
    const regularizer = create(c);
    for (const [weight, value] of Object.entries(c.values)) {
      expectAllClose(await regularizer(load(fixture.weights[weight]!)).item(), value, { label: weight, rtol: 1e-5 });
    }
    const config = regularizers.serialize(regularizer) as Config;
    expect(rounded(config)).toEqual(rounded(c.config));
    expect(regularizers.serialize(regularizers.deserialize(config))).toEqual(config);
  });

  it.each(Object.entries(fixture.regularizer_names).filter(([, cls]) => cls !== "Regularizer"))(
    "get %s",
    (name, cls) => {
      expect(regularizers.get(name)).toBeInstanceOf(regularizers.CLASSES[cls]!);
    },
  );

  it("take their coefficient alone or by name", async () => {
    const w = tensor([1, -2]);
    expect(await regularizers.L1(0.5)(w).item()).toBeCloseTo(1.5, 6);
    expect(await regularizers.L1({ l1: 0.5 })(w).item()).toBeCloseTo(1.5, 6);
    expect(await regularizers.L2(0.5)(w).item()).toBeCloseTo(2.5, 6);
    expect(await new regularizers.L1L2({ l1: 1, l2: 1 })(w).item()).toBeCloseTo(8, 6);
    expect(await regularizers.L1L2()(w).item()).toBe(0);
  });

  it("have gradients", async () => {
    const w = tensor([1, -2]);
    const [gradient] = gradientsOf(regularizers.L1L2({ l1: 0.1, l2: 0.2 })(w), [w]);
    expectAllClose(await gradient!.data(), [0.1 + 0.4, -0.1 - 0.8]); // l1 · sign(w) + 2 · l2 · w
  });

  it("accept functions", () => {
    const mine = (x: Tensor): Tensor => ops.sum(x);
    expect(regularizers.get(mine)).toBe(mine);
    expect(regularizers.get(null)).toBeNull();
  });

  const errors: [string, () => unknown, string][] = [
    ["negative", () => regularizers.L1(-1), "L1: expected `l1` to be a finite non-negative number. Received: -1"],
    ["NaN", () => regularizers.L2({ l2: Number.NaN }), "L2: expected `l2` to be a finite non-negative number"],
    ["option", () => regularizers.L1L2({ l3: 1 } as never), "L1L2: unknown option `l3`"],
    ["mode", () => regularizers.OrthogonalRegularizer({ mode: "row" as never }), '`mode` to be "rows" or "columns"'],
    ["rank", () => regularizers.OrthogonalRegularizer()(tensor([1, 2])), "expected a matrix. Received: shape (2,)"],
    ["name", () => regularizers.get("l3"), 'unknown regularizer "l3". Did you mean "'],
  ];
  it.each(errors)("error: %s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
