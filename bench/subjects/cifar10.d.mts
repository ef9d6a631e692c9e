type Set = "train" | "test";
export function findBatch(directory: string, set?: Set): string | null;
export function loadCifar10(
  directory: string,
  samples: number,
  set?: Set,
): { x: Float32Array; y: Int32Array; count: number };
