/** What summaries and plots need to know of a model: how it was made, and what it consists of. */
import { LayerBase } from "../layers/layer.ts";
import type { ModelBase } from "../models/model.ts";
import { OpOperation } from "../ops/define.ts";
import { classNameOf, type Operation } from "../ops/operation.ts";

/** `"functional"`: from inputs and outputs. `"sequential"`: a stack. `"subclassed"`: a class with its own `call`. */
export type ModelKind = "functional" | "sequential" | "subclassed";

/** Whether a vertex of a graph is itself a model. Asked by shape, because models import this room. */
export const isModel = (value: unknown): value is ModelBase =>
  value instanceof LayerBase && "graph" in value && "layers" in value;

function extendsSequential(model: object): boolean {
  for (let proto = Object.getPrototypeOf(model); proto !== null; proto = Object.getPrototypeOf(proto)) {
    const cls = proto.constructor as { className?: unknown };
    if (Object.hasOwn(cls, "className") && cls.className === "Sequential") return true;
  }
  return false;
}

export function kindOf(model: ModelBase): ModelKind {
  if (extendsSequential(model)) return "sequential";
  return model.graph ? "functional" : "subclassed";
}

/** Whether a vertex is a model whose inside is a graph that can be drawn. */
export const isGraphModel = (value: Operation): value is ModelBase => isModel(value) && kindOf(value) !== "subclassed";

/** What a summary lists and a plot draws: of graphs all operations, of stacks and classes their layers. */
export const verticesOf = (model: ModelBase): readonly Operation[] =>
  kindOf(model) === "functional" ? model.operations : model.layers;

/** The class that a summary or a plot states; Keras has one for each op. */
export const classNameShown = (vertex: Operation): string =>
  vertex instanceof OpOperation ? vertex.definition.className : classNameOf(vertex);
