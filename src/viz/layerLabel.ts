/** The box of a layer in a plot: a table in Graphviz's HTML, with a title and cells for what is asked for. */
import * as activations from "../activations/index.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { isPlainObject } from "../core/tree.ts";
import { LayerBase } from "../layers/layer.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import type { Operation } from "../ops/operation.ts";
import { classNameShown } from "./modelKind.ts";

/** What the boxes say. */
export interface LabelOptions {
  readonly showShapes: boolean;
  readonly showDtype: boolean;
  readonly showLayerNames: boolean;
  readonly showLayerActivations: boolean;
  readonly showTrainable: boolean;
}

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A structure of symbolic tensors as Python prints it, each leaf by `print`. */
function structureText(structure: unknown, print: (tensor: KerasTensor) => string): string {
  if (structure instanceof KerasTensor) return print(structure);
  if (Array.isArray(structure)) return `[${structure.map((item) => structureText(item, print)).join(", ")}]`;
  const entries = isPlainObject(structure) ? Object.entries(structure) : [];
  return `{${entries.map(([key, value]) => `'${key}': ${structureText(value, print)}`).join(", ")}}`;
}

function shapesText(structure: unknown): string {
  const shapeOf = (tensor: KerasTensor): string => formatShape(tensor.shape as Shape);
  const text = isPlainObject(structure)
    ? Object.entries(structure)
        .map(([key, value]) => `${key}: ${structureText(value, shapeOf)}`)
        .join(", ")
    : structureText(structure, shapeOf);
  return text.replace(/[{}]/g, "");
}

function dtypesText(structure: unknown): string {
  if (structure instanceof KerasTensor) return structure.dtype;
  return structureText(structure, (tensor) => `'${tensor.dtype}'`);
}

/** Input and output of a layer's first call; `null` for a layer that is in no graph. */
function tensorsOf(layer: Operation): { input: unknown; output: unknown } | null {
  try {
    return { input: layer.input, output: layer.output };
  } catch {
    return null; // a box describes what it can
  }
}

/** Name of a layer's activation, or `null` for a layer without one. */
function activationName(layer: Operation): string | null {
  const activation = "activation" in layer ? layer.activation : null;
  if (activation === null || activation === undefined) return null;
  return activations.nameOf(activation as activations.ActivationFunction);
}

const cell = (attributes: string, font: string, content: string): string =>
  `<td ${attributes}><font ${font}>${content}</font></td>`;

const fact = (label: string, value: string): string =>
  cell('bgcolor="white"', 'point-size="14"', `${label}: <b>${escapeHtml(value)}</b>`);

/** The HTML label of a layer, with the angle brackets that tell Graphviz it is one. */
export function layerLabel(layer: Operation, options: LabelOptions): string {
  const className = escapeHtml(classNameShown(layer));
  const title = options.showLayerNames ? `<b>${escapeHtml(layer.name)}</b> (${className})` : `<b>${className}</b>`;
  const columns = Number(options.showDtype) + Number(options.showTrainable) + (options.showShapes ? 2 : 0);
  const span = `colspan="${Math.max(1, columns)}"`;
  const rows = [cell(`${span} bgcolor="black"`, 'point-size="16" color="white"', title)];

  const activation = options.showLayerActivations ? activationName(layer) : null;
  if (activation !== null) {
    rows.push(cell(`bgcolor="white" ${span}`, 'point-size="14"', `Activation: <b>${escapeHtml(activation)}</b>`));
  }

  const facts: string[] = [];
  const tensors = options.showShapes || options.showDtype ? tensorsOf(layer) : null;
  if (options.showShapes) {
    if (classNameShown(layer) !== "InputLayer")
      facts.push(fact("Input shape", tensors ? shapesText(tensors.input) : "?"));
    facts.push(fact("Output shape", tensors ? shapesText(tensors.output) : "?"));
  }
  if (options.showDtype) facts.push(fact("Output dtype", tensors ? dtypesText(tensors.output) : "?"));
  if (options.showTrainable && layer instanceof LayerBase && layer.weights.length > 0) {
    const [color, word] = layer.trainable ? ["forestgreen", "Trainable"] : ["firebrick", "Non-trainable"];
    facts.push(cell(`bgcolor="${color}"`, 'point-size="14" color="white"', `<b>${word}</b>`));
  }
  if (facts.length > 0) rows.push(facts.join(""));

  const body = rows.map((row) => `<tr>${row}</tr>`).join("");
  return `<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">${body}</table>>`;
}
