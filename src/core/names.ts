/** Automatic names: `Dense` becomes `dense`, then `dense_1`, … counted per process until `clearSession()`. */

/** Class name to snake case, with Keras's rule (`Conv2D` → `conv2d`, `LeakyReLU` → `leaky_re_lu`). */
export function toSnakeCase(name: string): string {
  return name
    .replace(/[^\p{L}\p{N}_]+/gu, "") // what Python's \w does not match
    .replace(/(.)([A-Z][a-z]+)/gu, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

const counters = new Map<string, number>();

/** The next free automatic name with this prefix: `dense`, `dense_1`, `dense_2`, … */
export function uniqueName(prefix: string): string {
  const count = counters.get(prefix) ?? 0;
  counters.set(prefix, count + 1);
  return count === 0 ? prefix : `${prefix}_${count}`;
}

/** The counters as they are now. @returns What sets them back to that, for objects that were made only to be looked at. */
export function rememberNames(): () => void {
  const kept = [...counters];
  return () => {
    counters.clear();
    for (const [prefix, count] of kept) counters.set(prefix, count);
  };
}

/** Starts all counters again. */
export function resetNames(): void {
  counters.clear();
}
