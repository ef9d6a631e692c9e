/**
 * Tracing: a function is run once on placeholders and what it does is recorded. Reading a variable while a trace is on
 * gives a placeholder, assigning it records the new value, so that a whole training step becomes one program from
 * (variables, batch) to (variables, results).
 */
import { inputValue, type Value, type ValueType } from "../ir/value.ts";

/** What a trace needs to know of a variable. */
export interface TraceableVariable extends ValueType {
  readonly path: string;
}

export class Trace {
  /** Placeholder of each variable that was read, in order of first reading. */
  readonly reads = new Map<TraceableVariable, Value>();
  /** Last value assigned to each variable. */
  readonly writes = new Map<TraceableVariable, Value>();
  /** The size that stands in for unknown ones while shapes are inferred; `null` when all sizes are real. */
  readonly unknownSize: number | null;

  constructor(unknownSize: number | null = null) {
    this.unknownSize = unknownSize;
  }

  read(variable: TraceableVariable): Value {
    const written = this.writes.get(variable);
    if (written) return written;
    let value = this.reads.get(variable);
    if (!value) {
      value = inputValue(variable, variable.path);
      this.reads.set(variable, value);
    }
    return value;
  }

  write(variable: TraceableVariable, value: Value): void {
    this.writes.set(variable, value);
  }
}

/**
 * A trace of the body of a loop or a branch. It reads variables as its surroundings do, and keeps assignments to itself: who
 * records the body decides what becomes of them.
 */
export class BodyTrace extends Trace {
  readonly #readOuter: (variable: TraceableVariable) => Value;

  constructor(unknownSize: number | null, readOuter: (variable: TraceableVariable) => Value) {
    super(unknownSize);
    this.#readOuter = readOuter;
  }

  override read(variable: TraceableVariable): Value {
    return this.writes.get(variable) ?? this.#readOuter(variable);
  }
}

let active: Trace | null = null;

/** The trace being recorded, or `null` in eager code. */
export const activeTrace = (): Trace | null => active;

/** Records `fn` in `trace`. An inner trace hides the outer one until it ends. */
export function withTrace<T>(trace: Trace | null, fn: () => T): T {
  const outer = active;
  active = trace;
  try {
    return fn();
  } finally {
    active = outer;
  }
}
