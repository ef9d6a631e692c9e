/** Functions whose weights stay get a second form with weights as constants; it must never show old ones. */
import { describe, expect, it, vi } from "vitest";
import type { Executable } from "../backend/contract.ts";
import { backend as startBackend } from "../backend/registry.ts";
import * as ops from "../ops/index.ts";
import { expectAllClose } from "../testing/allClose.ts";
import { FrozenProgram } from "./frozenProgram.ts";
import { jit } from "./jit.ts";
import { type Tensor, tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function executable(): Executable & { disposed: boolean } {
  return {
    work: 0,
    disposed: false,
    run: async () => [],
    dispose() {
      this.disposed = true;
    },
  };
}

describe("FrozenProgram", () => {
  /** A program over one variable, runs with given contents, and what was compiled. */
  function setup(bytes = 1) {
    const variable = { contents: {}, bytes: 4 * bytes };
    const made: (Executable & { disposed: boolean })[] = [];
    const compile = vi.fn(async () => {
      made.push(executable());
      return made.at(-1)!;
    });
    const program = new FrozenProgram([variable], compile);
    const runs = async (n: number): Promise<(Executable | null)[]> => {
      const seen: (Executable | null)[] = [];
      for (let i = 0; i < n; i++) {
        seen.push(program.current());
        await settled();
      }
      return seen;
    };
    return { variable, made, compile, program, runs };
  }

  it("compiles once the weights have stayed for some runs", async () => {
    const { made, runs } = setup();
    expect(await runs(5)).toEqual([null, null, null, made[0], made[0]]);
    expect(made.length).toBe(1);
  });

  it("drops its form when a weight changes, and waits twice as long", async () => {
    const { variable, made, runs } = setup();
    await runs(4);
    variable.contents = {};
    expect(await runs(5)).toEqual([null, null, null, null, null]);
    expect(made[0]!.disposed).toBe(true);
    expect(await runs(1)).toEqual([made[1]]);
  });

  it("does not use what was compiled from weights that changed meanwhile", async () => {
    const { variable, made, program, runs } = setup();
    await runs(2);
    program.current(); // starts compiling
    variable.contents = {};
    expect(await runs(2)).toEqual([null, null]);
    expect(made[0]!.disposed).toBe(true);
  });

  it("stays without a form that cannot be compiled", async () => {
    const compile = vi.fn(async () => {
      throw new Error("no");
    });
    const program = new FrozenProgram([{ contents: compile, bytes: 4 }], compile);
    for (let i = 0; i < 9; i++) {
      expect(program.current()).toBe(null);
      await settled();
    }
    expect(compile).toHaveBeenCalledTimes(1);
  });

  it("keeps forms of so many bytes together, and no more", async () => {
    const quarter = 2 ** 25 - 100; // just below 128 MiB: tests before this one hold a few bytes
    const several = Array.from({ length: 5 }, () => setup(quarter));
    for (const { runs } of several) await runs(4);
    expect(several.map(({ made }) => made.length)).toEqual([1, 1, 1, 1, 0]);
    several[0]!.program.dispose();
    await several[4]!.runs(1);
    expect(several[4]!.made.length).toBe(1);
    for (const { program } of several) program.dispose();
  });

  it("frees its form with the function", async () => {
    const { made, program, runs } = setup();
    await runs(4);
    program.dispose();
    expect(made[0]!.disposed).toBe(true);
  });
});

describe("a convolution in a compiled function", () => {
  const size = 32;
  const values = (shape: number[], scale: number): Tensor => {
    const n = shape.reduce((a, b) => a * b, 1);
    return tensor(
      Float32Array.from({ length: n }, (_, i) => Math.sin(i * scale)),
      shape,
    );
  };

  // The frozen form compiles beside the runs: enough of them pass for it to be in use.
  async function repeat(fn: () => Promise<Tensor>): Promise<Float32Array> {
    let last!: Tensor;
    for (let i = 0; i < 12; i++) {
      last = await fn();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return (await last.data()) as Float32Array;
  }

  it("gives the same on weights that stay, and the new result once one changes", async () => {
    const kernel = new Variable(values([3, 3, size, 2 * size], 0.7));
    const scale = new Variable(values([2 * size], 0.3));
    const dense = new Variable(values([2 * size ** 3, 4], 0.11));
    const forward = (x: Tensor): Tensor => {
      const y = ops.multiply(ops.conv(x, kernel.value, { padding: "same" }), scale.value);
      return ops.matmul(ops.reshape(y, [1, -1]), dense.value);
    };
    const x = values([1, size, size, size], 0.9);
    const compiled = jit(forward);
    const compile = vi.spyOn(await startBackend(), "compile");
    const formsOf = (name: string): number =>
      compile.mock.calls.filter(([, options]) => options?.label === name).length;
    const expected = async (): Promise<Float32Array> => (await forward(x).data()) as Float32Array;
    const close = async (): Promise<void> =>
      expectAllClose(await repeat(() => compiled(x)), await expected(), { rtol: 1e-4, atol: 1e-2 });
    await close();
    expect(formsOf("forward")).toBe(2);
    scale.assign(ops.multiply(scale.value, -2));
    await close();
    kernel.assign(values([3, 3, size, 2 * size], 0.4));
    await close();
    // A step that swaps the buffers of variables, between runs of the frozen form.
    const step = jit((g: Tensor) => {
      kernel.assign(ops.subtract(kernel.value, g));
    });
    const g = values([3, 3, size, 2 * size], 0.2);
    for (let i = 0; i < 3; i++) {
      await step(g);
      await close();
    }
    // Handed over at every run, as it is large.
    dense.assign(ops.negative(dense.value));
    await close();
  });
});
