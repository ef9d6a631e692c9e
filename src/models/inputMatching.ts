/** Fits what a user passes to the structure of inputs that a model declares: lists by position, dicts by name. */

import { convertArray, type DType, isFloat, isInteger } from "../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, shapesCompatible } from "../core/shape.ts";
import { flatten, isPlainObject, type Nested, sameStructure, showStructure } from "../core/tree.ts";
import { castTensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { peekValue } from "../runtime/evaluate.ts";
import { Tensor, tensorFromHost } from "../runtime/tensor.ts";
import type { Graph } from "./graph.ts";

/** Name under which an input is fed in a dict: its tensor's name. */
const nameOf = (tensor: KerasTensor): string => tensor.name;

/** Whether the layer of an input accepts `null`. */
export function isOptional(input: KerasTensor): boolean {
  const operation = input.kerasHistory?.operation;
  return operation !== undefined && "optional" in operation && operation.optional === true;
}

function pick(where: string, dict: Record<string, unknown>, input: KerasTensor, expected: readonly string[]): unknown {
  const layerName = input.kerasHistory?.operation.name;
  for (const key of [nameOf(input), layerName]) if (key !== undefined && key in dict) return dict[key];
  if (isOptional(input)) return null;
  throw new TypeError(
    `${where}: missing data for input "${layerName ?? nameOf(input)}". Received a dict with keys: ` +
      `${Object.keys(dict).join(", ") || "none"}; expected ${expected.join(", ")}`,
  );
}

const showShapes = (structure: unknown): string =>
  showStructure(structure, (leaf) =>
    leaf instanceof Tensor || leaf instanceof KerasTensor ? formatShape(leaf.shape) : describe(leaf),
  );

/** Leaves in the order of the graph's inputs. */
function orderLeaves(where: string, graph: Graph, data: unknown): unknown[] {
  const { inputStructure: struct, inputs } = graph;
  if (isPlainObject(data) && !isPlainObject(struct)) {
    const expected = inputs.map((input) => input.kerasHistory?.operation.name ?? nameOf(input));
    return inputs.map((input) => pick(where, data, input, expected));
  }
  if (isPlainObject(data) && isPlainObject(struct)) {
    // By key, so that extra keys in the data never shift the others.
    const flatKeys = Object.keys(struct).sort();
    const simple = flatKeys.every((key) => struct[key] instanceof KerasTensor);
    if (simple) {
      return flatKeys.map((key) => {
        if (key in data) return data[key];
        return pick(where, data, struct[key] as KerasTensor, flatKeys);
      });
    }
  }
  const given = Array.isArray(struct) && struct.length === 1 && !Array.isArray(data) ? [data] : data;
  const leaves = flatten(given as Nested<unknown>);
  if (leaves.length !== inputs.length) {
    throw new TypeError(
      `${where}: expected ${inputs.length} input${inputs.length === 1 ? "" : "s"} ` +
        `(${inputs.map((t) => t.kerasHistory?.operation.name ?? t.name).join(", ")}). Received: ${showShapes(data)}`,
    );
  }
  if (!sameStructure(struct, given) && !(Array.isArray(given) && inputs.length === leaves.length)) {
    throw new TypeError(
      `${where}: the structure of the inputs differs. Expected: ${showStructure(struct, (t) => nameOf(t as KerasTensor))}. ` +
        `Received: ${showShapes(data)}`,
    );
  }
  return leaves;
}

/** A tensor of other shape or dtype whose numbers stay at hand, when they are; else `null`. */
function onHost(x: Tensor | KerasTensor, shape: Shape, dtype: DType): Tensor | null {
  const data = x instanceof Tensor ? peekValue(x.node) : null;
  return data && tensorFromHost(convertArray(data, x.dtype, dtype), shape as number[], dtype);
}

/** One value fitted to one declared input: dtype converted, a trailing axis of size 1 added or removed. */
function fitOne(where: string, input: KerasTensor, value: unknown, host: boolean): Tensor | KerasTensor | null {
  const name = input.kerasHistory?.operation.name ?? input.name;
  if (value === null || value === undefined) {
    if (isOptional(input)) return null;
    throw new TypeError(`${where}: no data for input "${name}". It is not optional`);
  }
  if (!(value instanceof Tensor) && !(value instanceof KerasTensor)) {
    throw new TypeError(`${where}: data for input "${name}" must be a tensor. Received: ${describe(value)}`);
  }
  let x: Tensor | KerasTensor = value;
  const expected = input.shape;
  if (x.shape.length === expected.length + 1 && x.shape.at(-1) === 1) {
    x = (host && onHost(x, x.shape.slice(0, -1), x.dtype)) || ops.squeeze(x, { axis: -1 });
  } else if (x.shape.length === expected.length - 1 && expected.at(-1) === 1) {
    x = (host && onHost(x, [...x.shape, 1], x.dtype)) || ops.expandDims(x, -1);
  }
  // As in Keras, any number of samples may come, also where the shape that a model was built with states one.
  if (!shapesCompatible(expected.length === 0 ? expected : [null, ...expected.slice(1)], x.shape)) {
    throw new ShapeError(
      `${where}: data for input "${name}" has shape ${formatShape(value.shape)}; expected ${formatShape(expected)}`,
    );
  }
  if (x !== value && value.mask) x.mask = value.mask as never;
  if (x.dtype === input.dtype) return x;
  const numeric = (d: string): boolean => isFloat(d as never) || isInteger(d as never) || d === "bool";
  if (!numeric(x.dtype) || !numeric(input.dtype)) {
    throw new DTypeError(`${where}: data for input "${name}" has dtype ${x.dtype}; expected ${input.dtype}`);
  }
  const cast = host ? onHost(x, x.shape, input.dtype) : null;
  return cast ?? (x instanceof Tensor ? castTensor(x, input.dtype) : ops.cast(x, input.dtype));
}

/**
 * Values for the graph's inputs, in their order.
 *
 * @param host - Whether numbers that are at hand must stay so: layers that compute on the host come next.
 * @throws naming the input that does not fit.
 */
export function matchInputs(where: string, graph: Graph, data: unknown, host = false): (Tensor | KerasTensor | null)[] {
  return orderLeaves(where, graph, data).map((value, i) => fitOne(where, graph.inputs[i]!, value, host));
}
