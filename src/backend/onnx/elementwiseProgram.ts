/**
 * Elementwise primitives as instructions of our own kernels (native/src/kernels.h): text such as `2 add 0 1;3 const 0.5;4 mul 2 3`,
 * whose values are numbers, each defined once, inputs first. Values are float32; bools are 0 and 1 among them.
 */
import type { PrimitiveAttributes as Attributes, Primitive } from "../../ir/primitives.ts";
import type { Node, ValueType } from "../../ir/value.ts";

/** Takes instructions; what it returns is the number of their value. */
export interface Instructions {
  append(operation: string, operands: readonly number[]): number;
  constant(x: number): number;
}

interface Encoding {
  /** Operations that it consists of. */
  readonly needs: readonly string[];
  readonly encode: (instructions: Instructions, operands: readonly number[]) => number;
}

const plain = (name: string): Encoding => ({
  needs: [name],
  encode: (instructions, operands) => instructions.append(name, operands),
});

/** On bools as on numbers. */
const EITHER: { readonly [P in Primitive]?: Encoding } = {
  where: plain("where"),
  equal: plain("eq"),
  max: plain("max"),
  min: plain("min"),
  stop_gradient: { needs: [], encode: (_, [x]) => x! },
};

const ON_NUMBERS: { readonly [P in Primitive]?: Encoding } = {
  ...EITHER,
  neg: plain("neg"),
  abs: plain("abs"),
  sign: plain("sign"),
  floor: plain("floor"),
  ceil: plain("ceil"),
  round: plain("round"),
  exp: plain("exp"),
  expm1: plain("expm1"),
  log: plain("log"),
  log1p: plain("log1p"),
  sqrt: plain("sqrt"),
  reciprocal: plain("reciprocal"),
  tanh: plain("tanh"),
  erf: plain("erf"),
  sigmoid: plain("sigmoid"),
  softplus: plain("softplus"),
  relu: plain("relu"),
  add: plain("add"),
  sub: plain("sub"),
  mul: plain("mul"),
  div: plain("div"),
  pow: plain("pow"),
  less: plain("lt"),
  less_equal: plain("le"),
  greater: plain("gt"),
  greater_equal: plain("ge"),
  is_nan: plain("isnan"),
  is_inf: {
    needs: ["abs", "eq"],
    encode: (to, [x]) => to.append("eq", [to.append("abs", [x!]), to.constant(Number.POSITIVE_INFINITY)]),
  },
};

const ON_BOOLS: { readonly [P in Primitive]?: Encoding } = {
  ...EITHER,
  logical_and: plain("and"),
  logical_or: plain("or"),
  logical_xor: plain("xor"),
  logical_not: plain("not"),
  bitwise_and: plain("and"),
  bitwise_or: plain("or"),
  bitwise_xor: plain("xor"),
  bitwise_not: plain("not"),
};

const TO_BOOL: Encoding = { needs: ["ne"], encode: (to, [x]) => to.append("ne", [x!, to.constant(0)]) };
const SAME: Encoding = { needs: [], encode: (_, [x]) => x! };

/** Whether the machine holds values of a type. */
export const isMachineType = ({ dtype }: Pick<ValueType, "dtype">): boolean => dtype === "float32" || dtype === "bool";

/**
 * How a node is encoded; `null` where that is not known, or not to the machine.
 *
 * @param operations - Names of those that the machine has.
 */
export function encodingOf(node: Node, operations: ReadonlySet<string>): Encoding | null {
  if (![...node.inputs, ...node.outputs].every(isMachineType)) return null;
  const encoding = candidate(node);
  return encoding?.needs.every((name) => operations.has(name)) ? encoding : null;
}

function candidate(node: Node): Encoding | null {
  const last = node.inputs.at(-1);
  if (!last) return null;
  if (node.op === "cast") {
    const { dtype } = node.attributes as Attributes["cast"];
    return dtype === "bool" && last.dtype !== "bool" ? TO_BOOL : SAME;
  }
  return (last.dtype === "bool" ? ON_BOOLS : ON_NUMBERS)[node.op] ?? null;
}

/** A number as instructions have it. */
export const literal = (x: number): string => (Object.is(x, -0) ? "-0" : String(Math.fround(x)));
