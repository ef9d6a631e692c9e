/** What the cells of a summary say about a layer. Colours are those that Keras uses on a terminal. */
import { type Shape, sizeOf } from "../core/shape.ts";
import { isPlainObject } from "../core/tree.ts";
import { LayerBase } from "../layers/layer.ts";
import type { ModelBase } from "../models/model.ts";
import type { Node } from "../ops/node.ts";
import type { Operation } from "../ops/operation.ts";
import { classNameShown, isModel, kindOf } from "./modelKind.ts";
import { readableCount } from "./modelSize.ts";
import { join, type StyledText, styled } from "./styledText.ts";

export const BOLD = "1";
const NUMBER = "38;5;34";
const UNKNOWN_SIZE = "38;5;45";
const CLASS = "38;5;33";
const YES = "1;38;5;34";
const NO = "1;38;5;9";

export const number = (value: number | string): StyledText => styled(String(value), NUMBER);

/** Unlike Python's tuples, one size has no comma behind it: `(None)`. */
function shapeText(shape: Shape): StyledText {
  const sizes = shape.map((size) => (size === null ? styled("None", UNKNOWN_SIZE) : number(size)));
  return join("(", ...sizes.flatMap((size, i) => (i > 0 ? [", ", size] : [size])), ")");
}

const isShape = (value: unknown): value is Shape =>
  Array.isArray(value) && value.every((size) => size === null || typeof size === "number");

/** A shape, or a structure of shapes as Python prints it, without quotes. A single one stands alone. */
function structureText(structure: unknown): StyledText {
  const leaves: StyledText[] = [];
  const print = (value: unknown): StyledText => {
    if (isShape(value)) {
      leaves.push(shapeText(value));
      return leaves.at(-1)!;
    }
    if (Array.isArray(value)) return join("[", ...value.flatMap((v, i) => [i > 0 ? ", " : "", print(v)]), "]");
    const entries = isPlainObject(value) ? Object.entries(value) : [];
    return join("{", ...entries.flatMap(([key, v], i) => [`${i > 0 ? ", " : ""}${key}: `, print(v)]), "}");
  };
  const text = print(structure);
  return leaves.length === 1 ? leaves[0]! : text;
}

/** Output shapes of a layer that is in no graph, from the shapes it was built with; `null` when they do not tell. */
function shapesFromBuild(layer: LayerBase): unknown {
  const build = layer.getBuildConfig();
  if (!build) return null;
  try {
    if (isModel(layer) && layer.graph) return layer.outputShape;
    const shapes = isPlainObject(build.shapes_dict) ? Object.values(build.shapes_dict) : [build.input_shape];
    return (layer.computeOutputShape as (...inputShapes: unknown[]) => unknown).apply(layer, shapes);
  } catch {
    return null; // a summary describes what it can
  }
}

function outputShape(layer: Operation): StyledText {
  const node = layer.inboundNodes.at(-1);
  if (node) {
    const shapes = node.outputTensors.map((tensor) => tensor.shape);
    return structureText(shapes.length === 1 ? shapes[0] : shapes);
  }
  const shapes = layer instanceof LayerBase ? shapesFromBuild(layer) : null;
  return shapes === null ? styled("?") : structureText(shapes);
}

function parameters(layer: Operation): StyledText {
  if (!(layer instanceof LayerBase)) return number(0);
  if (!layer.built) return join(number(0), " (unbuilt)");
  return number(readableCount(layer.weights.reduce((sum, v) => sum + sizeOf(v.shape), 0)));
}

/** Where the inputs of a layer come from: `name[node index][tensor index]`, over all its calls in the model. */
function connections(model: ModelBase, layer: Operation): StyledText {
  const inModel = (node: Node): boolean => model.graph?.has(node) ?? false;
  const sources = layer.inboundNodes
    .filter(inModel)
    .flatMap((node) => node.inputTensors)
    .flatMap(({ kerasHistory: history }) => (history ? [history] : []));
  if (sources.length === 0) return styled("-");
  return join(
    ...sources.flatMap(({ operation, nodeIndex, tensorIndex }, i) => [
      `${i > 0 ? ", " : ""}${operation.name}[`,
      number(nodeIndex),
      "][",
      number(tensorIndex),
      "]",
    ]),
  );
}

function trainableMark(layer: Operation): StyledText {
  if (!(layer instanceof LayerBase) || layer.weights.length === 0) return styled("-", BOLD);
  return layer.trainable ? styled("Y", YES) : styled("N", NO);
}

/** Which optional columns a table has. */
export interface RowForm {
  readonly showConnections: boolean;
  readonly showTrainable: boolean;
  readonly expandNested: boolean;
}

/** The row of a layer, and below it those of the layers inside when they are asked for. */
export function rowsOf(model: ModelBase, layer: Operation, form: RowForm, level = 0): StyledText[][] {
  const prefix = level > 0 ? `${"   ".repeat(level)}└ ` : "";
  const row = [
    join(`${prefix}${layer.name} (`, styled(classNameShown(layer), CLASS), ")"),
    outputShape(layer),
    parameters(layer),
    ...(form.showConnections ? [connections(model, layer)] : []),
    ...(form.showTrainable ? [trainableMark(layer)] : []),
  ];
  const inner = form.expandNested && isModel(layer) ? layer.layers : [];
  return [row, ...inner.flatMap((nested) => rowsOf(model, nested, form, level + 1))];
}

/** Whether a model is a plain chain, so that nobody needs to be told what a layer is connected to. */
export function isChain(model: ModelBase): boolean {
  const { graph } = model;
  if (!graph || kindOf(model) !== "functional") return true;
  const hasOneInput = ([node]: readonly Node[]): boolean => node!.inputTensors.length <= 1;
  if (!graph.nodesByDepth.every((nodes) => nodes.length === 1 && hasOneInput(nodes))) return false;
  return model.layers.every((layer) => layer.inboundNodes.filter((node) => graph.has(node)).length <= 1);
}
