/**
 * Computes nodes with their axes in another order where that makes transposes vanish. Convolutions take channels first and
 * models are written channels last, so a traced program transposes before and after each of them, and its gradient does so
 * again. What lies between is mostly indifferent to the order of axes: brought into the order of its neighbours, it leaves
 * only the transposes of what comes from outside, such as images and kernels.
 *
 * The transposes of the result never move more elements than those of the program (layout/chooseOrders.ts).
 */
import type { TypedArray } from "../../core/dtype.ts";
import { shapesEqual, sizeOf, stridesOf } from "../../core/shape.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes } from "../../ir/primitives.ts";
import { makeProgram, type Program } from "../../ir/program.ts";
import { constantValue, type Node, type Value } from "../../ir/value.ts";
import { chooseOrders, NODE_OVERHEAD } from "./layout/chooseOrders.ts";
import { type Arrangement, fits, keyOf, LayoutGraph, type Orders, type Port } from "./layout/layoutGraph.ts";

/** @param nodeOverhead - What starting a node costs, in elements moved. Tests pass 0, so that small programs are rearranged too. */
export function sinkTransposes(program: Program, nodeOverhead = NODE_OVERHEAD): Program {
  const transposes = program.nodes.filter((node) => node.op === "transpose");
  if (transposes.length === 0) return program;
  const graph = new LayoutGraph(program);
  const orders = chooseOrders(graph, nodeOverhead);
  const needless = transposes.some((node) => {
    const { root, axes } = graph.view(node.outputs[0]!);
    return graph.isFree(root) || isAscending(axes.filter((axis) => axis >= 0));
  });
  return orders.size === 0 && !needless ? program : new Rearranger(graph, orders).run();
}

/** Whether axes have the root's order: transposes and reshapes together that move nothing. */
const isAscending = (axes: readonly number[]): boolean => axes.every((axis, i) => i === 0 || axis > axes[i - 1]!);

/** A value of the new program. */
interface Stored {
  readonly value: Value;
  readonly arrangement: Arrangement;
}

/** Builds the program in which nodes are computed in chosen orders. */
class Rearranger {
  readonly #graph: LayoutGraph;
  readonly #orders: Orders;
  /** What became of each root. */
  readonly #stored = new Map<Value, Stored>();
  /** Conversions made of each root. */
  readonly #made = new Map<Value, Map<string, Stored>>();

  constructor(graph: LayoutGraph, orders: Orders) {
    this.#graph = graph;
    this.#orders = orders;
  }

  run(): Program {
    const { program, nodes } = this.#graph;
    for (const node of nodes) this.#rebuild(node);
    const outputs = program.outputs.map((value, index) =>
      this.#read({ view: this.#graph.view(value), value, node: null, index }),
    );
    return makeProgram(program.inputs, outputs);
  }

  #rebuild(node: Node): void {
    const graph = this.#graph;
    const order = this.#orders.get(node);
    const ports = node.inputs.map((value, index): Port => ({ view: graph.view(value), value, node, index }));
    const { inputs, attributes } =
      node.op === "matmul"
        ? this.#matmul(node, ports)
        : { inputs: ports.map((p) => this.#read(p)), attributes: node.attributes };
    const same = inputs.every((input, i) => input === node.inputs[i]) && attributes === node.attributes;
    let results: readonly Value[];
    if (order) results = graph.rule(node)!.build(inputs, order);
    else results = same ? node.outputs : b.emit(node.op, inputs, attributes);
    node.outputs.forEach((output, i) => {
      const arrangement = graph.stored(output, this.#orders);
      // Operands that came with fewer axes of size 1 in front may have left the result without them.
      this.#stored.set(output, { value: b.reshape(results[i]!, arrangement.shape), arrangement });
    });
  }

  #storedOf(root: Value): Stored {
    return this.#stored.get(root) ?? { value: root, arrangement: this.#graph.stored(root, this.#orders) };
  }

  /** What a reader takes, converted where it must be. */
  #read(port: Port): Value {
    const stored = this.#storedOf(port.view.root);
    const asked = this.#graph.asked(port, this.#orders)[0]!;
    return fits(stored.arrangement, asked, this.#graph.broadcastRank(port))
      ? stored.value
      : this.#convert(port.view.root, stored, asked);
  }

  /** A product reads either order of the last two axes through its flags. */
  #matmul(node: Node, ports: readonly Port[]): { inputs: Value[]; attributes: PrimitiveAttributes["matmul"] } {
    const given = node.attributes as PrimitiveAttributes["matmul"];
    const flags = [given.transposeA, given.transposeB];
    const inputs = ports.map((port, i) => {
      const stored = this.#storedOf(port.view.root);
      const [plain, swapped] = this.#graph.asked(port, this.#orders);
      if (swapped && !fits(stored.arrangement, plain!, null) && fits(stored.arrangement, swapped, null)) {
        flags[i] = !flags[i];
        return stored.value;
      }
      return this.#read(port);
    });
    const [transposeA, transposeB] = flags as [boolean, boolean];
    const unchanged = transposeA === given.transposeA && transposeB === given.transposeB;
    return { inputs, attributes: unchanged ? given : { transposeA, transposeB } };
  }

  #convert(root: Value, stored: Stored, asked: Arrangement): Value {
    let made = this.#made.get(root);
    if (!made) {
      made = new Map();
      this.#made.set(root, made);
    }
    const found = made.get(keyOf(asked));
    if (found) return found.value;
    const reordered = [stored, ...made.values()].find(({ arrangement }) => shapesEqual(arrangement.axes, asked.axes));
    const value = reordered ? reshaped(reordered.value, asked.shape) : transposed(stored, asked);
    made.set(keyOf(asked), { value, arrangement: asked });
    return value;
  }
}

/** A reshape, done by the compiler for a constant. */
function reshaped(x: Value, shape: readonly number[]): Value {
  if (x.source.kind === "constant") return constantValue(x.source.data, { shape, dtype: x.dtype });
  return b.reshape(x, shape);
}

/** A transpose to other axes, and to another set of axes of size 1. */
function transposed({ value, arrangement }: Stored, asked: Arrangement): Value {
  const places = [...value.shape.keys()];
  const ones = places.filter((place) => value.shape[place] === 1);
  const proper = places.filter((place) => value.shape[place] !== 1);
  let next = 0;
  const permutation = asked.shape.flatMap((d) => {
    if (d === 1) return ones.length > 0 ? [ones.shift()!] : [];
    return [proper[arrangement.axes.indexOf(asked.axes[next++]!)]!];
  });
  const all = [...permutation, ...ones];
  const { source } = value;
  if (source.kind !== "constant") return b.reshape(b.transpose(value, all), asked.shape);
  return constantValue(transposeData(source.data, value.shape, all), { shape: asked.shape, dtype: value.dtype });
}

function transposeData(data: TypedArray, shape: readonly number[], permutation: readonly number[]): TypedArray {
  const moved = data.slice() as Float32Array;
  const strides = stridesOf(shape);
  const sizes = permutation.map((axis) => shape[axis]!);
  const steps = permutation.map((axis) => strides[axis]!);
  const index = sizes.map(() => 0);
  for (let i = 0, from = 0; i < sizeOf(shape); i++) {
    moved[i] = (data as Float32Array)[from]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      index[axis] = index[axis]! + 1;
      if (index[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
  return moved;
}
