/** Errors say which layer they came from: the innermost one that was being called or built. */
import { classNameOf, type Operation } from "../ops/operation.ts";

/** A layer as messages name it: `Dense "dense_1"`. */
export const placeOf = (operation: Operation): string => `${classNameOf(operation)} "${operation.name}"`;

const trailed = new WeakSet<Error>();

/**
 * Runs `fn`; an error that leaves it gets `where` in front of its message, unless it names a layer already. Its class,
 * fields and stack stay.
 */
export function withTrail<T>(where: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    // DOMException and the like have messages that cannot be written.
    if (error instanceof Error && Object.hasOwn(error, "message") && !trailed.has(error)) {
      trailed.add(error);
      if (!error.message.startsWith(where)) {
        const { message, stack } = error;
        error.message = `${where}: ${message}`;
        if (stack?.includes(message)) error.stack = stack.replace(message, () => error.message);
      }
    }
    throw error;
  }
}
