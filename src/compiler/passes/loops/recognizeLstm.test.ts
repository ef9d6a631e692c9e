/** Recurrent layers whose weights stay become the engine's LSTM; everything that only looks like one stays a loop. */
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backend as startBackend } from "../../../backend/registry.ts";
import type { TypedArray } from "../../../core/dtype.ts";
import type { Program } from "../../../ir/program.ts";
import * as layers from "../../../layers/index.ts";
import * as ops from "../../../ops/index.ts";
import { registerAllBuiltins } from "../../../registerBuiltins.ts";
import { jit } from "../../../runtime/jit.ts";
import { type Tensor, tensor } from "../../../runtime/tensor.ts";
import { expectAllClose } from "../../../testing/allClose.ts";

const [batch, length, width] = [8, 40, 24];
const x = tensor(
  Float32Array.from({ length: batch * length * width }, (_, i) => Math.sin(i * 0.37)),
  [batch, length, width],
);

// For the copy that Bidirectional makes of its layer.
registerAllBuiltins();

/** Whether the backend says that it has loops of its own. */
async function ownLoops(value: boolean): Promise<void> {
  ((await startBackend()) as { ownLoops?: boolean }).ownLoops = value;
}
const before = (await startBackend()).ownLoops ?? false;
beforeEach(() => ownLoops(false));
afterAll(() => ownLoops(before));
afterEach(() => vi.restoreAllMocks());

type Call = (x: Tensor) => Tensor | readonly Tensor[];

/** Runs until the form with constants is in use: its program, its results, and those of the first run. */
async function settle(call: Call) {
  const compile = vi.spyOn(await startBackend(), "compile");
  const run = jit((input: Tensor) => ops.concatenate([call(input)].flat().map((t) => ops.reshape(t, [-1]))));
  const first = (await (await run(x)).data()).slice();
  let last: TypedArray = first;
  for (let i = 0; i < 30 && compile.mock.calls.length < 2; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await run(x);
  }
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    last = await (await run(x)).data();
  }
  return { program: compile.mock.calls.at(-1)![0] as Program, first, last };
}

const operations = ({ nodes }: Program): string[] => nodes.map((node) => node.op);

describe("an LSTM on weights that stay", () => {
  const units = 32;
  const random = { seed: 1, biasInitializer: "glorot_uniform" };
  const variants: readonly (readonly [name: string, make: () => Call])[] = [
    ["plain", () => layers.LSTM(units, random)],
    ["without a bias", () => layers.LSTM(units, { useBias: false })],
    ["all outputs", () => layers.LSTM(units, { ...random, returnSequences: true })],
    ["from the end", () => layers.LSTM(units, { ...random, goBackwards: true, returnSequences: true })],
    ["with states", () => layers.LSTM(units, { ...random, returnState: true }) as unknown as Call],
    [
      "from given states",
      () => {
        const layer = layers.LSTM(units, random);
        return (input) => layer(input, { initialState: [ops.ones([batch, units]), ops.full([batch, units], -0.5)] });
      },
    ],
    ["in both directions", () => layers.Bidirectional(layers.LSTM(units, { ...random, returnSequences: true }))],
  ];
  it.each(variants)("is the engine's: %s", async (_, make) => {
    const { program, first, last } = await settle(make());
    expect(operations(program)).toContain("lstm");
    expect(operations(program)).not.toContain("scan");
    expectAllClose(last, first, { rtol: 1e-5, atol: 1e-5 });
  });

  it("stays a loop where the backend computes loops itself", async () => {
    await ownLoops(true);
    const { program, first, last } = await settle(layers.LSTM(units, random));
    expect(operations(program)).toContain("scan");
    expectAllClose(last, first, { rtol: 1e-5, atol: 1e-5 });
  });

  const others: readonly (readonly [name: string, make: () => Call])[] = [
    ["another activation", () => layers.LSTM(units, { activation: "relu" })],
    ["another gate", () => layers.LSTM(units, { recurrentActivation: "hard_sigmoid" })],
    ["another cell", () => layers.GRU(units)],
    [
      "a mask",
      () => {
        const layer = layers.LSTM(units);
        return (input) => layer(input, { mask: ops.greater(ops.sum(input, { axis: -1 }), 0) });
      },
    ],
  ];
  it.each(others)("stays a loop: %s", async (_, make) => {
    const { program, first, last } = await settle(make());
    expect(operations(program)).toContain("scan");
    expectAllClose(last, first, { rtol: 1e-5, atol: 1e-5 });
  });
});
