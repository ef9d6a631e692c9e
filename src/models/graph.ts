/**
 * The graph between symbolic inputs and outputs: which nodes it needs, in which order they run, and which operations it
 * consists of. Checked once, when a model is made.
 */
import { describe } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { flatten, flattenWithPath, mapStructure, type Nested, packSequenceAs } from "../core/tree.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { type Node, producerOf } from "../ops/node.ts";
import { classNameOf, type Operation } from "../ops/operation.ts";

/** Runs one operation of a graph on real or symbolic arguments. */
export type RunOperation = (operation: Operation, args: unknown[]) => unknown;

function leavesOf(where: string, what: string, structure: Nested<KerasTensor>): KerasTensor[] {
  const leaves = flatten<unknown>(structure as Nested<unknown>);
  if (leaves.length === 0) throw new TypeError(`${where}: expected at least one tensor in \`${what}\`. Received: none`);
  for (const leaf of leaves) {
    if (!(leaf instanceof KerasTensor)) {
      throw new TypeError(
        `${where}: all \`${what}\` must be symbolic tensors, made by keras.Input and by calling layers on them. Received: ${describe(leaf)}`,
      );
    }
  }
  return leaves as KerasTensor[];
}

/** @see keras/src/ops/function.py (Keras 3.x): same traversal, depths and order of operations. */
export class Graph {
  readonly inputStructure: Nested<KerasTensor>;
  readonly outputStructure: Nested<KerasTensor>;
  readonly inputs: readonly KerasTensor[];
  readonly outputs: readonly KerasTensor[];
  /** Nodes in the order in which they run; input nodes included. */
  readonly nodes: readonly Node[];
  /** Nodes of equal distance from the outputs, farthest first. */
  readonly nodesByDepth: readonly (readonly Node[])[];
  /** Operations in execution order. */
  readonly operations: readonly Operation[];
  readonly #nodeSet: ReadonlySet<Node>;

  /**
   * @param where - Names the model in messages.
   * @throws Error for a disconnected graph, a cycle, or two operations of one name.
   */
  constructor(inputs: Nested<KerasTensor>, outputs: Nested<KerasTensor>, where: string) {
    this.inputStructure = inputs;
    this.outputStructure = outputs;
    this.inputs = leavesOf(where, "inputs", inputs);
    this.outputs = leavesOf(where, "outputs", outputs);
    const { order, operationIndex } = this.#visit(where);
    const { byDepth, operations } = this.#layout(order, operationIndex);
    this.nodesByDepth = byDepth;
    this.nodes = byDepth.flat();
    this.operations = operations;
    this.#nodeSet = new Set(this.nodes);
    this.#checkConnected(where);
    this.#checkNames(where);
  }

  /** Whether a call of an operation belongs to this graph. */
  has(node: Node): boolean {
    return this.#nodeSet.has(node);
  }

