/** What an equation of EinsumDense says of the shapes of its weights. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";

/** Shapes that an equation gives, and which axes of the kernel are inputs and outputs. */
export interface EinsumShapes {
  readonly kernel: Shape;
  readonly bias: Shape | null;
  readonly output: Shape;
  readonly inputAxes: readonly number[];
  readonly outputAxes: readonly number[];
}

interface Terms {
  readonly input: string;
  readonly kernel: string;
  readonly output: string;
  /** Where `...` stands, if anywhere. */
  readonly ellipsis: "left" | "right" | null;
}

const FORMS: readonly (readonly [form: RegExp, ellipsis: Terms["ellipsis"]])[] = [
  [/^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$/, null],
  [/^\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)$/, "left"],
  [/^([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\.$/, "right"],
];

/** @throws RangeError for anything but one input times a kernel. */
export function parseEquation(equation: string): Terms {
  for (const [form, ellipsis] of FORMS) {
    const [, input, kernel, output] = form.exec(equation) ?? [];
    if (input && kernel && output) return { input, kernel, output, ellipsis };
  }
  throw new RangeError(
    `expected \`equation\` to be of the form "ab,bc->ac", "...ab,bc->...ac" or "ab...,bc->ac...". Received: "${equation}"`,
  );
}

/**
 * @param outputShape - Sizes of the output without the batch and without the axes that `...` stands for; `null` where the
 *   input tells.
 * @throws ShapeError when sizes contradict each other or a size of a weight is not known.
 * @see keras/src/layers/core/einsum_dense.py `_analyze_einsum_string` (Keras 3.x)
 */
export function einsumShapes(
  equation: string,
  biasAxes: string | null,
  inputShape: Shape,
  outputShape: Shape,
): EinsumShapes {
  const { input, kernel, output, ellipsis } = parseEquation(equation);
  const elided = inputShape.length - input.length;
  if (elided < 0 || (elided > 0 && ellipsis === null)) {
    throw new ShapeError(
      `"${equation}" names ${input.length} axes of the input. Received: shape ${formatShape(inputShape)}`,
    );
  }
  const left = ellipsis === "left" ? elided : 0;
  const full = [
    inputShape[0] ?? null,
    ...(left > 0 ? inputShape.slice(1, left) : []),
    ...outputShape,
    ...(ellipsis === "right" ? inputShape.slice(inputShape.length - elided) : []),
  ];
  if (full.length !== output.length + elided) {
    throw new ShapeError(
      `\`outputShape\` must have a size for each axis of "${output}" but the batch${elided > 0 ? " and what `...` stands for" : ""}. ` +
        `Received: ${formatShape(outputShape)} for an input of shape ${formatShape(inputShape)}`,
    );
  }
  const inputSize = (axis: string): number | null => inputShape[input.indexOf(axis) + left] ?? null;
  const outputSize = (axis: string): number | null => full[output.indexOf(axis) + left] ?? null;
  for (const axis of input) {
    const stated = output.includes(axis) ? outputSize(axis) : null;
    if (stated !== null && stated !== inputSize(axis)) {
      throw new ShapeError(
        `axis "${axis}" has size ${inputSize(axis)} in the input and ${stated} in \`outputShape\`. Received: input shape ` +
          `${formatShape(inputShape)}, outputShape=${formatShape(outputShape)}; leave it \`null\` there`,
      );
    }
  }
  const axes = [...kernel];
  const isOutput = axes.map((axis) => output.includes(axis));
  return {
    kernel: axes.map((axis, i) => (isOutput[i] ? outputSize(axis) : inputSize(axis))),
    bias: biasAxes === null ? null : biasShape(biasAxes, output, outputSize, ellipsis === "right" ? elided : 0),
    output: full,
    inputAxes: isOutput.flatMap((is, i) => (is ? [] : [i])),
    outputAxes: isOutput.flatMap((is, i) => (is ? [i] : [])),
  };
}

/** From the first biased axis on: its size, or 1 for axes that share a bias. */
function biasShape(
  biasAxes: string,
  output: string,
  sizeOf: (axis: string) => number | null,
  elidedRight: number,
): Shape {
  const first = Math.min(...[...biasAxes].map((axis) => output.indexOf(axis)));
  const axes = [...output.slice(first)].map((axis) => (biasAxes.includes(axis) ? sizeOf(axis) : 1));
  return [...axes, ...Array<number>(elidedRight).fill(1)];
}

/** @throws RangeError for axes that no term has. */
export function checkEquation(equation: string, biasAxes: string | null): void {
  const { input, kernel, output } = parseEquation(equation);
  const stray = [...output].find((axis) => !input.includes(axis) && !kernel.includes(axis));
  if (stray)
    throw new RangeError(`axis "${stray}" of the output is in neither the input nor the kernel of "${equation}"`);
  const loose = [...kernel].find((axis) => !input.includes(axis) && !output.includes(axis));
  if (loose)
    throw new RangeError(`axis "${loose}" of the kernel is in neither the input nor the output of "${equation}"`);
  const unbiased = [...(biasAxes ?? "")].find((axis) => !output.includes(axis));
  if (unbiased) {
    throw new RangeError(`\`biasAxes\` must be axes of the output "${output}". Received: biasAxes="${biasAxes}"`);
  }
}
