/**
 * Takes out of a loop what nobody reads, what is passed through, and what comes in or goes out twice. Gradients leave all of
 * that behind, for they are written without knowing what will be asked for.
 */
import * as b from "../../../ir/build.ts";
import type { Value } from "../../../ir/value.ts";
import { type Binding, closeLoop, type Loop, reachedFrom, repeated } from "./loop.ts";

/** Bindings of equal outer values share the first one's input. */
function unique(bindings: readonly Binding[], replacements: Map<Value, Value>): Binding[] {
  const first = new Map<Value, Value>();
  return bindings.filter(({ inner, outer }) => {
    const known = first.get(outer);
    if (known) replacements.set(inner, known);
    else first.set(outer, inner);
    return known === undefined;
  });
}

/**
 * The results of a loop, from a smaller one where that will do.
 *
 * @param used - Which results are read: the last carries, then the ys.
 */
export function tidyLoop(loop: Loop, used: readonly boolean[]): Value[] {
  const { length } = loop;
  const replacements = new Map<Value, Value>();
  // A carry that never changes is captured.
  const constant = loop.carries.filter(({ inner, next }) => inner === next);
  const sequences = unique(loop.sequences, replacements);
  const captured = unique([...loop.captured, ...constant], replacements);
  const of = (value: Value): Value => replacements.get(value) ?? value;
  const outside = new Map<Value, Value>([
    ...sequences.map(({ inner, outer }) => [inner, outer] as const),
    ...captured.map(({ inner, outer }) => [inner, repeated(outer, length)] as const),
  ]);
  const ys = loop.ys.map(of);
  const kept = new Set(ys.filter((y, i) => used[loop.carries.length + i] && !outside.has(y) && !isConstant(y)));

  // Carries that are read, by somebody outside or by what is returned, now or in a later turn.
  const live = new Set(loop.carries.filter((carry, i) => used[i] && !constant.includes(carry)));
  let reached: Set<Value>;
  while (true) {
    reached = reachedFrom([...[...live].map(({ next }) => next), ...kept]);
    const more = loop.carries.filter(
      (carry) => reached.has(carry.inner) && !live.has(carry) && !constant.includes(carry),
    );
    if (more.length === 0) break;
    for (const carry of more) live.add(carry);
  }
  const reads = ({ inner }: Binding): boolean =>
    reached.has(inner) || [...replacements].some(([from, to]) => to === inner && reached.has(from));
  const carries = loop.carries.filter((carry) => live.has(carry));
  const smaller: Loop = {
    ...loop,
    carries,
    sequences: sequences.filter(reads),
    captured: captured.filter(reads),
    ys: [...kept],
  };
  const results = carries.length + kept.size > 0 ? closeLoop(smaller, replacements) : [];
  const order = [...kept];
  return [
    ...loop.carries.map((carry) => (live.has(carry) ? results[carries.indexOf(carry)]! : carry.outer)),
    ...ys.map((y) => {
      if (kept.has(y)) return results[carries.length + order.indexOf(y)]!;
      // What nobody reads is nothing in particular.
      return outside.get(y) ?? (isConstant(y) ? repeated(y, length) : b.full(0, [length, ...y.shape], y.dtype));
    }),
  ];
}

const isConstant = (value: Value): boolean => value.source.kind === "constant";
