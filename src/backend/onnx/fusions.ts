/** Groups of nodes that one operator of the engine computes, so that what lies between is not written and read again. */
import { shapesEqual, sizeOf } from "../../core/shape.ts";
import { constantNumber } from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes, Primitive } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import { engineDType, type OnnxModel, type OnnxValue } from "./model.ts";
import { emitConvLast, emitConvLastInputGrad, emitSumPoolLast, emitSumPoolLastGrad } from "./rules/channelsLast.ts";
import { emitNativeProduct } from "./rules/contraction.ts";
import { emitConv, emitInputGrad, emitWeightGrad } from "./rules/convolution.ts";
import { emitMaxPool, emitMeanPool } from "./rules/pooling.ts";
import { emitCast } from "./rules/rule.ts";
import { reshape } from "./rules/shaping.ts";

/** How a node is emitted together with others. */
export interface Fusion {
  /** The node computed along, which is emitted nowhere else; `null` when the fusion only changes how its own node is. */
  readonly absorbed: Node | null;
  /** The absorbed node has absorbed another, and this fusion computes that too. */
  readonly nested?: boolean;
  /** Emits the result of the node that stands for all. */
  readonly emit: (model: OnnxModel, lowered: (value: Value) => OnnxValue) => OnnxValue;
}

type Uses = ReadonlyMap<Value, number>;
type Finder = (node: Node, uses: Uses, program: Program) => Fusion | null;

/** The node of a primitive, if that computes a value which nothing else reads. */
function onlyFor<P extends Primitive>(value: Value, op: P, uses: Uses): Node<P> | null {
  return value.node?.op === op && uses.get(value) === 1 ? (value.node as unknown as Node<P>) : null;
}

/** Each operand of a node of two, with the other. */
const sides = (node: Node): [Value, Value][] =>
  node.inputs.length === 2 ? [0, 1].map((i) => [node.inputs[i]!, node.inputs[1 - i]!]) : [];

/** A product of matrices that takes along a vector added to every row, or a factor. */
const product: Finder = (node, uses) => {
  if (node.op !== "add" && node.op !== "mul") return null;
  const [out] = node.outputs as [Value];
  for (const [operand, other] of sides(node)) {
    const matmul = onlyFor(operand, "matmul", uses);
    const isMatrix = matmul?.inputs.every((v) => v.shape.length === 2) && shapesEqual(out.shape, operand.shape);
    if (!matmul || !isMatrix || !["float32", "float64", "float16"].includes(operand.dtype)) continue;
    const isRow = other.shape.length === 0 || (other.shape.length === 1 && other.shape[0] === operand.shape[1]);
    const factor = other.shape.length === 0 ? constantNumber(other) : null;
    if (node.op === "add" ? !isRow : factor === null) continue;
    const { transposeA, transposeB } = matmul.attributes;
    return {
      absorbed: matmul,
      emit: (model, lowered) => {
        const [a, b, bias] = [...matmul.inputs, ...(node.op === "add" ? [other] : [])].map(lowered);
        const extras = bias ? { bias } : { factor: factor! };
        const ours = emitNativeProduct(model, [a!, b!], matmul.attributes, out, extras);
        if (ours) return ours;
        return model.emit("Gemm", [a!, b!, ...(bias ? [bias] : [])], engineDType(out.dtype), out.shape, {
          transA: transposeA ? 1 : 0,
          transB: transposeB ? 1 : 0,
          alpha: { float: node.op === "add" ? 1 : factor! },
        });
      },
    };
  }
  return null;
};

/** Whether a value adds one number per channel to what has the channels on axis 1. */
function isPerChannel(bias: Value, shape: readonly number[]): boolean {
  const fromEnd = shape.length - 2;
  const at = bias.shape.length - 1 - fromEnd;
  return at >= 0 && bias.shape.length <= shape.length && bias.shape.every((d, i) => d === (i === at ? shape[1] : 1));
}

/** A convolution, or a transposed one, that takes a bias along. */
const biasedConvolution: Finder = (node, uses) => {
  if (node.op !== "add") return null;
  const [out] = node.outputs as [Value];
  for (const [operand, other] of sides(node)) {
    const conv = onlyFor(operand, "conv", uses);
    const transposed = onlyFor(operand, "conv_input_grad", uses);
    const absorbed = conv ?? transposed;
    if (!absorbed || !shapesEqual(out.shape, operand.shape) || !isPerChannel(other, out.shape)) continue;
    return {
      absorbed,
      emit: (model, lowered) => {
        const bias = reshape(model, lowered(other), [out.shape[1]!]);
        const operands = [...absorbed.inputs.map(lowered), bias];
        return conv
          ? emitConv(model, operands, conv.attributes, out)
          : emitInputGrad(model, operands, transposed!.attributes, out);
      },
    };
  }
  return null;
};

/** A convolution of channels-last arrays, or a transposed one, and the number per channel that is added to it. */
interface LastConvolution {
  readonly node: Node<"conv_last"> | Node<"conv_last_input_grad">;
  readonly bias: Value | null;
}

function lastConvolution(value: Value, uses: Uses): LastConvolution | null {
  const node = onlyFor(value, "conv_last", uses) ?? onlyFor(value, "conv_last_input_grad", uses);
  return node && { node, bias: null };
}

function biasedLastConvolution(node: Node, uses: Uses): LastConvolution | null {
  if (node.op !== "add") return null;
  for (const [operand, bias] of sides(node)) {
    const found = lastConvolution(operand, uses);
    const { shape } = operand;
    const isVector = bias.shape.length <= shape.length && sizeOf(bias.shape) === shape.at(-1);
    if (found && isVector && bias.shape.at(-1) === shape.at(-1)) return { ...found, bias };
  }
  return null;
}

