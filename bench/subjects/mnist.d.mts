/** The first digits: `x` (count, 784) in [0, 1], `y` (count,). */
export function loadMnist(
  directory: string,
  samples: number,
  set?: "train" | "t10k",
): { x: Float32Array; y: Int32Array; count: number };

/** Path of an IDX file (the training images), or null when it is not in the directory. */
export function findIdx(directory: string, name?: string): string | null;
