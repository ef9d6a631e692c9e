/** What a layer is called with: inputs first, options in a trailing plain object; and its constructor the same way. */
import { describe } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { isPlainObject } from "../core/tree.ts";
import { toTensor } from "../ops/define.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { declaredShape } from "../ops/outputSpec.ts";
import { Tensor } from "../runtime/tensor.ts";
import { Variable } from "../runtime/variable.ts";

/** A mask, or one per input. `null`: nothing is masked. */
export type Mask = Tensor | null | readonly (Tensor | null)[];

/** What a layer's `call` receives besides its inputs. */
export interface CallOptions {
  /** Whether the layer behaves as in training (dropout, batch statistics). */
  training?: boolean;
  /** Which positions of the input are real. @defaultValue the mask that came with it, if no other argument is a tensor */
  mask?: Mask;
}

/** Whether an argument is a structure of plain numbers, which becomes a tensor. */
function isNumbers(value: unknown): boolean {
  if (typeof value === "number" || typeof value === "boolean") return true;
  return Array.isArray(value) && value.length > 0 && value.every(isNumbers);
}

/** Arrays of numbers and typed arrays become tensors; structures of tensors stay structures. */
export function convertArgument(value: unknown, where: string): unknown {
  if (value instanceof Tensor || value instanceof KerasTensor || value === null) return value;
  if (value instanceof Variable) return value.value;
  if (ArrayBuffer.isView(value) || isNumbers(value)) return toTensor(value, null, where);
  if (Array.isArray(value)) return value.map((item) => convertArgument(item, where));
  if (isPlainObject(value))
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, convertArgument(v, where)]));
  throw new TypeError(
    `${where}: inputs must be tensors or arrays of numbers. Received: ${describe(value)}. ` +
      "Pass anything else in the options object that follows the inputs",
  );
}

/**
 * Inputs and options of a call: the last argument after the first is options when it is a plain object. Options that are
 * `undefined` are not given.
 */
export function splitCallArguments(args: readonly unknown[]): { inputs: unknown[]; options: CallOptions } {
  const last = args.at(-1);
  if (args.length > 1 && (isPlainObject(last) || last === undefined)) {
    const given = Object.entries(last ?? {}).filter(([, value]) => value !== undefined);
    return { inputs: args.slice(0, -1), options: Object.fromEntries(given) };
  }
  return { inputs: [...args], options: {} };
}

/** The arguments that inputs and options are: without options only where the inputs cannot be taken for some. */
export function joinCallArguments(inputs: readonly unknown[], options: object): unknown[] {
  const isPlain = Object.keys(options).length === 0 && (inputs.length < 2 || !isPlainObject(inputs.at(-1)));
  return isPlain ? [...inputs] : [...inputs, options];
}

/** Shape of a tensor, or structure of shapes; stand-ins of unknown sizes become `null`. */
export function shapeStructure(value: unknown): unknown {
  if (value instanceof KerasTensor) return value.shape;
  if (value instanceof Tensor) return declaredShape(value.shape);
  if (Array.isArray(value)) return value.map(shapeStructure);
  if (isPlainObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shapeStructure(v)]));
  return null;
}

/** Symbolic tensors of the shapes in a structure. */
export function symbolicOfShapes(shapes: unknown, dtype: string): unknown {
  if (Array.isArray(shapes) && !shapes.some((d) => typeof d === "object" && d !== null)) {
    return new KerasTensor(shapes as Shape, { dtype });
  }
  if (Array.isArray(shapes)) return shapes.map((shape) => symbolicOfShapes(shape, dtype));
  return Object.fromEntries(Object.entries(shapes as object).map(([k, v]) => [k, symbolicOfShapes(v, dtype)]));
}

/**
 * Options of a constructor whose first argument has a place of its own: `Dense(64, { … })` and `Dense({ units: 64, … })`
 * mean the same.
 *
 * @param where - Class name, for messages.
 * @param name - The option that the first argument is.
 */
export function positionalOption<O extends object>(
  where: string,
  name: keyof O & string,
  first: unknown,
  rest: object,
): O {
  // The config of an object (`{ class_name, config }`) is a value, not options.
  if (isPlainObject(first) && !("class_name" in first)) return first as O;
  if (!isPlainObject(rest)) {
    throw new TypeError(`${where}: expected an options object after \`${name}\`. Received: ${describe(rest)}`);
  }
  if (name in rest) throw new TypeError(`${where}: \`${name}\` is given twice, as first argument and as an option`);
  return { ...rest, ...(first === undefined ? {} : { [name]: first }) } as unknown as O;
}
