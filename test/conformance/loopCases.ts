/** Cases of loops and branches; their bodies are written here. */
import type { DType } from "../../src/core/dtype.ts";
import { bodyStart, closeBody } from "../../src/ir/body.ts";
import * as b from "../../src/ir/build.ts";
import type { LoopPrimitives, Scan } from "../../src/ir/loops.ts";
import type { Program } from "../../src/ir/program.ts";
import { inputValue, type Value, type ValueType } from "../../src/ir/value.ts";
import type { Case, CaseTable, Operand } from "./cases.ts";

type Body = (inputs: readonly Value[]) => readonly Value[];

/** A closed body that uses nothing but its inputs. */
export function bodyOf(types: readonly ValueType[], body: Body): Program {
  const start = bodyStart();
  const inputs = types.map((type, i) => inputValue(type, `b${i}`));
  return closeBody(inputs, body(inputs), start).program;
}

export interface ScanCase {
  readonly name: string;
  /** Of operands that do not say theirs. */
  readonly dtype: DType;
  readonly operands: readonly Operand[];
  readonly attributes: Scan;
}

const NUMBERS = [0.7, -0.3, 0.4, 0.9, -0.6, 0.2, -0.8, 0.1, -0.25, 0.5];
const OTHERS = [-0.9, 0.6, 0.2, -0.35, 0.8, -0.5, 0.3];
const of = (shape: readonly number[], numbers: readonly number[] = NUMBERS, dtype?: DType): Operand =>
  dtype ? { shape, numbers, dtype } : { shape, numbers };

interface Layout {
  readonly carries: readonly Operand[];
  readonly sequences: readonly Operand[];
  readonly captured?: readonly Operand[];
  readonly reverse?: boolean;
  readonly length?: number;
}

/** A scan of float64 and of float32 operands. */
function scans(
  name: string,
  layout: Layout,
  body: Body,
  dtypes: readonly DType[] = ["float64", "float32"],
): ScanCase[] {
  const { carries, sequences, captured = [], reverse = false } = layout;
  const length = layout.length ?? sequences[0]!.shape[0]!;
  const operands = [...carries, ...sequences, ...captured];
  return dtypes.map((dtype) => ({
    name,
    dtype,
    operands,
    attributes: {
      length,
      reverse,
      carries: carries.length,
      sequences: sequences.length,
      body: bodyOf(
        operands.map((o, i) => ({
          shape: i >= carries.length && i < carries.length + sequences.length ? o.shape.slice(1) : o.shape,
          dtype: o.dtype ?? dtype,
        })),
        body,
      ),
    },
  }));
}

const add = (x: Value, y: Value): Value => b.binary("add", x, y);
const mul = (x: Value, y: Value): Value => b.binary("mul", x, y);
const tanh = (x: Value): Value => b.unary("tanh", x);

/** h' = tanh(x·W + h·R + bias) */
const rnn: Body = ([h, x, w, r, bias]) => {
  const next = tanh(add(add(b.matmul(x!, w!), b.matmul(h!, r!)), bias!));
  return [next, next];
};
const rnnLayout: Layout = {
  carries: [of([2, 3])],
  sequences: [of([4, 2, 2], OTHERS)],
  captured: [of([2, 3]), of([3, 3], OTHERS), of([3])],
};

/** A gated cell with two states, its gates cut out of one product. */
const gated: Body = ([h, c, x, r]) => {
  const z = add(b.matmul(h!, r!), x!);
  const gate = (i: number): Value => b.slice(z, [0, 2 * i], [2, 2 * i + 2]);
  const next = add(mul(b.unary("sigmoid", gate(0)), c!), mul(b.unary("sigmoid", gate(1)), tanh(gate(2))));
  const out = mul(tanh(next), b.unary("sigmoid", gate(0)));
  return [out, next, out];
};

/** Σ over a sequence inside each turn. */
const nested: Body = ([c, x, k]) => {
  const inner = bodyOf(
    [
      { shape: [], dtype: c!.dtype },
      { shape: [], dtype: c!.dtype },
      { shape: [], dtype: c!.dtype },
    ],
    ([s, e, f]) => [tanh(add(mul(s!, f!), e!)), mul(s!, e!)],
  );
  const [last, parts] = b.scan([c!, x!, k!], { body: inner, length: 3, reverse: true, carries: 1, sequences: 1 });
  return [mul(last!, k!), add(parts!, c!)];
};

