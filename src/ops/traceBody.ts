/** Recording what loops and branches run: a function is called once on placeholders and becomes a closed program. */
import { bodyStart, type ClosedBody, closeBody, closeBranch, dependents } from "../ir/body.ts";
import { inputValue, type Value, type ValueType } from "../ir/value.ts";
import { withAutocast } from "../runtime/autocast.ts";
import { Tensor } from "../runtime/tensor.ts";
import { activeTrace, BodyTrace, type TraceableVariable, withTrace } from "../runtime/trace.ts";
import type { Variable } from "../runtime/variable.ts";

/** A variable outside the body, as it is stored. */
const readOutside =
  (outer: ReturnType<typeof activeTrace>) =>
  (variable: TraceableVariable): Value =>
    withTrace(outer, () => withAutocast(null, () => (variable as Variable).value.node));

/** Calls `fn`; an error says where it happened. */
function named<T>(where: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof Error && Object.hasOwn(error, "message") && !error.message.startsWith(where)) {
      const { message, stack } = error;
      error.message = `${where}: ${message}`;
      if (stack?.includes(message)) error.stack = stack.replace(message, () => error.message);
    }
    throw error;
  }
}

/** @throws TypeError for what a function returned that is not there yet. */
export function refusePromise(where: string, what: string, result: unknown): void {
  if (!(result instanceof Promise)) return;
  result.catch(() => undefined); // it may have awaited a traced tensor; one error is enough
  throw new TypeError(
    `${where}: ${what} must be synchronous, for it is traced once. Received: a promise. ` +
      "Compute with ops, and read results (`await tensor.data()`) outside",
  );
}

/** The body of a loop as it was recorded. */
export interface TracedBody extends ClosedBody {
  /** Makes the assignments to variables that it holds, outside the loop. To be called when the recording is used. */
  readonly commit: () => void;
}

/**
 * Records the body of a loop.
 *
 * @param where - The loop, for messages.
 * @param types - Types of what the body is called on, with a name for each.
 * @param fn - The body; it returns tensors. Variables that it assigns to must not depend on the loop.
 */
export function traceBody(
  where: string,
  types: readonly (ValueType & { readonly name: string })[],
  fn: (inputs: Tensor[]) => readonly Tensor[],
): TracedBody {
  const start = bodyStart();
  const inputs = types.map((type) => inputValue(type, `${where} ${type.name}`));
  const { outputs, writes } = record(where, () => fn(inputs.map((value) => new Tensor(value))));
  const inner = dependents(inputs, [...writes.values()], start);
  for (const [variable, value] of writes) if (inner.has(value)) refuseWrite(where, variable);
  const commit = (): void => {
    for (const [variable, value] of writes) (variable as Variable).assign(new Tensor(value));
  };
  return { ...closeBody(inputs, outputs, start), commit };
}

/** Records a branch, all of which is computed only when it is taken. It may assign to no variable. */
export function traceBranch(where: string, fn: () => readonly Tensor[]): ClosedBody {
  const start = bodyStart();
  const { outputs, writes } = record(where, fn);
  for (const variable of writes.keys()) refuseWrite(where, variable);
  return closeBranch(outputs, start);
}

function record(
  where: string,
  fn: () => readonly Tensor[],
): { outputs: Value[]; writes: ReadonlyMap<TraceableVariable, Value> } {
  const outer = activeTrace();
  const trace = new BodyTrace(outer?.unknownSize ?? null, readOutside(outer));
  const outputs = named(where, () => withTrace(trace, fn)).map((t) => t.node);
  return { outputs, writes: trace.writes };
}

function refuseWrite(where: string, { path }: TraceableVariable): never {
  throw new TypeError(
    `${where}: variable "${path}" is assigned inside the function, which is traced once. Return the value instead ` +
      "(as part of the carry, or of the result) and assign it outside",
  );
}
