/**
 * Finds loops that compute an LSTM whose weights are constants, and makes each the one primitive that engines have a kernel
 * for. Where weights are given at every run the kernel does not pay: it wants them in an order of its own. Where gradients
 * are asked for, the loop hands out more than the kernel does and is left alone.
 */
import * as b from "../../../ir/build.ts";
import type { Scan } from "../../../ir/loops.ts";
import { makeProgram, type Program, structuralKey } from "../../../ir/program.ts";
import { inputValue, type Node, type Value } from "../../../ir/value.ts";
import { rewriteProgram } from "../../rewrite.ts";

/** The turn of an LSTM as its layer records it: (h, c, what comes from the input, recurrent kernel) → (h, c). */
function lstmTurn(batch: number, units: number, times: number): Program {
  const input = (...shape: number[]): Value => inputValue({ shape, dtype: "float32" }, "x");
  const [h, c, x, kernel] = [
    input(batch, units),
    input(batch, units),
    input(batch, 4 * units),
    input(units, 4 * units),
  ];
  const gates = b.binary("add", x, b.matmul(h, kernel));
  const [i, f, g, o] = [0, 1, 2, 3].map((n) => b.slice(gates, [0, n * units], [batch, (n + 1) * units])) as [
    Value,
    Value,
    Value,
    Value,
  ];
  const kept = b.binary("mul", b.unary("sigmoid", f), c);
  const taken = b.binary("mul", b.unary("sigmoid", i), b.unary("tanh", g));
  const carry = b.binary("add", kept, taken);
  const output = b.binary("mul", b.unary("sigmoid", o), b.unary("tanh", carry));
  return makeProgram([h, c, x, kernel], [output, carry, ...new Array<Value>(times).fill(output)]);
}

/** Keys of turns by their sizes. */
const turns = new Map<string, string>();

/** Whether a loop is that of an LSTM. */
function isLstm({ body, carries, sequences }: Scan, optimize: (body: Program) => Program): boolean {
  const [h, , x, kernel] = body.inputs;
  if (carries !== 2 || sequences !== 1 || body.inputs.length !== 4 || h!.shape.length !== 2) return false;
  if (h!.dtype !== "float32" || x!.shape.length !== 2 || kernel!.shape.length !== 2 || body.outputs.length > 3)
    return false;
  const sizes = [h!.shape[0]!, h!.shape[1]!, body.outputs.length - 2] as const;
  const size = sizes.join(",");
  let key = turns.get(size);
  if (key === undefined) {
    key = structuralKey(optimize(lstmTurn(...sizes)));
    turns.set(size, key);
  }
  return structuralKey(body) === key;
}

/** What a sequence is made of: rows times a kernel, plus a bias. */
interface Projection {
  readonly x: Value;
  readonly kernel: Value;
  readonly bias: Value;
}

const isConstant = (value: Value): boolean => value.source.kind === "constant";

/** Without what only regroups the elements. */
function unshaped(value: Value): Value {
  let inner = value;
  while (inner.node?.op === "reshape") inner = inner.node.inputs[0]!;
  return inner;
}

function projectionOf(sequence: Value): Projection | null {
  const [length, batch, columns] = sequence.shape as [number, number, number];
  const sum = unshaped(sequence);
  const terms = sum.node?.op === "add" ? sum.node.inputs : [sum];
  const bias = terms.find((value) => isConstant(value) && value.shape.length === 1) ?? null;
  const product = unshaped(terms.find((value) => value !== bias)!);
  if (product.node?.op !== "matmul" || (terms.length > 1 && !bias)) return null;
  const [rows, kernel] = product.node.inputs as [Value, Value];
  const { transposeA, transposeB } = (product.node as Node<"matmul">).attributes;
  if (transposeA || transposeB || kernel.shape.length !== 2 || !isConstant(kernel)) return null;
  return {
    x: b.reshape(rows, [length, batch, kernel.shape[0]!]),
    kernel,
    bias: bias ?? b.full(0, [columns], sequence.dtype),
  };
}

/** @param optimize - What bodies of loops went through. */
export function recognizeLstm(program: Program, optimize: (body: Program) => Program): Program {
  if (program.nodes.every((node) => node.op !== "scan")) return program;
  return rewriteProgram(program, (node, inputs) => {
    if (node.op !== "scan") return null;
    const [h, c, sequence, recurrent] = inputs as [Value, Value, Value, Value?];
    const scan = node.attributes as Scan;
    if (!recurrent || !isConstant(recurrent) || !isLstm(scan, optimize)) return null;
    const projection = projectionOf(sequence);
    if (!projection) return null;
    const { x, kernel, bias } = projection;
    const { reverse } = scan;
    const [every, ...last] = b.emit("lstm", [x, kernel, recurrent, bias, h, c], { reverse }) as [Value, Value, Value];
    return node.outputs.length === 3 ? [...last, every] : last;
  });
}
