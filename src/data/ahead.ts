/** Works ahead of who uses a sequence: reading and preparing go on while a step computes. */

const nothing = (): void => undefined;

/**
 * Elements in their order, each already worked on when its turn comes: while one is in use, up to `count` others are pulled
 * from the source, one after the other, and `work` runs on all of them at once. Nothing is pulled after the use has ended.
 */
export async function* ahead<T, U>(
  source: AsyncIterable<T>,
  count: number,
  work: (element: T, index: number) => U | Promise<U>,
): AsyncGenerator<U> {
  const iterator = source[Symbol.asyncIterator]();
  const queue: Promise<IteratorResult<U>>[] = [];
  let pulled: Promise<unknown> = Promise.resolve();
  let index = 0;
  let ended = false;
  const pull = (): void => {
    const next = pulled.then(() => (ended ? { done: true as const, value: undefined } : iterator.next()));
    pulled = next.then(({ done }) => {
      ended ||= done === true;
    });
    const result = next.then(async (step): Promise<IteratorResult<U>> => {
      return step.done ? { done: true, value: undefined } : { done: false, value: await work(step.value, index++) };
    });
    // An error shows when its element's turn comes.
    for (const promise of [pulled, result]) promise.catch(nothing);
    queue.push(result);
  };
  try {
    for (;;) {
      while (queue.length < count) pull();
      const { done, value } = await queue.shift()!;
      if (done) return;
      pull();
      yield value;
    }
  } finally {
    ended = true;
    await iterator.return?.();
  }
}
