/** From models to the language of Graphviz. */
import { checkOptions, describe } from "../core/errors.ts";
import type { ModelBase } from "../models/model.ts";
import { producerOf } from "../ops/node.ts";
import { classNameOf, type Operation } from "../ops/operation.ts";
import { DotGraph } from "./dotGraph.ts";
import { type LabelOptions, layerLabel } from "./layerLabel.ts";
import { isGraphModel, isModel, kindOf, verticesOf } from "./modelKind.ts";

/** Options of {@link modelToDot}. */
export interface ModelToDotOptions {
  /** Whether boxes state the shapes of inputs and outputs. @defaultValue `false` */
  showShapes?: boolean;
  /** Whether boxes state the dtype of outputs. @defaultValue `false` */
  showDtype?: boolean;
  /** Whether boxes state the layer's name besides its class. @defaultValue `true` */
  showLayerNames?: boolean;
  /** Direction of the graph: `"TB"` is from top to bottom, `"LR"` from left to right. @defaultValue `"TB"` */
  rankdir?: "TB" | "LR" | "BT" | "RL";
  /** Whether nested models are drawn as frames around their layers. @defaultValue `false` */
  expandNested?: boolean;
  /** Resolution in dots per inch. @defaultValue `200` */
  dpi?: number;
  /** Whether to return a cluster, to be put into a larger graph. @defaultValue `false` */
  subgraph?: boolean;
  /** Whether boxes state the layer's activation. @defaultValue `false` */
  showLayerActivations?: boolean;
  /** Whether boxes state whether the layer is trainable. @defaultValue `false` */
  showTrainable?: boolean;
  /** How edges run: `"ortho"`, `"curved"`, `"polyline"`, `"spline"` or `"line"`. @defaultValue `"ortho"` */
  splines?: string;
}

export const DOT_FLAGS = [
  "showShapes",
  "showDtype",
  "showLayerNames",
  "expandNested",
  "subgraph",
  "showLayerActivations",
  "showTrainable",
] as const;
export const DOT_OPTIONS = [...DOT_FLAGS, "rankdir", "dpi", "splines"] as const;
const DIRECTIONS = ["TB", "LR", "BT", "RL"];
const SPLINES = ["ortho", "curved", "polyline", "spline", "line"];

/** @throws Error for a model without weights and shapes yet; TypeError, RangeError for options. */
export function checkDotArguments(
  where: string,
  model: unknown,
  options: ModelToDotOptions,
): asserts model is ModelBase {
  if (!isModel(model)) throw new TypeError(`${where}: expected a model. Received: ${describe(model)}`);
  for (const flag of DOT_FLAGS) {
    const value = options[flag];
    if (value === undefined || typeof value === "boolean") continue;
    throw new TypeError(`${where}: expected \`${flag}\` to be a boolean. Received: ${describe(value)}`);
  }
  const { rankdir = "TB", dpi = 200, splines = "ortho" } = options;
  for (const [key, value, known] of [
    ["rankdir", rankdir, DIRECTIONS],
    ["splines", splines, SPLINES],
  ] as const) {
    if (known.includes(value)) continue;
    const choices = known.map((choice) => `"${choice}"`).join(", ");
    throw new RangeError(`${where}: expected \`${key}\` to be one of ${choices}. Received: ${describe(value)}`);
  }
  if (!(typeof dpi === "number" && Number.isFinite(dpi) && dpi > 0)) {
    throw new RangeError(`${where}: expected \`dpi\` to be a positive number. Received: ${describe(dpi)}`);
  }
  if (!model.built) {
    throw new Error(
      `${where}: ${classNameOf(model)} "${model.name}" has not yet been built, so its shapes are unknown. Build it first: ` +
        "call it on a batch of data, or `model.build(inputShape)`",
    );
  }
  if (options.expandNested && !model.graph) {
    throw new Error(
      `${where}: ${classNameOf(model)} "${model.name}" computes with a \`call\` of its own, so it has no graph of layers that ` +
        "`expandNested` could draw. Without the option it is one box; `summary({ expandNested: true })` lists its layers",
    );
  }
}

/** Numbers the boxes in the order in which they are written. */
class NodeIds {
  readonly #ids = new Map<Operation, string>();

  of(operation: Operation): string {
    const id = this.#ids.get(operation) ?? `n${this.#ids.size}`;
    this.#ids.set(operation, id);
    return id;
  }
}

interface Drawing {
  readonly ids: NodeIds;
  readonly labels: LabelOptions;
  readonly expandNested: boolean;
}