  /** Depth-first from the outputs: nodes after their producers, operations numbered by first visit. */
  #visit(where: string): { order: Node[]; operationIndex: Map<Operation, number> } {
    const order: Node[] = [];
    const operationIndex = new Map<Operation, number>();
    const finished = new Set<Node>();
    const inProgress = new Set<Node>();
    const stop = new Set(this.inputs);
    type Frame = { node: Node; next: number };
    for (const [path, output] of flattenWithPath<KerasTensor>(this.outputStructure)) {
      const root = producerOf(output);
      if (!root) {
        throw new Error(
          `${where}: output ${path.length > 0 ? `at path "${path.join("/")}" ` : ""}(${output}) is not connected to the ` +
            "inputs: it was not made by calling layers on them",
        );
      }
      const stack: Frame[] = [];
      const enter = (node: Node): void => {
        if (finished.has(node)) return;
        if (inProgress.has(node)) throw new Error(`${where}: the graph has a cycle through "${node.operation.name}"`);
        if (!operationIndex.has(node.operation)) operationIndex.set(node.operation, operationIndex.size);
        inProgress.add(node);
        stack.push({ node, next: 0 });
      };
      enter(root);
      while (stack.length > 0) {
        const frame = stack.at(-1)!;
        // A declared input ends the search, even if something computed it.
        const reached = frame.node.outputTensors.some((t) => stop.has(t));
        const tensor = reached ? undefined : frame.node.inputTensors[frame.next++];
        if (tensor) {
          const producer = producerOf(tensor);
          if (producer) enter(producer);
          continue;
        }
        stack.pop();
        inProgress.delete(frame.node);
        finished.add(frame.node);
        order.push(frame.node);
      }
    }
    return { order, operationIndex };
  }

  /** Depths: outputs 0, a node one more than its deepest consumer, all calls of an operation at least as deep as its deepest. */
  #layout(
    order: readonly Node[],
    operationIndex: Map<Operation, number>,
  ): { byDepth: Node[][]; operations: Operation[] } {
    const nodeDepth = new Map<Node, number>();
    const operationDepth = new Map<Operation, number>();
    for (const node of order.toReversed()) {
      const depth = Math.max(nodeDepth.get(node) ?? 0, operationDepth.get(node.operation) ?? 0);
      operationDepth.set(node.operation, depth);
      nodeDepth.set(node, depth);
      for (const parent of node.parents) nodeDepth.set(parent, Math.max(depth + 1, nodeDepth.get(parent) ?? 0));
    }
    const inGraph = new Set(order);
    // Inputs that no output needs still belong to the model.
    for (const input of this.inputs) {
      const node = producerOf(input);
      if (!node || operationDepth.has(node.operation)) continue;
      operationDepth.set(node.operation, 0);
      operationIndex.set(node.operation, -1);
      nodeDepth.set(node, 0);
      inGraph.add(node);
    }
    const byDepth = new Map<number, Node[]>();
    // Nodes of one depth in the order in which they got a depth, later outputs first. It counts where a layer changes what
    // another one of its depth gets: see docs/decisions/0009-masks.md.
    for (const [node, depth] of nodeDepth) {
      if (!inGraph.has(node)) continue;
      const list = byDepth.get(depth);
      if (list) list.push(node);
      else byDepth.set(depth, [node]);
    }
    const descending = (a: number, b: number): number => b - a;
    const operations = [...operationDepth.keys()]
      .filter((operation) => operation.inboundNodes.some((node) => inGraph.has(node)))
      .sort(
        (a, b) => operationDepth.get(b)! - operationDepth.get(a)! || operationIndex.get(a)! - operationIndex.get(b)!,
      );
    return { byDepth: [...byDepth.keys()].sort(descending).map((depth) => byDepth.get(depth)!), operations };
  }

  #checkConnected(where: string): void {
    const computable = new Set<KerasTensor>(this.inputs);
    const passed: string[] = [];
    for (const node of this.nodes) {
      const isDeclared = node.outputTensors.some((t) => this.inputs.includes(t));
      for (const tensor of isDeclared ? [] : node.inputTensors) {
        if (computable.has(tensor)) continue;
        throw new Error(
          `${where}: graph disconnected. Cannot compute ${tensor} for layer "${node.operation.name}": it does not come from ` +
            `the declared inputs. Computed without problem so far: ${passed.join(", ") || "nothing"}. ` +
            "Add the missing keras.Input to `inputs`",
        );
      }
      if (node.isInput && !isDeclared && node.inputTensors.length === 0) {
        throw new Error(
          `${where}: graph disconnected. Input "${node.operation.name}" (${node.outputTensors[0]}) is needed for the outputs ` +
            "but is not among `inputs`. Add it there",
        );
      }
      for (const output of node.outputTensors) computable.add(output);
      passed.push(node.operation.name);
    }
  }

  #checkNames(where: string): void {
    const seen = new Map<string, Operation>();
    for (const operation of this.operations) {
      const other = seen.get(operation.name);
      if (other) {
        throw new Error(
          `${where}: the name "${operation.name}" is used twice, by a ${classNameOf(other)} and a ${classNameOf(operation)}. ` +
            "All layer names in a model must be unique: pass `name` to one of them",
        );
      }
      seen.set(operation.name, operation);
    }
  }

  /**
   * Computes the outputs from values for the inputs.
   *
   * @param values - One per input, in order; `null` for an absent optional one.
   * @returns The structure of outputs.
   */
  run(values: readonly unknown[], runOperation: RunOperation): Nested<unknown> {
    const known = new Map<KerasTensor, unknown>();
    this.inputs.forEach((input, i) => {
      known.set(input, values[i]);
    });
    for (const node of this.nodes) {
      if (node.isInput || node.outputTensors.every((t) => known.has(t))) continue;
      const args = mapStructure(
        (leaf) => (leaf instanceof KerasTensor ? known.get(leaf) : leaf),
        node.args as Nested<unknown>,
      ) as unknown[];
      const results = flatten(runOperation(node.operation, args) as Nested<unknown>);
      node.outputTensors.forEach((tensor, i) => {
        known.set(tensor, results[i]);
      });
    }
    return packSequenceAs(
      this.outputStructure as Nested<unknown>,
      this.outputs.map((output) => known.get(output)),
    );
  }
}

/** Shape and name of a tensor for messages. */
export const showTensor = (t: KerasTensor): string => `"${t.name}" ${formatShape(t.shape)}`;
