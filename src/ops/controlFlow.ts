/** Loops and branches as ops. */
export {};
