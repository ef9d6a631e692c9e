/** Compiled programs by structure: bounded, least recently used out first, never freed while running. */
import type { Executable } from "../backend/contract.ts";

interface Entry {
  readonly executable: Promise<Executable>;
  /** How often it was asked for; `null` once it is compiled for many runs. */
  uses: number | null;
  running: number;
  evicted: boolean;
}

/** After so many uses a program is compiled for many: a loop of one's own is likely to go on. */
const FEW_USES = 16;

type Compile = (runs: "once" | "many") => Promise<Executable>;

export class ExecutableCache {
  readonly #capacity: number;
  readonly #entries = new Map<string, Entry>();

  /** @param capacity - How many programs to keep. @defaultValue `256` */
  constructor(capacity = 256) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Runs `fn` with the program of `key`, compiling it when it is not there, and anew when it is used for the seventeenth time.
   * Concurrent requests share one compilation; one that fails is not kept.
   */
  async use<T>(key: string, compile: Compile, fn: (executable: Executable) => Promise<T>): Promise<T> {
    const entry = this.#entry(key, compile);
    entry.running++;
    this.#evict();
    try {
      let executable: Executable;
      try {
        executable = await entry.executable;
      } catch (error) {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        throw error;
      }
      return await fn(executable);
    } finally {
      entry.running--;
      if (entry.evicted && entry.running === 0) this.#free(entry);
    }
  }

  /** The entry of a key, which becomes the most recently used one. */
  #entry(key: string, compile: Compile): Entry {
    let entry = this.#entries.get(key);
    if (entry?.uses === FEW_USES) {
      this.#drop(key, entry);
      entry = { executable: compile("many"), uses: null, running: 0, evicted: false };
    }
    if (entry) this.#entries.delete(key);
    else entry = { executable: compile("once"), uses: 0, running: 0, evicted: false };
    if (entry.uses !== null) entry.uses++;
    this.#entries.set(key, entry);
    return entry;
  }

  /** Forgets all programs and frees those that are not running. */
  clear(): void {
    for (const [key, entry] of this.#entries) this.#drop(key, entry);
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#capacity) return;
      this.#drop(key, entry);
    }
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    entry.evicted = true;
    if (entry.running === 0) this.#free(entry);
  }

  #free(entry: Entry): void {
    entry.executable.then(
      (executable) => executable.dispose(),
      // A program that failed to compile has nothing to free; its error went to who asked for it.
      () => undefined,
    );
  }
}
