/**
 * Where a layer stands that is made from a file: it is built before the layer around it is there, which would otherwise build it
 * in its scope. Weights are named as in Keras, whose paths start at such a layer; its policy is looked up at its real place.
 */
let around: string | null = null;

/** Revives the layers inside of a layer. `null` as its name: they were built on their own, as those of a functional model. */
export function revivingInside<T>(name: string | null, fn: () => T): T {
  const outer = around;
  around = name === null ? null : placed(name);
  try {
    return fn();
  } finally {
    around = outer;
  }
}

/** A path that starts at a layer, from the outermost one that is being revived. */
export const placed = (path: string): string => (around === null ? path : `${around}/${path}`);
