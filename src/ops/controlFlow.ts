/** Loops and branches as ops. */
export { type ScanOptions, scan } from "./scan.ts";
