/** Configs of functional models: every call of every operation with the tensors it got, and back. */
import { describe, SerializationError } from "../core/errors.ts";
import { isPlainObject, mapStructure, type Nested } from "../core/tree.ts";
import { type CallOptions, joinCallArguments } from "../layers/callArguments.ts";
import { placeOf } from "../layers/errorTrail.ts";
import { LayerBase } from "../layers/layer.ts";
import { recordsMask } from "../layers/recordedMask.ts";
import { OpOperation } from "../ops/define.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import type { Node } from "../ops/node.ts";
import { type Config, classNameOf, Operation } from "../ops/operation.ts";
import { builtinFunctionName, type CustomObjects, isRegistered } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { callFromFile, fileOptions } from "./callKeys.ts";
import type { Graph } from "./graph.ts";

/**
 * A model whose own graph reserves node 0, so that files count its calls from 1 (Keras keeps this from old versions).
 * Stacks have a graph here, and none in Keras's eyes.
 */
const shiftsNodeIndex = (operation: Operation): boolean =>
  "graph" in operation && operation.graph !== null && !("stack" in operation);

/** Position of a call among the calls of its operation that belong to the graph. */
function nodeIndexIn(graph: Graph, tensor: KerasTensor): number {
  const { operation, nodeIndex } = tensor.kerasHistory!;
  return operation.inboundNodes.slice(0, nodeIndex).filter((node) => graph.has(node)).length;
}

/** A structure without the keys of objects whose values are `undefined`: files have no such value. */
function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (!isPlainObject(value)) return value;
  const present = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(present.map(([key, item]) => [key, withoutAbsent(item)]));
}

function serializeArguments(graph: Graph, node: Node): Config {
  const { operation } = node;
  const last = node.args.at(-1);
  const isOp = operation instanceof OpOperation;
  const takesNames = isOp ? operation.definition.namedArguments : operation instanceof LayerBase;
  const hasOptions = node.args.length > 1 && isPlainObject(last) && takesNames;
  const leaf = (value: unknown): unknown =>
    value instanceof KerasTensor
      ? {
          class_name: "__keras_tensor__",
          config: {
            shape: value.shape,
            dtype: value.dtype,
            keras_history: [
              value.kerasHistory!.operation.name,
              nodeIndexIn(graph, value),
              value.kerasHistory!.tensorIndex,
            ],
          },
        }
      : serializeObject(value);
  const serialized = (value: unknown): unknown => mapStructure(leaf, withoutAbsent(value) as Nested<unknown>);
  const inputs = hasOptions ? node.args.slice(0, -1) : node.args;
  const options: CallOptions = hasOptions ? last : {};
  const args = inputs.map(serialized);
  if (!hasOptions) return { args, kwargs: recordsMask(operation, inputs, options) ? { mask: null } : {} };
  for (const [key, value] of Object.entries(options)) checkFunction(operation, key, value);
  // Ops know their arguments under Keras's names, and those of `rearrange` are the user's own.
  if (!(operation instanceof LayerBase)) return { args, kwargs: serialized(options) as Config };
  const { kwargs, names } = fileOptions(operation, serialized(options) as Config);
  return { args, kwargs: recordsMask(operation, inputs, options) ? { mask: null, ...kwargs } : kwargs, ...names };
}

/** @throws SerializationError for a function that has its name from the option alone: nobody could hand it in by that. */
function checkFunction(operation: Operation, key: string, value: unknown): void {
  if (typeof value !== "function" || "getConfig" in value || builtinFunctionName(value) || isRegistered(value)) return;
  if (value.name !== "" && value.name !== key) return;
  throw new SerializationError(
    `${placeOf(operation)}: the option \`${key}\` of a call is a function without a name of its own, which no file can hold. ` +
      `Make it part of the layer, in its \`call\`; or register it, so that files name it: ` +
      'registerKerasSerializable(fn, { name: "…" })',
  );
}

/** The parts of a functional model's config that describe its graph. */
export function graphConfig(graph: Graph): Config {
  const layers = graph.operations.map((operation) => {
    const nodes = operation.inboundNodes.filter((node) => graph.has(node) && !node.isInput);
    const serialized = serializeObject(operation) as Config;
    return { ...serialized, name: operation.name, inbound_nodes: nodes.map((node) => serializeArguments(graph, node)) };
  });
  const reference = (tensor: KerasTensor): [string, number, number] => {
    const { operation, tensorIndex } = tensor.kerasHistory!;
    return [operation.name, nodeIndexIn(graph, tensor) + (shiftsNodeIndex(operation) ? 1 : 0), tensorIndex];
  };
  return {
    layers,
    input_layers: mapStructure(reference, graph.inputStructure),
    output_layers: mapStructure(reference, graph.outputStructure),
  };
}

interface PendingCall {
  readonly operation: Operation;
  readonly data: unknown;
}

const isReference = (value: unknown): value is [string, number, number] =>
  Array.isArray(value) &&
  value.length === 3 &&
  typeof value[0] === "string" &&
  Number.isInteger(value[1]) &&
  Number.isInteger(value[2]);

const isTensorConfig = (value: unknown): value is { config?: { keras_history?: unknown } | null } =>
  isPlainObject(value) && value.class_name === "__keras_tensor__";

class GraphReader {
  readonly #operations = new Map<string, Operation>();
  /** Nodes that exist before the file's calls are replayed: input layers have one. */
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  add(name: string, operation: Operation): void {
    this.#operations.set(name, operation);
  }

