/** Where randomness comes from: seeds that people give, generators that count, and the process-wide source of the rest. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { uniqueName } from "../core/names.ts";
import * as build from "../ir/build.ts";
import { randomBitsAt } from "../ir/randomBits.ts";
import { nameScope } from "../runtime/nameScope.ts";
import { Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { withTrace } from "../runtime/trace.ts";
import { Variable, watchingVariables } from "../runtime/variable.ts";
import type { Config } from "../serialization/registry.ts";
import { seedWord } from "./hostRandom.ts";

/** The process-wide source: what Python's `random` is to Keras. Seeded by the clock until `setRandomSeed`. */
const source = { word: seedWord(Date.now() >>> 0), drawn: 0 };

/** A seed from the process-wide source, from 1 to 1e9. */
export function makeDefaultSeed(): number {
  return 1 + (randomBitsAt(source.word, 0, source.drawn++) % 1_000_000_000);
}

/** The process-wide source as it is now. @returns What sets it back to that. */
export function rememberSeeds(): () => void {
  const { drawn } = source;
  return () => {
    source.drawn = drawn;
  };
}

/** Serves draws without a seed. Made at the first of them, and kept: compiled functions hold its state. */
let global: SeedGeneratorBase | null = null;

const globalSeed = (): number => randomBitsAt(source.word, 1, 0);

/**
 * Makes everything random from now on repeat exactly: initial weights, dropout, the order of samples in `fit`, and
 * `keras.random` without a seed. Generators that exist go on from where they are, as in Keras.
 *
 * @param seed - A non-negative integer below 2³².
 */
export function setRandomSeed(seed: number): void {
  checkSeed("setRandomSeed", seed, "an integer");
  source.word = seedWord(seed);
  source.drawn = 0;
  withTrace(null, () => global?.state.assign(keyOf(globalSeed())));
}

function checkSeed(where: string, seed: unknown, kinds: string): asserts seed is number {
  const text = `${where}: expected \`seed\` to be ${kinds} from 0 to 2^32 - 1. Received: ${describe(seed)}`;
  if (typeof seed !== "number") throw new TypeError(text);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) throw new RangeError(text);
}

/** A key for `random_bits`: a word made of the seed, and a counter. */
const keyOf = (seed: number): Tensor => tensorFromHost(Uint32Array.of(seedWord(seed), 0), [2], "uint32");

class SeedGeneratorBase {
  static readonly className = "SeedGenerator";
  static readonly modulePath = "keras.random";

  readonly name: string;
  /** A word made of the seed, and the number of draws. Part of a layer's state, so that compiled steps draw anew each time. */
  readonly state: Variable;
  readonly #given: number | null;

  constructor(
    seed?: number | null | { seed?: number | null; name?: string | null },
    options: { name?: string | null } = {},
  ) {
    const all = typeof seed === "object" && seed !== null ? seed : { ...options, seed: seed ?? null };
    checkOptions("SeedGenerator", all, ["seed", "name"]);
    const given = all.seed ?? null;
    if (given !== null) checkSeed("SeedGenerator", given, "null or an integer");
    this.#given = given;
    this.name = all.name ?? uniqueName("seed_generator");
    const initial = keyOf(given ?? makeDefaultSeed());
    // No weight: a call may draw from a generator of its own.
    this.state = watchingVariables(null, () =>
      nameScope(
        this.name,
        () => new Variable(initial, { trainable: false, autocast: false, name: "seed_generator_state" }),
      ),
    );
  }

  /** The current key; the counter moves on. */
  next(): Tensor {
    const key = this.state.value;
    const one = build.constant(Uint32Array.of(0, 1), [2], "uint32");
    this.state.assign(new Tensor(build.binary("add", key.node, one)));
    return key;
  }

  getConfig(): Config {
    return { seed: this.#given, name: this.name };
  }

  static fromConfig(config: Config): SeedGeneratorBase {
    return new SeedGeneratorBase({ seed: config.seed as number | null, name: config.name as string | null });
  }
}

/**
 * A counter of random keys: each draw with it gives new numbers, and the same seed gives the same sequence.
 * Keep one in a property of a layer that is random; its state is found, saved and compiled into steps.
 *
 * @param seed - @defaultValue drawn from the source that `setRandomSeed` seeds
 * @example
 * const seed = new keras.random.SeedGenerator(1337);
 * keras.random.normal([2], { seed }); // another pair each time
 * @see keras/src/random/seed_generator.py (Keras 3.x)
 */
export const SeedGenerator = callable(SeedGeneratorBase);
export type SeedGenerator = SeedGeneratorBase;

/** What random functions take as `seed`: a number (the same values each time), a generator, or nothing. */
export type Seed = number | SeedGeneratorBase | null;

/** The key for one draw. */
export function drawKey(where: string, seed: Seed | undefined): Tensor {
  if (seed instanceof SeedGeneratorBase) return seed.next();
  if (seed === null || seed === undefined) {
    global ??= new SeedGeneratorBase({ seed: globalSeed(), name: "global_seed_generator" });
    return global.next();
  }
  checkSeed(where, seed, "a SeedGenerator, null or an integer");
  return keyOf(seed);
}
