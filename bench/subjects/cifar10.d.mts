export function findBatch(directory: string): string | null;
export function loadCifar10(directory: string, samples: number): { x: Float32Array; y: Int32Array; count: number };
