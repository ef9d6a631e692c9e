/**
 * The Mersenne Twister, seeded and read as NumPy's `RandomState` and Python's `random` do: a folder of files is shuffled and
 * split here as it is there.
 *
 * M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998); the 32-bit generator MT19937.
 */

const N = 624;
const M = 397;

class MersenneTwister {
  readonly #state: Uint32Array;
  #next = N;

  constructor(state: Uint32Array) {
    this.#state = state;
  }

  /** A word of 32 random bits. */
  word(): number {
    if (this.#next === N) this.#refill();
    let y = this.#state[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #refill(): void {
    const s = this.#state;
    for (let k = 0; k < N; k++) {
      const y = (s[k]! & 0x80000000) | (s[(k + 1) % N]! & 0x7fffffff);
      s[k] = s[(k + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}

/** State from one word (`init_genrand`). */
function stateOf(seed: number): Uint32Array {
  const state = new Uint32Array(N);
  state[0] = seed;
  for (let i = 1; i < N; i++) {
    const before = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(1812433253, before) + i;
  }
  return state;
}

/** State from several words (`init_by_array`). */
function stateOfKey(key: readonly number[]): Uint32Array {
  const s = stateOf(19650218);
  let [i, j] = [1, 0];
  const step = (factor: number, more: number): void => {
    s[i] = (s[i]! ^ Math.imul(s[i - 1]! ^ (s[i - 1]! >>> 30), factor)) + more;
    if (++i < N) return;
    s[0] = s[N - 1]!;
    i = 1;
  };
  for (let k = Math.max(N, key.length); k > 0; k--) {
    step(1664525, key[j]! + j);
    j = (j + 1) % key.length;
  }
  for (let k = N - 1; k > 0; k--) step(1566083941, -i);
  s[0] = 0x80000000;
  return s;
}

/** Swaps elements from the end; `draw` gives a number from 0 to its argument. */
function shuffled<T>(items: readonly T[], draw: (largest: number) => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = draw(i);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

/** The order of `numpy.random.RandomState(seed).shuffle`. @param seed - An integer from 0 to 2³² − 1. */
export function numpyShuffle<T>(items: readonly T[], seed: number): T[] {
  const twister = new MersenneTwister(stateOf(seed));
  return shuffled(items, (largest) => {
    const mask = 2 ** (32 - Math.clz32(largest)) - 1;
    for (;;) {
      const value = (twister.word() & mask) >>> 0;
      if (value <= largest) return value;
    }
  });
}

/** The order of Python's `random.seed(seed); random.shuffle`. @param seed - An integer from 0 to 2³² − 1. */
export function pythonShuffle<T>(items: readonly T[], seed: number): T[] {
  const twister = new MersenneTwister(stateOfKey([seed]));
  return shuffled(items, (largest) => {
    const bits = 32 - Math.clz32(largest + 1);
    for (;;) {
      const value = twister.word() >>> (32 - bits);
      if (value <= largest) return value;
    }
  });
}
