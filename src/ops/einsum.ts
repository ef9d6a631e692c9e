/** Einstein summation as matrix products: operands are contracted two at a time, from left to right. */
import { ShapeError } from "../core/errors.ts";
import { formatShape, isUnknownSize, sizeOf, sizesAgree } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";

/** A value whose axes have names. */
interface Named {
  readonly value: Value;
  readonly axes: readonly string[];
}

/** Parsed subscripts. Axes that `...` stands for are named by digits, counted from the end. */
function parse(subscripts: string, shapes: readonly (readonly number[])[]): { inputs: string[][]; output: string[] } {
  const text = subscripts.replaceAll(/\s/g, "");
  const bad = (why: string) =>
    new ShapeError(`einsum: ${why}. Received: "${subscripts}" for shapes ${shapes.map(formatShape).join(", ")}`);
  const [left, right] = text.split("->") as [string, string | undefined];
  const terms = left.split(",");
  if (terms.length !== shapes.length) throw bad(`${terms.length} terms for ${shapes.length} operands`);
  let widest = 0;
  const inputs = terms.map((term, i) => {
    if (!/^[a-zA-Z]*(\.\.\.)?[a-zA-Z]*$/.test(term)) throw bad(`cannot read the term "${term}"`);
    const letters = term.replace("...", "").length;
    const rest = shapes[i]!.length - letters;
    if (rest < 0 || (rest > 0 && !term.includes("..."))) {
      throw bad(`the term "${term}" names ${letters} axes of shape ${formatShape(shapes[i]!)}`);
    }
    if (term.includes("...")) widest = Math.max(widest, rest);
    return expand(term, rest);
  });
  const counts = new Map<string, number>();
  for (const name of inputs.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
  if (right === undefined) {
    // Without a right side: letters that occur once, in alphabetical order, after the axes of `...`.
    const once = [...counts].filter(([name, n]) => n === 1 && /[a-zA-Z]/.test(name)).map(([name]) => name);
    return { inputs, output: [...expand("...", widest), ...once.sort()] };
  }
  const output = expand(right, right.includes("...") ? widest : 0);
  const unknown = output.find((name) => !counts.has(name));
  if (unknown !== undefined) throw bad(`"${unknown}" on the right occurs in no term`);
  if (new Set(output).size !== output.length) throw bad("an axis occurs twice on the right");
  return { inputs, output };
}

function expand(term: string, rest: number): string[] {
  const [before, after] = term.split("...") as [string, string | undefined];
  if (after === undefined) return [...before];
  return [...before, ...Array.from({ length: rest }, (_, i) => String(rest - 1 - i)), ...after];
}

/** Equal names within one operand: its diagonal. */
function takeDiagonals({ value, axes }: Named): Named {
  const twice = axes.findIndex((name, i) => axes.indexOf(name) !== i);
  if (twice < 0) return { value, axes };
  const first = axes.indexOf(axes[twice]!);
  const n = value.shape[first]!;
  if (!sizesAgree(value.shape[twice]!, n)) {
    throw new ShapeError(`einsum: axis "${axes[twice]}" has sizes ${n} and ${value.shape[twice]} in one operand`);
  }
  const others = axes.map((_, i) => i).filter((i) => i !== first && i !== twice);
  const moved = build.transpose(value, [...others, first, twice]);
  const batch = others.map((i) => value.shape[i]!);
  const flat = build.reshape(moved, [...batch, n * n]);
  const diagonal = build.slice(
    flat,
    flat.shape.map(() => 0),
    flat.shape,
    [...batch.map(() => 1), n + 1],
  );
  return takeDiagonals({ value: diagonal, axes: [...others.map((i) => axes[i]!), axes[first]!] });
}

/** Sums the axes that nothing else needs. */
function sumUnused({ value, axes }: Named, needed: ReadonlySet<string>): Named {
  const gone = axes.flatMap((name, i) => (needed.has(name) ? [] : [i]));
  return { value: build.reduce("reduce_sum", value, gone), axes: axes.filter((name) => needed.has(name)) };
}

const arrange = ({ value, axes }: Named, order: readonly string[]): Value =>
  build.transpose(
    value,
    order.map((name) => axes.indexOf(name)),
  );

/** The product of two operands, summed over the axes that only they have. */
function contractPair(a: Named, b: Named, needed: ReadonlySet<string>): Named {
  const sizes = new Map<string, number>();
  for (const { value, axes } of [a, b]) {
    axes.forEach((name, i) => {
      const size = value.shape[i]!;
      const known = sizes.get(name) ?? 1;
      if (!sizesAgree(known, size) && known !== 1 && size !== 1) {
        throw new ShapeError(`einsum: axis "${name}" has sizes ${known} and ${size}`);
      }
      if (known === 1 || (size !== 1 && isUnknownSize(known))) sizes.set(name, size);
    });
  }
  const shared = a.axes.filter((name) => b.axes.includes(name));
  const batch = shared.filter((name) => needed.has(name));
  const summed = shared.filter((name) => !needed.has(name));
  const freeA = a.axes.filter((name) => !shared.includes(name));
  const freeB = b.axes.filter((name) => !shared.includes(name));
  const axes = [...batch, ...freeA, ...freeB];
  const size = (names: readonly string[]) => names.map((name) => sizes.get(name)!);
  // Operands in which a shared axis has size 1 are widened.
  const widen = (x: Named): Named => ({ ...x, value: build.broadcastTo(x.value, size(x.axes)) });
  const [left, right] = [widen(a), widen(b)];
  if (summed.length === 0) {
    const va = build.reshape(arrange(left, [...batch, ...freeA]), [
      ...size(batch),
      ...size(freeA),
      ...freeB.map(() => 1),
    ]);
    const vb = build.reshape(arrange(right, [...batch, ...freeB]), [
      ...size(batch),
      ...freeA.map(() => 1),
      ...size(freeB),
    ]);
    return { value: build.binary("mul", va, vb), axes };
  }
  const merged = [sizeOf(size(freeA)), sizeOf(size(summed)), sizeOf(size(freeB))] as const;
  const va = build.reshape(arrange(left, [...batch, ...freeA, ...summed]), [...size(batch), merged[0], merged[1]]);
  const vb = build.reshape(arrange(right, [...batch, ...summed, ...freeB]), [...size(batch), merged[1], merged[2]]);
  return { value: build.reshape(build.matmul(va, vb), [...size(batch), ...size(freeA), ...size(freeB)]), axes };
}

/** The value of an Einstein summation. @throws ShapeError when subscripts and shapes do not fit. */
export function einsumValue(subscripts: string, operands: readonly Value[]): Value {
  const { inputs, output } = parse(
    subscripts,
    operands.map((v) => v.shape),
  );
  const named = operands.map((value, i) => takeDiagonals({ value, axes: inputs[i]! }));
  const neededAfter = (i: number) => new Set([...output, ...named.slice(i + 1).flatMap(({ axes }) => axes)]);
  let result = named[0]!;
  for (let i = 1; i < named.length; i++) {
    const next = named[i]!;
    const later = neededAfter(i);
    result = sumUnused(result, new Set([...later, ...next.axes]));
    result = contractPair(result, sumUnused(next, new Set([...later, ...result.axes])), later);
  }
  return arrange(sumUnused(result, new Set(output)), output);
}