function addNode(graph: DotGraph, layer: Operation, { ids, labels }: Drawing): void {
  graph.node(ids.of(layer), { label: layerLabel(layer, labels), fontname: "Helvetica", border: "0", margin: "0" });
}

/** The layer inside nested models that computes one of their outputs. */
function innerSource(operation: Operation, outputIndex: number): Operation {
  let source = operation;
  let index = outputIndex;
  while (isGraphModel(source)) {
    const history = source.outputs[index]?.kerasHistory;
    if (!history) break;
    source = history.operation;
    index = history.tensorIndex;
  }
  return source;
}

/** The layer inside nested models that receives one of their inputs. Stacks draw no input: theirs is the first layer. */
function innerDestination(operation: Operation, inputIndex: number): Operation {
  let destination = operation;
  while (isGraphModel(destination)) {
    const inner: Operation | undefined =
      kindOf(destination) === "sequential"
        ? destination.layers[0]
        : destination.inputs[inputIndex]?.kerasHistory?.operation;
    if (!inner) break;
    destination = inner;
  }
  return destination;
}

/** Edges from all layers that `layer` gets its inputs from, in the calls that belong to the model. */
function addEdgesTo(graph: DotGraph, layer: Operation, model: ModelBase, { ids, expandNested }: Drawing): void {
  const isOfModel = kindOf(model) === "functional" ? model.graph! : null;
  for (const node of layer.inboundNodes) {
    if (isOfModel && !isOfModel.has(node)) continue;
    node.inputTensors.forEach((tensor, inputIndex) => {
      const source = producerOf(tensor)?.operation;
      if (!source) return;
      const from = expandNested ? innerSource(source, tensor.kerasHistory!.tensorIndex) : source;
      const to = expandNested ? innerDestination(layer, inputIndex) : layer;
      graph.edge(ids.of(from), ids.of(to), { penwidth: "2" });
    });
  }
}

function draw(model: ModelBase, graph: DotGraph, drawing: Drawing): DotGraph {
  if (kindOf(model) === "subclassed") {
    addNode(graph, model, drawing);
    return graph;
  }
  const vertices = verticesOf(model);
  for (const layer of vertices) {
    if (drawing.expandNested && isGraphModel(layer)) graph.subgraph(draw(layer, clusterOf(layer), drawing));
    else addNode(graph, layer, drawing);
  }
  if (kindOf(model) === "functional") {
    for (const layer of vertices) addEdgesTo(graph, layer, model, drawing);
  } else if (drawing.expandNested) {
    // What the first layer gets comes from outside and is drawn there.
    for (const layer of vertices.slice(1)) addEdgesTo(graph, layer, model, drawing);
  } else {
    vertices.slice(1).forEach((layer, i) => {
      graph.edge(drawing.ids.of(vertices[i]!), drawing.ids.of(layer), { penwidth: "2" });
    });
  }
  return graph;
}

const clusterOf = (model: ModelBase): DotGraph =>
  DotGraph.cluster(model.name, { style: "dashed", label: model.name, labeljust: "l" });

/**
 * A model as text for Graphviz: what Keras's `model_to_dot(…).to_string()` gives, with boxes named n0, n1, …
 *
 * Graph models and stacks are drawn with all their layers; a model with its own `call` is one box.
 *
 * @throws Error for a model that is not built.
 * @throws TypeError for an unknown option; RangeError for an unknown direction or kind of edges.
 * @example
 * const dot = keras.utils.modelToDot(model, { showShapes: true });
 * @see keras/src/utils/model_visualization.py (Keras 3.x)
 */
export function modelToDot(model: ModelBase, options: ModelToDotOptions = {}): string {
  checkOptions("modelToDot", options, DOT_OPTIONS);
  checkDotArguments("modelToDot", model, options);
  return dotOf(model, options);
}

/** {@link modelToDot} after its checks. */
export function dotOf(model: ModelBase, options: ModelToDotOptions): string {
  const { rankdir = "TB", dpi = 200, splines = "ortho", subgraph = false } = options;
  const drawing: Drawing = {
    ids: new NodeIds(),
    expandNested: options.expandNested ?? false,
    labels: {
      showShapes: options.showShapes ?? false,
      showDtype: options.showDtype ?? false,
      showLayerNames: options.showLayerNames ?? true,
      showLayerActivations: options.showLayerActivations ?? false,
      showTrainable: options.showTrainable ?? false,
    },
  };
  const graph = subgraph ? clusterOf(model) : DotGraph.directed({ rankdir, concentrate: true, dpi, splines });
  if (!subgraph) graph.node("node", { shape: "record" });
  return draw(model, graph, drawing).toString();
}
