/** One pass through changed data, per transformation: what each does to the elements of another pass. */
import { randomBitsAt } from "../ir/randomBits.ts";
import { seedWord } from "../random/hostRandom.ts";

export async function* mapped<T, U>(
  source: AsyncIterable<T>,
  fn: (element: T, index: number) => U | Promise<U>,
): AsyncGenerator<U> {
  let index = 0;
  for await (const element of source) yield await fn(element, index++);
}

export async function* filtered<T>(
  source: AsyncIterable<T>,
  keep: (element: T, index: number) => boolean | Promise<boolean>,
): AsyncGenerator<T> {
  let index = 0;
  for await (const element of source) if (await keep(element, index++)) yield element;
}

export async function* taken<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let left = count;
  if (left <= 0) return;
  for await (const element of source) {
    yield element;
    if (--left === 0) return;
  }
}

export async function* skipped<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let left = count;
  for await (const element of source) if (left-- <= 0) yield element;
}

/** @param count - Passes; Infinity for data without an end. */
export async function* repeated<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  for (let pass = 0; pass < count; pass++) {
    let some = false;
    for await (const element of source) {
      some = true;
      yield element;
    }
    if (!some) return; // else repeating nothing without an end would hang
  }
}

export async function* concatenated<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  for (const source of sources) yield* source;
}

export async function* counted<T>(source: AsyncIterable<T>, start: number): AsyncGenerator<[number, T]> {
  let index = start;
  for await (const element of source) yield [index++, element];
}

/** Elements of several sources side by side; ends with the shortest. */
export async function* zipped(sources: readonly AsyncIterable<unknown>[]): AsyncGenerator<unknown[]> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  try {
    for (;;) {
      const steps = await Promise.all(iterators.map((iterator) => iterator.next()));
      if (steps.some((step) => step.done)) return;
      yield steps.map((step) => step.value);
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()));
  }
}

/**
 * A random order, as far as a buffer allows: each element is drawn from the `size` that come next.
 *
 * @param turn - Which pass with this seed it is; each has its own order.
 */
export async function* shuffled<T>(
  source: AsyncIterable<T>,
  size: number,
  seed: number,
  turn: number,
): AsyncGenerator<T> {
  const word = seedWord(seed);
  let drawn = 0;
  const draw = (n: number): number => Math.floor(randomBitsAt(word, turn, drawn++) * 2 ** -32 * n);
  const buffer: T[] = [];
  for await (const element of source) {
    if (buffer.length < size) {
      buffer.push(element);
      continue;
    }
    const place = draw(size);
    const out = buffer[place]!;
    buffer[place] = element;
    yield out;
  }
  while (buffer.length > 0) {
    const place = draw(buffer.length);
    const out = buffer[place]!;
    buffer[place] = buffer.at(-1)!;
    buffer.pop();
    yield out;
  }
}
