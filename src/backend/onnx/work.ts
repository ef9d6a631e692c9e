/** What programs cost, roughly: who runs them decides by it how many threads they get. */
import { sizeOf } from "../../core/shape.ts";
import { CHANNELS_LAST_FORMS } from "../../ir/channelsLast.ts";
import type { Primitive, PrimitiveAttributes } from "../../ir/primitives.ts";
import { bodiesOf, type Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import type { NativeKernels } from "./nativeKernels.ts";
import { nativeScan } from "./rules/nativeScan.ts";

/** Where a convolution and its gradients have y and w. */
const CONVOLUTION_OPERANDS = {
  conv: (node: Node) => [node.outputs[0]!, node.inputs[1]!],
  conv_input_grad: (node: Node) => [node.inputs[0]!, node.inputs[1]!],
  conv_weight_grad: (node: Node) => [node.inputs[1]!, node.outputs[0]!],
  conv_last: (node: Node) => [node.outputs[0]!, node.inputs[1]!],
  conv_last_input_grad: (node: Node) => [node.inputs[0]!, node.inputs[1]!],
  conv_last_weight_grad: (node: Node) => [node.inputs[1]!, node.outputs[0]!],
} as const satisfies { readonly [P in Primitive]?: (node: Node) => readonly [Value, Value] };

/** Work of a node: products for contractions, elements for the rest. */
function workOf(node: Node): number {
  const size = (v: Value): number => v.shape.reduce((n, d) => n * d, 1);
  const out = node.outputs.reduce((n, v) => n + size(v), 0);
  if (node.op === "matmul") {
    const a = node.inputs[0]!;
    const inner = (node.attributes as { transposeA: boolean }).transposeA ? a.shape.at(-2)! : a.shape.at(-1)!;
    return 2 * out * inner;
  }
  if (node.op in CONVOLUTION_OPERANDS) {
    // Every element of y meets the kernel of its filter, whichever of the three is computed.
    const [y, w] = CONVOLUTION_OPERANDS[node.op as keyof typeof CONVOLUTION_OPERANDS](node);
    const filterLast = node.op in CHANNELS_LAST_FORMS;
    return 2 * size(y) * sizeOf(filterLast ? w.shape.slice(0, -1) : w.shape.slice(1));
  }
  if (node.op === "scan") {
    const { body, length } = node.attributes as PrimitiveAttributes["scan"];
    return length * body.nodes.reduce((sum, inner) => sum + workOf(inner), 0);
  }
  const bodies = bodiesOf(node).map((body) => body.nodes.reduce((sum, inner) => sum + workOf(inner), 0));
  return Math.max(out, ...node.inputs.map(size), ...bodies);
}

export const totalWork = (program: Program): number => program.nodes.reduce((sum, node) => sum + workOf(node), 0);

/** Samples that a loop of our own takes through all turns on one thread. */
const SAMPLES_OF_A_THREAD = 4;

/** Whether a loop is one operation of ours, whose samples are spread over threads. */
function isSpreadLoop(node: Node, kernels: NativeKernels | null): boolean {
  if (node.op !== "scan" || !kernels) return false;
  const native = nativeScan(node.attributes as PrimitiveAttributes["scan"], kernels);
  return native !== null && native.rows > SAMPLES_OF_A_THREAD;
}

/** Work of the heaviest single operation, in bodies too. */
const heaviestOf = (program: Program, kernels: NativeKernels | null): number =>
  program.nodes.reduce((most, node) => {
    const bodies = isSpreadLoop(node, kernels) ? [] : bodiesOf(node);
    const own = bodies.length > 0 ? bodies.map((body) => heaviestOf(body, kernels)) : [workOf(node)];
    return Math.max(most, ...own);
  }, 0);

/**
 * Work of the operation that decides about threads: the heaviest; but where loops of the engine do most of the work, the heaviest
 * inside them. Such a loop runs its operations one after another, and threads that wait between small ones are worse than none.
 */
export function heaviestWork(program: Program, kernels: NativeKernels | null): number {
  const loops = program.nodes.filter(
    (node) => (node.op === "scan" || node.op === "while") && !isSpreadLoop(node, kernels),
  );
  const inLoops = loops.reduce((sum, node) => sum + workOf(node), 0);
  const bodies = loops.flatMap(bodiesOf);
  return inLoops * 2 > totalWork(program)
    ? Math.max(...bodies.map((body) => heaviestOf(body, kernels)))
    : heaviestOf(program, kernels);
}

/**
 * Work of the heaviest operation below which a program runs on one thread: starting and waking a pool costs more than it
 * saves, and waiting threads take the cores from everything else.
 */
export const SINGLE_THREAD_WORK = 20e6;
