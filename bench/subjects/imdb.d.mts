type Set = "train" | "test";
export function findReviews(directory: string, set?: Set): string | null;
export function loadImdb(
  directory: string,
  samples: number,
  form: { length: number; vocabularySize: number },
  set?: Set,
): { x: Int32Array; y: Int32Array; count: number };
