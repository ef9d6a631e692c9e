/** What callbacks tell people. */
import { platform } from "../core/platform.ts";

/** Prints a line, where it is wanted. */
export function say(verbose: number, line: string): void {
  if (verbose > 0) platform().terminal.write(`${line}\n`);
}