  /** The tensor a reference points to, or `null` when that call has not been replayed yet. */
  tensor(reference: readonly [string, number, number], shifted: boolean): KerasTensor | null {
    const [name, index, tensorIndex] = reference;
    const operation = this.#operations.get(name);
    if (!operation) {
      throw new SerializationError(
        `${this.#where}: unknown layer "${name}" in the config; it has: ${[...this.#operations.keys()].join(", ")}`,
      );
    }
    const node = operation.inboundNodes[shifted && shiftsNodeIndex(operation) ? index - 1 : index];
    return node?.outputTensors[tensorIndex] ?? null;
  }

  /** Replays one call if all its tensors exist. */
  replay({ operation, data }: PendingCall): boolean {
    const { args, kwargs } = normalizeCall(this.#where, operation, data);
    let missing = false;
    const resolve = (value: unknown): unknown => {
      if (isTensorConfig(value)) {
        const reference = value.config?.keras_history;
        if (!isReference(reference)) {
          throw new SerializationError(
            `${this.#where}: a call of "${operation.name}" takes a tensor that comes from nowhere: expected keras_history ` +
              `to be [layer name, call, output]. Received: ${describe(reference)}`,
          );
        }
        const tensor = this.tensor(reference, false);
        missing ||= tensor === null;
        return tensor;
      }
      if (Array.isArray(value)) return value.map(resolve);
      if (isPlainObject(value)) {
        if ("class_name" in value && "config" in value) return deserializeObject(value);
        return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolve(v)]));
      }
      return value;
    };
    const resolved = args.map(resolve);
    const resolvedOptions = Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [key, resolve(value)]));
    if (missing) return false;
    if (operation instanceof LayerBase) {
      const { inputs, options } = callFromFile(operation, resolved, resolvedOptions, data);
      operation.invoke(joinCallArguments(inputs, options));
    } else operation.invoke(Object.keys(kwargs).length > 0 ? [...resolved, resolvedOptions] : resolved);
    return true;
  }
}

/** A call in the current format `{args, kwargs}`; the list format of older files is turned into it. */
function normalizeCall(where: string, operation: Operation, data: unknown): { args: unknown[]; kwargs: Config } {
  if (isPlainObject(data) && Array.isArray(data.args))
    return { args: data.args, kwargs: (data.kwargs ?? {}) as Config };
  if (Array.isArray(data)) {
    let kwargs: Config = {};
    const tensors = data.map((entry) => {
      if (!Array.isArray(entry) || entry.length < 3 || entry.length > 4) {
        throw new SerializationError(`${where}: a call of "${operation.name}" is not readable: ${describe(entry)}`);
      }
      kwargs = { ...kwargs, ...(entry[3] as Config | undefined) };
      return { class_name: "__keras_tensor__", config: { keras_history: entry.slice(0, 3) } };
    });
    return { args: tensors.length === 1 ? tensors : [tensors], kwargs };
  }
  throw new SerializationError(`${where}: a call of "${operation.name}" is not readable: ${describe(data)}`);
}

/** Rebuilds the graph that `graphConfig` described. */
export function graphFromConfig(
  config: Config,
  customObjects: CustomObjects | undefined,
): { inputs: Nested<KerasTensor>; outputs: Nested<KerasTensor> } {
  const where = `model "${String(config.name)}"`;
  const reader = new GraphReader(where);
  let pending: PendingCall[] = [];
  if (!Array.isArray(config.layers)) throw new SerializationError(`${where}: the config has no list of layers`);
  config.layers.forEach((entry: unknown, i) => {
    if (!isPlainObject(entry)) throw new SerializationError(`${where}: layers[${i}] is not an object`);
    const options = { path: `config.layers[${i}]`, ...(customObjects ? { customObjects } : {}) };
    const operation = deserializeObject(entry, options);
    if (!(operation instanceof Operation)) {
      throw new SerializationError(
        `${where}: layers[${i}] is no layer and no operation. Received: ${describe(operation)}`,
      );
    }
    // A revived graph model has recorded no call of itself, so indices in the file count from its first real call.
    reader.add(String(entry.name ?? (entry.config as Config | undefined)?.name ?? operation.name), operation);
    const nodes: unknown = entry.inbound_nodes ?? [];
    if (!Array.isArray(nodes)) {
      throw new SerializationError(
        `${where}: \`inbound_nodes\` of layers[${i}] must be a list of calls. Received: ${describe(nodes)}`,
      );
    }
    pending.push(...nodes.map((data) => ({ operation, data })));
  });
  while (pending.length > 0) {
    // Calls of one operation keep their order: a call waits for the earlier ones of the same operation.
    const blocked = new Set<Operation>();
    const left = pending.filter((call) => {
      if (!blocked.has(call.operation) && reader.replay(call)) return false;
      blocked.add(call.operation);
      return true;
    });
    if (left.length === pending.length) {
      const names = [...new Set(left.map((call) => `"${call.operation.name}" (${classNameOf(call.operation)})`))];
      throw new SerializationError(
        `${where}: the graph in the config has a loop or a missing node at: ${names.join(", ")}`,
      );
    }
    pending = left;
  }
  const resolve = (structure: unknown): Nested<KerasTensor> => {
    if (isReference(structure)) {
      const tensor = reader.tensor(structure, true);
      if (!tensor) throw new SerializationError(`${where}: missing node: ${JSON.stringify(structure)}`);
      return tensor;
    }
    if (Array.isArray(structure)) return structure.map(resolve);
    if (isPlainObject(structure)) return Object.fromEntries(Object.entries(structure).map(([k, v]) => [k, resolve(v)]));
    throw new SerializationError(`${where}: inputs or outputs are not readable: ${describe(structure)}`);
  };
  return { inputs: resolve(config.input_layers), outputs: resolve(config.output_layers) };
}
