/** Constraints against real Keras (test/fixtures/initializers.json). */
import { describe, expect, it } from "vitest";
import { type Tensor, tensor, tensorFromHost } from "../runtime/tensor.ts";
import { type Config, registerBuiltins } from "../serialization/registry.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { decode, decodeNumbers, type EncodedArray, loadFixture } from "../testing/fixtures.ts";
import * as constraints from "./index.ts";

interface Case {
  readonly class: string;
  readonly args: Config;
  readonly config: Config;
  readonly values: Readonly<Record<string, EncodedArray>>;
}

const fixture = loadFixture<{
  weights: Record<string, EncodedArray>;
  constraints: Case[];
  constraint_names: Record<string, string>;
}>("initializers");

registerBuiltins("keras.constraints", constraints.CLASSES);

const load = (array: EncodedArray): Tensor => {
  const { data, shape, dtype } = decode(array);
  return tensorFromHost(data, shape, dtype);
};
const camel = (key: string): string => key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
const create = ({ class: name, args }: Case): constraints.Constraint =>
  (constraints as unknown as Record<string, (o: Config) => constraints.Constraint>)[name]!(
    Object.fromEntries(Object.entries(args).map(([key, value]) => [camel(key), value])),
  );
const labelled = fixture.constraints.map((c) => [`${c.class} ${JSON.stringify(c.args)}`, c] as const);

describe("constraints", () => {
  it.each(labelled)("%s", async (_, c) => {
    const constraint = create(c);
    for (const [weight, value] of Object.entries(c.values)) {
      const projected = constraint(load(fixture.weights[weight]!));
      expect(projected.shape).toEqual(value.shape);
      expectAllClose(await projected.data(), decodeNumbers(value), { label: weight, rtol: 1e-5 });
    }
    const config = constraints.serialize(constraint) as Config;
    expect(config).toEqual(c.config);
    expect(constraints.serialize(constraints.deserialize(config))).toEqual(config);
  });

  it.each(Object.entries(fixture.constraint_names).filter(([, cls]) => cls !== "Constraint"))("get %s", (name, cls) => {
    expect(constraints.get(name)).toBeInstanceOf(constraints.CLASSES[cls]!);
  });

  it("take the norm alone or by name", async () => {
    const w = tensor([3, 4]); // norm 5
    expectAllClose(await constraints.MaxNorm(1)(w).data(), [0.6, 0.8]);
    expectAllClose(await constraints.MaxNorm({ maxValue: 1 })(w).data(), [0.6, 0.8]);
    expectAllClose(await constraints.MaxNorm(10, { axis: -1 })(w).data(), [3, 4]);
  });

  it("accept functions", () => {
    const mine = (w: Tensor): Tensor => w;
    expect(constraints.get(mine)).toBe(mine);
    expect(constraints.get(null)).toBeNull();
  });

  const errors: [string, () => unknown, string][] = [
    [
      "option",
      () => constraints.UnitNorm({ axes: 1 } as never),
      'UnitNorm: unknown option `axes`. Did you mean "axis"?',
    ],
    ["name", () => constraints.get("maxnorm"), 'unknown constraint "maxnorm". Did you mean "'],
    ["kind", () => constraints.get(3 as never), "expected a constraint: a name, a config, an object or a function"],
  ];
  it.each(errors)("error: %s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
