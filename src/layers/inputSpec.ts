/** What a layer accepts: rank, dtype and sizes of its inputs, checked before anything is built or computed. */
import type { DType } from "../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { isPlainObject } from "../core/tree.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { declaredShape } from "../ops/outputSpec.ts";
import { Tensor } from "../runtime/tensor.ts";

export interface InputSpecOptions {
  dtype?: DType;
  /** Expected sizes; `null` accepts any. */
  shape?: Shape;
  ndim?: number;
  minNdim?: number;
  maxNdim?: number;
  /** Axis → size. */
  axes?: Readonly<Record<number, number>>;
  /** Whether a trailing axis of size 1 may be missing or extra. */
  allowLastAxisSqueeze?: boolean;
  name?: string;
  /** Whether `null` is accepted. */
  optional?: boolean;
}

/** Constraints on one input of a layer. @see keras/src/layers/input_spec.py (Keras 3.x) */
export class InputSpec {
  readonly dtype: DType | null;
  readonly shape: Shape | null;
  readonly ndim: number | null;
  readonly minNdim: number | null;
  readonly maxNdim: number | null;
  readonly axes: Readonly<Record<number, number>>;
  readonly allowLastAxisSqueeze: boolean;
  readonly name: string | null;
  readonly optional: boolean;

  constructor(options: InputSpecOptions = {}) {
    this.dtype = options.dtype ?? null;
    this.shape = options.shape ?? null;
    this.ndim = options.shape ? options.shape.length : (options.ndim ?? null);
    this.minNdim = options.minNdim ?? null;
    this.maxNdim = options.maxNdim ?? null;
    this.axes = options.axes ?? {};
    this.allowLastAxisSqueeze = options.allowLastAxisSqueeze ?? false;
    this.name = options.name ?? null;
    this.optional = options.optional ?? false;
    for (const axis of Object.keys(this.axes).map(Number)) {
      const limit = this.ndim ?? this.maxNdim;
      if (limit !== null && axis >= limit) {
        throw new RangeError(`InputSpec: axis ${axis} is beyond the rank ${limit} that the spec allows`);
      }
    }
  }
}

type AnyTensor = Tensor | KerasTensor;

/** Inputs in the order of the specs: dicts of inputs are matched by name. */
function inputsInOrder(layerName: string, specs: readonly InputSpec[], inputs: unknown): unknown[] {
  if (isPlainObject(inputs)) {
    if (specs.every((spec) => spec.name !== null)) {
      return specs.map((spec) => {
        if (!(spec.name! in inputs) && !spec.optional) {
          throw new TypeError(
            `layer "${layerName}": missing input "${spec.name}". Received keys: ${Object.keys(inputs).join(", ")}; ` +
              `expected: ${specs.map((s) => s.name).join(", ")}`,
          );
        }
        return inputs[spec.name!] ?? null;
      });
    }
    return Object.keys(inputs)
      .sort()
      .map((key) => inputs[key]);
  }
  return Array.isArray(inputs) ? inputs : [inputs];
}

/**
 * Checks inputs against specs.
 *
 * @throws TypeError for the wrong number or kind of inputs, ShapeError and DTypeError for one that does not fit; the
 *   message names the layer and the input, what was expected and what was received.
 */
export function assertInputCompatibility(layerName: string, specs: readonly InputSpec[], inputs: unknown): void {
  const list = inputsInOrder(layerName, specs, inputs);
  if (list.length !== specs.length) {
    throw new TypeError(
      `layer "${layerName}": expected ${specs.length} input${specs.length === 1 ? "" : "s"}. Received: ${list.length}`,
    );
  }
  if (specs.length === 1 && Array.isArray(inputs) && list[0] !== null) {
    throw new TypeError(
      `layer "${layerName}": expected a tensor. Received: a list of one. Pass the tensor itself: layer(x), not layer([x])`,
    );
  }
  list.forEach((input, i) => {
    const spec = specs[i]!;
    if (input === null && spec.optional) return;
    if (!(input instanceof Tensor) && !(input instanceof KerasTensor)) {
      throw new TypeError(`layer "${layerName}": inputs must be tensors. Received: ${describe(input)} as input ${i}`);
    }
    checkOne(`input ${i}${spec.name ? ` ("${spec.name}")` : ""} of layer "${layerName}"`, spec, input);
  });
}

function checkOne(where: string, spec: InputSpec, x: AnyTensor): void {
  // Sizes not known yet have stand-ins while shapes are inferred.
  const shape: Shape = x instanceof Tensor ? declaredShape(x.shape) : x.shape;
  const received = `Received: shape ${formatShape(shape)}`;
  const squeezable = (rank: number): boolean =>
    spec.allowLastAxisSqueeze &&
    ((shape.length === rank + 1 && shape.at(-1) === 1) || (shape.length === rank - 1 && spec.shape?.at(-1) === 1));
  if (spec.ndim !== null && shape.length !== spec.ndim && !squeezable(spec.ndim)) {
    throw new ShapeError(
      `${where}: expected rank ${spec.ndim}${spec.shape ? `, shape ${formatShape(spec.shape)}` : ""}, found rank ${shape.length}. ${received}`,
    );
  }
  if (spec.maxNdim !== null && shape.length > spec.maxNdim) {
    throw new ShapeError(`${where}: expected rank at most ${spec.maxNdim}, found rank ${shape.length}. ${received}`);
  }
  if (spec.minNdim !== null && shape.length < spec.minNdim) {
    throw new ShapeError(`${where}: expected rank at least ${spec.minNdim}, found rank ${shape.length}. ${received}`);
  }
  if (spec.dtype !== null && x.dtype !== spec.dtype) {
    throw new DTypeError(`${where}: expected dtype ${spec.dtype}. Received: ${x.dtype}`);
  }
  for (const [key, expected] of Object.entries(spec.axes)) {
    const axis = Number(key);
    const actual = shape.at(axis);
    if (actual !== null && actual !== undefined && actual !== expected) {
      throw new ShapeError(`${where}: expected size ${expected} on axis ${axis}. ${received}`);
    }
  }
  if (spec.shape !== null) {
    const fits = spec.shape.every(
      (d, i) => d === null || shape[i] === null || shape[i] === undefined || d === shape[i],
    );
    if (!fits) throw new ShapeError(`${where}: expected shape ${formatShape(spec.shape)}. ${received}`);
  }
}
