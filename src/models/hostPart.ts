/**
 * The part of a graph that runs on the host: layers that consume strings, or hash, right after the inputs. A model runs it
 * before its compiled program, which begins at the boundary between the two.
 */
import { DTypeError } from "../core/errors.ts";
import { flatten, isPlainObject, mapStructure, type Nested } from "../core/tree.ts";
import { convertArgument } from "../layers/callArguments.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import type { Node } from "../ops/node.ts";
import type { Operation } from "../ops/operation.ts";
import { Tensor, tensor } from "../runtime/tensor.ts";
import { Graph, type RunOperation } from "./graph.ts";

/** Values at the boundary, as the model receives them in place of its inputs. */
export type BoundaryValues = Record<string, Tensor | null>;

const KEY = "host:";

/** Whether a model's inputs are what its host part has made of them already. */
export function isBoundary(inputs: unknown): inputs is BoundaryValues {
  if (!isPlainObject(inputs)) return false;
  const keys = Object.keys(inputs);
  return keys.length > 0 && keys.every((key) => key.startsWith(KEY));
}

/** Whether a layer computes on the host. */
export const isHostLayer = (operation: Operation): boolean =>
  "runsOnHost" in operation && operation.runsOnHost === true;

/** The host's part of a graph, and the rest. */
export class HostPart {
  readonly #nodes: readonly Node[];
  readonly #inputs: readonly KerasTensor[];
  readonly #boundary: readonly KerasTensor[];
  /** From the boundary to the outputs. */
  readonly #rest: Graph;
  /** Whether nothing is left to compile. */
  readonly whole: boolean;

  private constructor(graph: Graph, nodes: readonly Node[], where: string) {
    this.#nodes = nodes;
    this.#inputs = graph.inputs;
    const onHost = new Set<KerasTensor>([...graph.inputs, ...nodes.flatMap((node) => node.outputTensors)]);
    const compiled = graph.nodes.filter((node) => !node.isInput && !nodes.includes(node));
    const needed = [...compiled.flatMap((node) => node.inputTensors), ...graph.outputs];
    this.#boundary = [...new Set(needed)].filter((t) => onHost.has(t));
    this.whole = compiled.length === 0;
    for (const node of compiled) {
      const text = node.inputTensors.find((t) => t.dtype === "string");
      if (!text) continue;
      throw new DTypeError(
        `${where}: "${node.operation.name}" cannot take strings. Turn them into numbers before, with TextVectorization, StringLookup or ` +
          "Hashing, in the model that has the Input of strings itself",
      );
    }
    this.#rest = new Graph([...this.#boundary], graph.outputStructure, where);
  }

  /**
   * The host's part, or `null` for a graph without one.
   *
   * @throws DTypeError when strings reach any other layer; TypeError for a model inside that is only partly for the host.
   */
  static of(graph: Graph, where: string): HostPart | null {
    for (const { operation } of graph.nodes) {
      if (isHostLayer(operation) || !("inputPreparation" in operation) || !operation.inputPreparation) continue;
      throw new TypeError(
        `${where}: the model "${operation.name}" inside of it begins with layers that run on the host, and goes on with others, so it ` +
          "cannot be a layer. Call its layers one by one, or split it: a model of the layers on the host, and one of the rest",
      );
    }
    const known = new Set<KerasTensor>(graph.inputs);
    const nodes = graph.nodes.filter((node) => {
      if (node.isInput || !isHostLayer(node.operation) || !node.inputTensors.every((t) => known.has(t))) return false;
      for (const t of node.outputTensors) known.add(t);
      return true;
    });
    return nodes.length > 0 ? new HostPart(graph, nodes, where) : null;
  }

  /** From values of the graph's inputs to those at the boundary. */
  run(values: readonly unknown[]): BoundaryValues {
    const known = new Map<KerasTensor, unknown>(this.#inputs.map((input, i) => [input, values[i]]));
    for (const { operation, args, outputTensors } of this.#nodes) {
      const given = mapStructure(
        (leaf) => (leaf instanceof KerasTensor ? known.get(leaf) : leaf),
        args as Nested<unknown>,
      ) as unknown[];
      flatten(operation.invoke(given) as Nested<unknown>).forEach((value, i) => {
        known.set(outputTensors[i]!, value);
      });
    }
    return Object.fromEntries(this.#boundary.map((t, i) => [`${KEY}${i}`, known.get(t) as Tensor | null]));
  }

  /** From values at the boundary to the outputs. */
  runRest(values: BoundaryValues, runOperation: RunOperation): Nested<unknown> {
    return this.#rest.run(
      this.#boundary.map((_, i) => values[`${KEY}${i}`] ?? null),
      runOperation,
    );
  }
}

const isText = (value: unknown): boolean =>
  typeof value === "string" || (Array.isArray(value) && value.length > 0 && value.every(isText));

/** Tensors in a structure of data in which strings, and arrays of them, are allowed. */
export function hostInputs(value: unknown, where: string): unknown {
  if (isText(value)) return tensor(value as string[]);
  if (value instanceof Tensor) return value;
  if (isPlainObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hostInputs(v, where)]));
  const hasText = Array.isArray(value) && value.some((item) => isText(item) || item instanceof Tensor);
  return hasText ? (value as unknown[]).map((item) => hostInputs(item, where)) : convertArgument(value, where);
}
