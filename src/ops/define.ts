/**
 * Ops as pairs: a function for tensors, and an operation that stands in a graph when an argument is symbolic. `defineOp`
 * makes both from one body, so eager, traced and symbolic use run the same code.
 */
import { floatx } from "../core/config.ts";
import { type DType, resultType, standardizeDType, type WeakDType } from "../core/dtype.ts";
import { DTypeError, describe } from "../core/errors.ts";
import { toSnakeCase, uniqueName } from "../core/names.ts";
import type { Nested } from "../core/tree.ts";
import * as build from "../ir/build.ts";
import type { Value } from "../ir/value.ts";
import { fromNumbers, scalarTensor, Tensor } from "../runtime/tensor.ts";
import { hasSymbolic, KerasTensor } from "./kerasTensor.ts";
import { type Config, Operation } from "./operation.ts";

/** How an op is known in files and how its static arguments are called there. */
export interface OpDefinition {
  /** Class name in Keras: `Relu`. */
  readonly className: string;
  /** File under keras/src/ops: `numpy`, `nn`, `math`, `core`. */
  readonly file: string;
  /** Static arguments: our option name → key in the file's config. */
  readonly statics: Readonly<Record<string, string>>;
  /** Runs the op on its call arguments (tensors or what becomes tensors) and its static arguments. */
  readonly run: (args: readonly unknown[], statics: Readonly<Record<string, unknown>>) => Nested<Tensor>;
  /** Whether a trailing plain object among the call arguments holds named ones, which files list by name too. */
  readonly namedArguments: boolean;
}

/** An op recorded in a graph. */
export class OpOperation extends Operation {
  readonly definition: OpDefinition;
  readonly statics: Readonly<Record<string, unknown>>;

  constructor(definition: OpDefinition, statics: Readonly<Record<string, unknown>>, name?: string) {
    super(name ?? uniqueOpName(definition.className));
    this.definition = definition;
    this.statics = statics;
  }

  override call(...args: unknown[]): Nested<Tensor> {
    return this.definition.run(args, this.statics);
  }

  override getConfig(): Config {
    const config: Config = super.getConfig();
    for (const [option, key] of Object.entries(this.definition.statics)) config[key] = this.statics[option] ?? null;
    return config;
  }
}

/** All ops that can stand in a graph, by class name. Filled while the modules that define them load. */
export const OP_DEFINITIONS = new Map<string, OpDefinition>();

/**
 * Defines an op.
 *
 * @param className - Keras's class name, which files carry.
 * @param file - Keras's module under `keras.src.ops`.
 * @param statics - Static arguments: option name → config key.
 * @param run - The op on tensors; composes `ir/build` and other ops.
 * @param options - `namedArguments`: see {@link OpDefinition}.
 * @returns A function of (call arguments, static arguments).
 */
export function defineOp(
  className: string,
  file: string,
  statics: Readonly<Record<string, string>>,
  run: OpDefinition["run"],
  { namedArguments = false }: { namedArguments?: boolean } = {},
): (args: readonly unknown[], statics?: Readonly<Record<string, unknown>>) => Nested<Tensor> | Nested<KerasTensor> {
  const definition: OpDefinition = { className, file, statics, run, namedArguments };
  OP_DEFINITIONS.set(className, definition);
  return (args, values = {}) =>
    hasSymbolic(args) ? new OpOperation(definition, values).symbolicCall(args) : run(args, values);
}

/** A number or tensor as it enters promotion: numbers are weak. */
function weakDType(x: unknown): WeakDType {
  if (x instanceof Tensor) return x.dtype;
  if (typeof x === "number") return Number.isInteger(x) ? "weak_int" : "weak_float";
  if (typeof x === "boolean") return "bool";
  return toTensor(x).dtype;
}

/**
 * Anything that an op accepts as a tensor. A lone integer becomes an int32 scalar, any other number and
 * nested arrays become floatx, unless `dtype` says otherwise.
 */
export function toTensor(x: unknown, dtype: DType | null = null, where = "ops"): Tensor {
  if (x instanceof Tensor) return dtype ? castTensor(x, dtype) : x;
  if (x instanceof KerasTensor) {
    throw new DTypeError(`${where}: expected a tensor with numbers. Received: ${x}`);
  }
  if (typeof x === "number") return scalarTensor(x, dtype ?? (Number.isInteger(x) ? "int32" : floatx()));
  if (typeof x === "boolean") return scalarTensor(x ? 1 : 0, dtype ?? "bool");
  if (typeof x === "object" && x !== null && "value" in x && (x as { value: unknown }).value instanceof Tensor) {
    return toTensor((x as { value: Tensor }).value, dtype, where);
  }
  if (Array.isArray(x) && x.flat(Number.POSITIVE_INFINITY).some((item) => item instanceof Tensor)) {
    throw new DTypeError(`${where}: expected a tensor. Received an array of tensors: use ops.stack or ops.concatenate`);
  }
  if (!Array.isArray(x) && !ArrayBuffer.isView(x)) {
    throw new DTypeError(`${where}: expected a tensor or numbers. Received: ${describe(x)}`);
  }
  return fromNumbers(x, null, dtype, where);
}

/** The tensor in another dtype, keeping its mask. */
export function castTensor(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  const result = new Tensor(build.cast(x.node, dtype));
  result.mask = x.mask;
  return result;
}

/** Operands in their common dtype, as IR values. `atLeastFloat` makes integers floatx, as true division does. */
export function promote(operands: readonly unknown[], options: { atLeastFloat?: boolean } = {}): Value[] {
  const dtypes = operands.map(weakDType);
  if (options.atLeastFloat) dtypes.push("weak_float");
  let dtype = resultType(dtypes, floatx());
  // Lone weak numbers: integers stay int32, as Keras's Python ints do.
  if (options.atLeastFloat && dtype === "float64" && !dtypes.includes("float64")) dtype = floatx();
  return operands.map((x) => toTensor(x, dtype).node);
}

/** Wraps an IR value. */
export const wrap = (value: Value): Tensor => new Tensor(value);

/** A float tensor: integers and bools become floatx. */
export function toFloat(x: unknown, where: string): Value {
  const t = toTensor(x, null, where);
  const dtype = resultType([t.dtype, "weak_float"], floatx());
  return build.cast(t.node, dtype);
}

/** `dtype` as given by a user, or null. */
export const optionalDType = (dtype: string | null | undefined): DType | null =>
  dtype === null || dtype === undefined ? null : standardizeDType(dtype);

function uniqueOpName(className: string): string {
  return uniqueName(toSnakeCase(className));
}