/** A convolution of channels-last arrays that takes along a bias and a relu. */
const convolutionLast: Finder = (node, uses) => {
  const relu = node.op === "relu";
  const inner = relu ? node.inputs[0]! : null;
  const sum = inner && onlyFor(inner, "add", uses);
  const found = relu
    ? ((sum && biasedLastConvolution(sum, uses)) ?? lastConvolution(inner!, uses))
    : biasedLastConvolution(node, uses);
  if (!found) return null;
  const { node: conv, bias } = found;
  const [out] = node.outputs as [Value];
  return {
    absorbed: relu && bias ? sum : conv,
    nested: relu && bias !== null,
    emit: (model, lowered) => {
      const operands = conv.inputs.map(lowered);
      const given = bias && lowered(bias);
      const isVector = given === null || given.shape.length === 1;
      const after = { bias: isVector ? given : reshape(model, given, [out.shape.at(-1)!]), relu };
      return conv.op === "conv_last"
        ? emitConvLast(model, operands, conv.attributes, out, after)
        : emitConvLastInputGrad(model, operands, (conv as Node<"conv_last_input_grad">).attributes, out, after);
    },
  };
};

/** The gradient of a kernel, written at once in the order in which Keras keeps kernels: [...k, channels, filters]. */
const kernelGradient: Finder = (node, uses) => {
  if (node.op !== "transpose") return null;
  const { permutation } = node.attributes as Attributes["transpose"];
  const rank = permutation.length;
  const absorbed = onlyFor(node.inputs[0]!, "conv_weight_grad", uses);
  const toKeras = permutation.every((axis, i) => axis === (i < rank - 2 ? i + 2 : rank - 1 - i));
  if (!absorbed || !toKeras || absorbed.attributes.groups !== 1) return null;
  return {
    absorbed,
    emit: (model, lowered) =>
      emitWeightGrad(model, absorbed.inputs.map(lowered), absorbed.attributes, node.outputs[0]!, "channels, filters"),
  };
};

/** The sum of windows times a number: the engine computes means. */
const meanPool: Finder = (node, uses) => {
  if (node.op !== "mul") return null;
  const [out] = node.outputs as [Value];
  for (const [operand, other] of sides(node)) {
    const sum = onlyFor(operand, "sum_pool", uses);
    const factor = other.shape.length === 0 ? constantNumber(other) : null;
    if (!sum || factor === null) continue;
    const rest = factor * sizeOf(sum.attributes.window);
    return {
      absorbed: sum,
      emit: (model, lowered) => {
        const mean = emitMeanPool(model, lowered(sum.inputs[0]!), sum.attributes, out);
        // 1/9 · 9 is 1 up to the rounding of float32.
        if (Math.abs(rest - 1) < 1e-6) return mean;
        return emitCast(model, "Mul", [mean, model.scalar(rest, out.dtype)], out);
      },
    };
  }
  return null;
};

/** The sum of windows of channels-last arrays times a number, and the gradient of that. */
const meanPoolLast: Finder = (node, uses) => {
  const scaledBy = (value: Value): number | null => (value.shape.length === 0 ? constantNumber(value) : null);
  const [out] = node.outputs as [Value];
  if (node.op === "mul") {
    for (const [operand, other] of sides(node)) {
      const sum = onlyFor(operand, "sum_pool_last", uses);
      const factor = scaledBy(other);
      if (!sum || factor === null) continue;
      return {
        absorbed: sum,
        emit: (model, lowered) => emitSumPoolLast(model, lowered(sum.inputs[0]!), sum.attributes, out, factor),
      };
    }
  }
  if (node.op !== "sum_pool_last_grad") return null;
  const product = onlyFor(node.inputs[0]!, "mul", uses);
  for (const [dy, other] of product ? sides(product) : []) {
    const factor = scaledBy(other);
    if (factor === null || !shapesEqual(dy.shape, node.inputs[0]!.shape)) continue;
    const attributes = node.attributes as Attributes["sum_pool_last_grad"];
    return {
      absorbed: product,
      emit: (model, lowered) => emitSumPoolLastGrad(model, lowered(dy), attributes, out, factor),
    };
  }
  return null;
};

/** Maxima whose places are needed too, by a gradient: they are found once. */
const maximaWithPlaces: Finder = (node, _, program) => {
  if (node.op !== "max_pool") return null;
  const [y] = node.outputs as [Value];
  const needed = program.nodes.some(
    (other) => (other.op === "max_pool_grad" || other.op === "max_pool_gather") && other.inputs[1] === y,
  );
  if (!needed) return null;
  const attributes = node.attributes as Attributes["max_pool"];
  return { absorbed: null, emit: (model, lowered) => emitMaxPool(model, lowered(node.inputs[0]!), attributes, y) };
};

const FINDERS: readonly Finder[] = [
  product,
  biasedConvolution,
  convolutionLast,
  kernelGradient,
  meanPool,
  meanPoolLast,
  maximaWithPlaces,
];

/** The fusions of a program, by the node that is emitted. */
export function findFusions(program: Program, uses: Uses): Map<Node, Fusion> {
  const found = new Map<Node, Fusion>();
  const absorbed = new Set<Node>();
  for (const node of program.nodes) {
    for (const find of FINDERS) {
      const fusion = find(node, uses, program);
      if (!fusion || (fusion.absorbed && absorbed.has(fusion.absorbed))) continue;
      if (fusion.absorbed && found.has(fusion.absorbed) && !fusion.nested) continue;
      if (fusion.absorbed) absorbed.add(fusion.absorbed);
      found.set(node, fusion);
      break;
    }
  }
  return found;
}
