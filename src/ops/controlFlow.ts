/** Loops and branches as ops. */
export { type AssociativeScanOptions, associativeScan } from "./associativeScan.ts";
export { cond, switch } from "./branching.ts";
export { foriLoop, map, vectorizedMap } from "./repeated.ts";
export { type ScanOptions, scan } from "./scan.ts";
export { type VectorizedFunction, type VectorizeOptions, vectorize } from "./vectorize.ts";
export { type WhileLoopOptions, whileLoop } from "./whileLoop.ts";
