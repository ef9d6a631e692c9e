/**
 * Hands convolutions and pools to backends that compute them channels last, by kernels in Keras's order. Each becomes its
 * channels-last form between transposes; those of a model that is channels last itself meet their inverses here, and what is
 * left is for `sinkTransposes`.
 */
import { sizeOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import { CHANNELS_LAST_FORMS, type ChannelsLastForm } from "../../ir/channelsLast.ts";
import type { Primitive, PrimitiveAttributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { rewriteProgram } from "../rewrite.ts";

const FORMS: ReadonlyMap<Primitive, ChannelsLastForm> = new Map(
  Object.values(CHANNELS_LAST_FORMS).map((form: ChannelsLastForm) => [form.first, form]),
);

const GRADIENTS: ReadonlySet<Primitive> = new Set<Primitive>(["conv_weight_grad", "max_pool_grad", "sum_pool_grad"]);

/** Whether a value is a constant whose elements are moved at most. */
function isConstant(value: Value): boolean {
  let origin = value;
  while (origin.node?.op === "transpose" || origin.node?.op === "reshape") origin = origin.node.inputs[0]!;
  return origin.source.kind === "constant";
}

/** Products of the convolution of a node, which is `conv` or `conv_input_grad`. */
function productsOf(node: Node): number {
  const y = node.op === "conv" ? node.outputs[0]! : node.inputs[0]!;
  return sizeOf(y.shape) * sizeOf(node.inputs[1]!.shape.slice(1));
}

/** Whether our kernels do better than the engine's on constant kernels: three by three, and channels on their own. */
function isOurs(node: Node): boolean {
  const kernel = node.inputs[1]!.shape;
  const { strides, dilation, groups } = node.attributes as PrimitiveAttributes["conv"];
  if (groups > 1) return kernel[1] === 1;
  const plain = [...strides, ...dilation].every((n) => n === 1);
  return plain && kernel.length === 4 && kernel[2] === 3 && kernel[3] === 3;
}

/** The share of products from which those of ours decide. */
const OUR_SHARE = 2 / 3;

/**
 * Whether a program is better left channels first: the frozen form of a prediction (docs/decisions/0008). Where all kernels
 * are constants, engines bring them into an order of their own once, and compute in blocks of channels from end to end. They
 * lose where Winograd's way saves products, and where channels are convolved on their own, for then passing over the
 * pictures decides. One thread, ms of the processor, the engine's blocks and ours: VGG19 341 and 260, the toy ResNet (64
 * pictures) 35 and 23, MobileNetV2 16 and 13, MobileNet (16 pictures) 364 and 249; but ResNet50 74 and 83.
 */
function staysChannelsFirst(program: Program): boolean {
  if (program.nodes.some((node) => GRADIENTS.has(node.op))) return false;
  const convolutions = program.nodes.filter((node) => node.op === "conv" || node.op === "conv_input_grad");
  if (convolutions.length === 0 || !convolutions.every((node) => isConstant(node.inputs[1]!))) return false;
  const total = (nodes: readonly Node[]): number => nodes.reduce((sum, node) => sum + productsOf(node), 0);
  // In a net of channels on their own most products are those that mix channels.
  if (convolutions.some((node) => (node.attributes as PrimitiveAttributes["conv"]).groups > 1 && isOurs(node)))
    return false;
  return total(convolutions.filter(isOurs)) < OUR_SHARE * total(convolutions);
}

/** The form of a node that has one, for arrays that our kernels are for. */
function formOf(node: Node): ChannelsLastForm | null {
  const form = FORMS.get(node.op);
  const fits = node.inputs.every(({ dtype, shape }) => dtype === "float32" && shape.length <= 4 && sizeOf(shape) > 0);
  return form && fits ? form : null;
}

/** The order of axes that undoes another. */
const inverse = (order: readonly number[]): number[] => order.map((_, axis) => order.indexOf(axis));

/** A node in its channels-last form, its operands and its result in the order that the program has. */
function between({ last, operands, result }: ChannelsLastForm, node: Node, inputs: readonly Value[]): Value {
  // The maxima are found again.
  const given = last === "max_pool_last_grad" ? [inputs[0]!, inputs[2]!] : inputs;
  const moved = given.map((x, i) => b.transpose(x, inverse(operands[i]!(x.shape.length))));
  const y = b.emitOne(last, moved, node.attributes as PrimitiveAttributes[typeof last]);
  return b.transpose(y, inverse(result(y.shape.length)));
}

export function channelsLast(program: Program): Program {
  if (program.nodes.every((node) => formOf(node) === null) || staysChannelsFirst(program)) return program;
  // Second order: places of maxima are asked for again, which our kernels do not give.
  const places = program.nodes.some((node) => node.op === "max_pool_gather");
  return rewriteProgram(program, (node, inputs) => {
    if (node.op === "transpose") {
      return [b.transpose(inputs[0]!, (node.attributes as PrimitiveAttributes["transpose"]).permutation)];
    }
    const form = formOf(node);
    if (!form || (places && (node.op === "max_pool" || node.op === "max_pool_grad"))) return null;
    return [between(form, node, inputs)];
  });
}
