/** Errors say which layer they came from: the innermost one that was being called or built, and the way to it. */
import { reword } from "../core/errors.ts";
import { classNameOf, type Operation } from "../ops/operation.ts";

/** A layer as messages name it: `Dense "dense_1"`. */
export const placeOf = (operation: Operation): string => `${classNameOf(operation)} "${operation.name}"`;

/** Layers that errors passed on their way out, innermost first. */
const trails = new WeakMap<Error, string[]>();
let depth = 0;

function extend(error: Error, where: string): void {
  const trail = trails.get(error);
  if (trail) {
    if (trail.at(-1) !== where) trail.push(where);
  } else {
    trails.set(error, [where]);
    if (!error.message.includes(where)) reword(error, (message) => `${where}: ${message}`);
  }
}

/**
 * Runs `fn`; an error that leaves it gets `where` in front of its message, unless it names the layer already, and at its
 * end the way to that layer when it is inside of others. Its class, fields and stack stay.
 */
export function withTrail<T>(where: string, fn: () => T): T {
  depth++;
  try {
    return fn();
  } catch (error) {
    // DOMException and the like have messages that cannot be written.
    if (error instanceof Error && Object.hasOwn(error, "message")) {
      extend(error, where);
      const trail = trails.get(error)!;
      if (depth === 1 && trail.length > 1) {
        reword(error, (message) => `${message} (in ${trail.toReversed().join(" > ")})`);
      }
    }
    throw error;
  } finally {
    depth--;
  }
}

/** Of a `call` that waits, the place where it waits is what its author looks for: the error gets that read's words and stack. */
export function blameRead(error: Error, read: Error): void {
  error.message += `. It waits for numbers: ${read.message}`;
  error.cause = read;
  const { stack = "" } = read;
  const frames = stack.indexOf("\n    at ");
  // Firefox and Safari have frames only.
  error.stack = frames < 0 ? stack : `${error.name}: ${error.message}${stack.slice(frames)}`;
}