export const SCANS: readonly ScanCase[] = [
  ...scans("a recurrent cell", rnnLayout, rnn),
  ...scans("a recurrent cell, reversed", { ...rnnLayout, reverse: true }, rnn),
  ...scans("of length 1", { ...rnnLayout, sequences: [of([1, 2, 2])] }, rnn),
  ...scans(
    "two carries and gates",
    { carries: [of([2, 2]), of([2, 2], OTHERS)], sequences: [of([3, 2, 6])], captured: [of([2, 6], OTHERS)] },
    gated,
  ),
  ...scans(
    "no sequences, a captured number",
    { carries: [of([3])], sequences: [], captured: [of([])], length: 5 },
    ([c, k]) => [mul(tanh(c!), k!), c!],
  ),
  ...scans("no carries", { carries: [], sequences: [of([4, 2])], captured: [of([2], OTHERS)] }, ([x, k]) => [
    mul(x!, mul(k!, x!)),
    x!,
    k!,
  ]),
  ...scans("no carries, two results of one node", { carries: [], sequences: [of([3, 4], OTHERS)] }, ([x]) => {
    const [values, places] = b.topK(tanh(x!), 2);
    return [mul(values, values), places];
  }),
  ...scans(
    "sums over the turns of what contracts otherwise",
    { carries: [of([2, 2])], sequences: [of([3, 2, 2], OTHERS)], captured: [of([2, 2]), of([2]), of([1, 2, 2])] },
    ([c, x, k, row, batch]) => {
      const y = b.matmul(b.matmul(c!, k!, true, true), x!, false, true);
      const more = b.matmul(b.reshape(tanh(y), [1, 2, 2]), batch!);
      return [tanh(add(add(y, row!), b.matmul(k!, x!))), more, b.reduce("reduce_sum", y, [0])];
    },
  ),
  ...scans(
    "integer and bool carries, a mask",
    {
      carries: [of([2]), of([], [3], "int32"), of([2], [1, 0], "bool")],
      sequences: [of([4, 2], OTHERS), of([4, 2], [1, 0, 1, 1, 0], "bool")],
    },
    ([c, n, flag, x, mask]) => {
      const next = b.where(mask!, tanh(add(c!, x!)), c!);
      return [
        next,
        add(n!, b.scalar(2, "int32")),
        b.binary("logical_xor", flag!, mask!),
        n!,
        mul(next, b.cast(n!, next.dtype)),
      ];
    },
  ),
  ...scans(
    "a convolution",
    { carries: [of([1, 2, 4])], sequences: [of([3, 1, 2, 4], OTHERS)], captured: [of([2, 2, 3]), of([2, 2, 1])] },
    ([c, x, k, r]) => {
      const how = { strides: [1], low: [1], high: [1], dilation: [1], groups: 1 };
      const next = tanh(add(b.conv(x!, k!, how), b.conv(c!, r!, { ...how, low: [0], high: [0] })));
      return [next, next];
    },
    ["float32"],
  ),
  ...scans("a scan in a scan", { carries: [of([])], sequences: [of([2, 3])], captured: [of([], [0.7])] }, nested),
];

/** A loop that doubles until it has enough, with a counter, a captured factor and a limit. */
function whileCase(name: string, begin: number, maximumIterations: number | null, dtype: DType) {
  const operands = [of([], [begin], "bool"), of([2], [0.7, 0.4]), of([], [0], "int32"), of([2], [1.5, 1.25])];
  const body = bodyOf(
    operands.slice(1).map((o) => ({ shape: o.shape, dtype: o.dtype ?? dtype })),
    ([x, n, k]) => {
      const next = mul(x!, k!);
      const total = b.reduce("reduce_sum", next, [0]);
      return [b.binary("less", total, b.scalar(3, next.dtype)), next, add(n!, b.scalar(1, "int32"))];
    },
  );
  return { name, dtype, operands, attributes: { body, carries: 2, maximumIterations } };
}

export const WHILES = (["float64", "float32"] as const).flatMap((dtype) => [
  whileCase("until it says so", 1, null, dtype),
  whileCase("not once", 0, null, dtype),
  whileCase("until the limit", 1, 2, dtype),
  whileCase("before the limit", 1, 9, dtype),
]);

function condCase(name: string, condition: number, dtype: DType) {
  const operands = [of([], [condition], "bool"), of([2, 3]), of([3], OTHERS), of([2], [4, 5], "int32")];
  const types = operands.slice(1).map((o) => ({ shape: o.shape, dtype: o.dtype ?? dtype }));
  const whenTrue = bodyOf(types, ([x, y, n]) => [tanh(mul(x!, y!)), n!, b.scalar(1, "int32")]);
  const whenFalse = bodyOf(types, ([x, , n]) => [x!, add(n!, n!), b.reduce("reduce_sum", n!, [0])]);
  return { name, dtype, operands, attributes: { whenTrue, whenFalse } };
}

export const CONDS = (["float64", "float32"] as const).flatMap((dtype) => [
  condCase("true", 1, dtype),
  condCase("false", 0, dtype),
]);

/** Results (2, 3) and (3), arguments (3) and (2), one captured value (2): what gradients it has is tested in ops. */
function customGradientCase(dtype: DType) {
  const operands = [of([2, 3]), of([3], OTHERS), of([3]), of([2]), of([2], OTHERS)];
  const types = [operands[0]!, operands[1]!, operands[4]!].map(({ shape }) => ({ shape, dtype }));
  const gradient = bodyOf(types, ([dx, dy, k]) => [add(b.reduce("reduce_sum", dx!, [0]), dy!), k!]);
  return { name: "two results of two arguments", dtype, operands, attributes: { gradient, results: 2, arguments: 2 } };
}

const asCase = <A>({
  name,
  dtype,
  operands,
  attributes,
}: Omit<ScanCase, "attributes"> & { attributes: A }): Case<A> => ({
  name,
  dtypes: [dtype],
  operands,
  attributes,
  family: "contraction",
});

const lstmCases = [false, true].map((reverse) =>
  asCase({
    name: reverse ? "reversed" : "forward",
    dtype: "float32",
    operands: [of([3, 2, 3]), of([3, 8], OTHERS), of([2, 8]), of([8], OTHERS), of([2, 2]), of([2, 2], OTHERS)],
    attributes: { reverse },
  }),
);

export const loopCases: Pick<CaseTable, keyof LoopPrimitives> = {
  scan: SCANS.map(asCase),
  while: WHILES.map(asCase),
  cond: CONDS.map(asCase),
  lstm: lstmCases,
  custom_gradient: (["float64", "float32"] as const).map((dtype) => asCase(customGradientCase(dtype))),
};
