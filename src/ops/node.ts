/** One call of an operation in a graph of layers: the arguments it got and the symbolic tensors it gave. */
import { flatten, type Nested } from "../core/tree.ts";
import { KerasTensor, symbolicLeaves } from "./kerasTensor.ts";
import type { Operation } from "./operation.ts";

export class Node {
  readonly operation: Operation;
  /** Arguments as given, symbolic tensors among them. A trailing plain object holds options. */
  readonly args: readonly unknown[];
  readonly outputs: Nested<KerasTensor>;
  readonly inputTensors: readonly KerasTensor[];
  readonly outputTensors: readonly KerasTensor[];

  /** Records the call: sets the outputs' history and links the node to its operation and to its producers. */
  constructor(operation: Operation, args: readonly unknown[], outputs: Nested<KerasTensor>) {
    this.operation = operation;
    this.args = args;
    this.outputs = outputs;
    this.inputTensors = symbolicLeaves(args);
    this.outputTensors = flatten(outputs);
    const nodeIndex = operation.inboundNodes.length;
    this.outputTensors.forEach((tensor, tensorIndex) => {
      if (!(tensor instanceof KerasTensor)) {
        throw new TypeError(`${operation.name}: all outputs of a symbolic call must be symbolic tensors`);
      }
      tensor.kerasHistory = { operation, nodeIndex, tensorIndex };
    });
    operation.inboundNodes.push(this);
    for (const producer of this.parents) producer.operation.outboundNodes.push(this);
  }

  /** Whether the node stands for an input of a graph. */
  get isInput(): boolean {
    return this.inputTensors.length === 0;
  }

  /** Nodes that produced the inputs. */
  get parents(): Node[] {
    return this.inputTensors.flatMap((t) => (t.kerasHistory ? [producerOf(t)!] : []));
  }
}

/** The node that produced a symbolic tensor, or `null`. */
export function producerOf(tensor: KerasTensor): Node | null {
  const history = tensor.kerasHistory;
  return history ? history.operation.inboundNodes[history.nodeIndex]! : null;
}
