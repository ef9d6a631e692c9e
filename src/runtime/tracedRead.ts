/** The refusal to give numbers of a traced tensor: it says in which layer somebody asked. */
import { currentPath } from "./nameScope.ts";

let refusals: Error[] | null = null;

/** Runs `fn`, and notes in `list` who asked for numbers meanwhile: where that is awaited, nobody may ever see the error. */
export function notingTracedReads<T>(list: Error[], fn: () => T): T {
  const outer = refusals;
  refusals = list;
  try {
    return fn();
  } finally {
    refusals = outer;
  }
}

/** To be thrown where a value is asked for that stands for an input of a function that is being traced. */
export function tracedRead(): Error {
  const path = currentPath();
  const error = new Error(
    `${path === "" ? "" : `in layer "${path}", `}a traced tensor has no numbers yet: inside \`jit\`, a layer's \`call\`, a loss, ` +
      "a training step or a function given to ops.scan and other loops, compute with `ops` and read results " +
      "(`await tensor.data()`) outside",
  );
  refusals?.push(error);
  return error;
}
