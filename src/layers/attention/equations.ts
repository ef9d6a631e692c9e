/** Einsum equations for projections to heads and for the attention between them, for inputs of any rank. */

const letters = (from: number, count: number): string =>
  String.fromCharCode(...Array.from({ length: count }, (_, i) => 97 + from + i));

/**
 * The product of an input with a kernel.
 *
 * @param free - Axes of the input that stay, the batch included.
 * @param bound - Axes of the input that the kernel sums over.
 * @param output - Axes that the kernel gives; they have biases.
 */
export function projectionEquation(
  free: number,
  bound: number,
  output: number,
): { equation: string; biasAxes: string } {
  const [kept, summed, made] = [letters(0, free), letters(free, bound), letters(free + bound, output)];
  return { equation: `${kept}${summed},${summed}${made}->${kept}${made}`, biasAxes: made };
}

/** Sizes of a projection's output after the batch: unknown ones, which the input tells, then the given ones. */
export const projectionShape = (free: number, sizes: readonly number[]): (number | null)[] => [
  ...Array<null>(free - 1).fill(null),
  ...sizes,
];

/**
 * Scores from (key, query), and results from (scores, value), for heads (batch, …, heads, size).
 *
 * @param rank - Of the heads.
 * @param axes - Of the positions, which attend to each other; the other axes are like the batch.
 * @see keras/src/layers/attention/multi_head_attention.py `_build_attention_equation` (Keras 3.x)
 */
export function attentionEquations(
  rank: number,
  axes: readonly number[],
): { scores: string; combine: string; scoresRank: number } {
  const target = [...letters(0, rank)];
  let next = rank;
  const isPosition = (axis: number): boolean => axes.includes(axis);
  const source = target.map((letter, axis) => (isPosition(axis) ? letters(next++, 1) : letter));
  const batch = target.filter((_, axis) => !isPosition(axis) && axis !== rank - 1);
  const product = [...batch, ...axes.map((axis) => target[axis]!), ...axes.map((axis) => source[axis]!)];
  const [s, t, p] = [source, target, product].map((part) => part.join("")) as [string, string, string];
  return { scores: `${s},${t}->${p}`, combine: `${p},${s}->${t}`, scoresRank: product.length };
}
