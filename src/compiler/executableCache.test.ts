import { describe, expect, it } from "vitest";
import type { Executable } from "../backend/contract.ts";
import { ExecutableCache } from "./executableCache.ts";

/** An executable that remembers whether it was freed. */
class Fake implements Executable {
  readonly work = 1;
  disposed = 0;
  async run(): Promise<[]> {
    return [];
  }
  dispose(): void {
    this.disposed++;
  }
}

/** A cache with a log of what was compiled. */
function setup(capacity: number) {
  const cache = new ExecutableCache(capacity);
  const made = new Map<string, Fake[]>();
  const compile = (key: string) => async () => {
    const fake = new Fake();
    made.set(key, [...(made.get(key) ?? []), fake]);
    return fake;
  };
  const use = (key: string, fn: (e: Executable) => Promise<unknown> = async () => null) =>
    cache.use(key, compile(key), fn);
  const disposed = (key: string) => made.get(key)!.map((fake) => fake.disposed);
  return { cache, made, use, disposed };
}

/** Lets everything that is pending happen. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("ExecutableCache", () => {
  it("compiles once, also for requests at the same time", async () => {
    const { made, use } = setup(2);
    await Promise.all([use("a"), use("a")]);
    await use("a");
    expect(made.get("a")).toHaveLength(1);
  });

  it("compiles a program that keeps coming back for many runs, once, and frees the first one when it is idle", async () => {
    const cache = new ExecutableCache(2);
    const made: { runs: string; fake: Fake }[] = [];
    const compile = async (runs: string) => {
      const fake = new Fake();
      made.push({ runs, fake });
      return fake;
    };
    let finish = () => {};
    const running = cache.use("a", compile, () => new Promise<void>((resolve) => (finish = resolve)));
    for (let i = 0; i < 40; i++) await cache.use("a", compile, async () => null);
    expect(made.map(({ runs }) => runs)).toEqual(["once", "many"]);
    await settle();
    expect(made[0]!.fake.disposed).toBe(0);
    finish();
    await running;
    await settle();
    expect(made.map(({ fake }) => fake.disposed)).toEqual([1, 0]);
  });

  it("gives the function the program and returns its result", async () => {
    const { made, use } = setup(2);
    expect(await use("a", async (e) => e === made.get("a")![0])).toBe(true);
  });

  it("frees the least recently used program beyond its capacity", async () => {
    const { cache, use, disposed } = setup(2);
    await use("a");
    await use("b");
    await use("a");
    await use("c");
    await settle();
    expect(cache.size).toBe(2);
    expect(disposed("a")).toEqual([0]);
    expect(disposed("b")).toEqual([1]);
    expect(disposed("c")).toEqual([0]);
  });

  it("does not free a program while it runs, and frees it once afterwards", async () => {
    const { use, disposed } = setup(1);
    let finish = () => {};
    const running = use("a", () => new Promise<void>((resolve) => (finish = resolve)));
    await settle();
    await use("b");
    await settle();
    expect(disposed("a")).toEqual([0]);
    finish();
    await running;
    await settle();
    expect(disposed("a")).toEqual([1]);
  });

  it("frees a program whose function failed, and passes the error on", async () => {
    const { cache, use, disposed } = setup(1);
    const failing = use("a", async () => {
      throw new Error("out of memory");
    });
    await expect(failing).rejects.toThrow("out of memory");
    cache.clear();
    await settle();
    expect(disposed("a")).toEqual([1]);
  });

  it("does not keep a compilation that failed", async () => {
    const { cache, use } = setup(1);
    const reject = async (): Promise<Executable> => {
      throw new Error("no kernel");
    };
    await expect(cache.use("a", reject, async () => null)).rejects.toThrow("no kernel");
    expect(cache.size).toBe(0);
    expect(await use("a", async () => "compiled again")).toBe("compiled again");
  });

  it("compiles anew what was freed or forgotten", async () => {
    const { cache, made, use, disposed } = setup(1);
    await use("a");
    cache.clear();
    expect(cache.size).toBe(0);
    await use("a");
    await settle();
    expect(made.get("a")).toHaveLength(2);
    expect(disposed("a")).toEqual([1, 0]);
  });
});
