/**
 * The gradient of a scan: a scan in the other direction over the gradient of its body. The forward loop also hands out what
 * the backward loop reads of it. Gradients of captured values are sums over the turns: sums of products are one product over
 * all turns, made after the loop, and the rest is carried along.
 */
import { isFloat } from "../../core/dtype.ts";
import { closeAll, closeBody, instantiate, substitute } from "../../ir/body.ts";
import * as b from "../../ir/build.ts";
import type { PrimitiveAttributes as Attributes } from "../../ir/primitives.ts";
import { makeProgram, type Program } from "../../ir/program.ts";
import { inputValue, type Node, type Value } from "../../ir/value.ts";
import { chooseResiduals } from "./residuals.ts";
import { type Differentiate, type GradientRule, zeros } from "./rule.ts";
import { type LoopOutputs, TimeSums } from "./timeSums.ts";

type ScanNode = Parameters<GradientRule<Attributes["scan"]>>[0];

/** The gradient of one turn. */
interface TurnGradient {
  /** Per carry the gradient of its new value, where there is one. */
  readonly carries: readonly (Value | null)[];
  readonly ys: readonly (Value | null)[];
  /** Per input of the body. */
  readonly inputs: readonly (Value | null)[];
}

/**
 * Differentiates a body. A carry has a gradient as soon as one of its turns has: which those are is found by trying until no
 * more are added.
 */
function differentiateTurn(
  body: Program,
  count: number,
  incoming: readonly (Value | null)[],
  wanted: readonly boolean[],
  differentiate: Differentiate,
): TurnGradient {
  const seed = (value: Value): Value => inputValue(value, "gradient");
  const carries = body.inputs.slice(0, count).map((c, i) => (incoming[i] ? seed(c) : null));
  const ys = body.outputs.slice(count).map((y, i) => (incoming[count + i] ? seed(y) : null));
  const wrt = body.inputs.map((input, i) => isFloat(input.dtype) && (i < count || wanted[i]!));
  while (true) {
    const found = differentiate(
      body.outputs,
      [...carries, ...ys],
      body.inputs.filter((_, i) => wrt[i]),
    );
    const inputs = wrt.map((is) => (is ? found.shift()! : null));
    const added = carries.map((c, i) => c === null && inputs[i] !== null);
    if (!added.includes(true)) return { carries, ys, inputs };
    added.forEach((is, i) => {
      if (is) carries[i] = seed(body.inputs[i]!);
    });
  }
}

/** Residuals of all turns, from the loop itself where it returns them already, else from one that returns them too. */
function stackResiduals(node: ScanNode, residuals: readonly Value[]): Value[] {
  const { body, carries } = node.attributes;
  const known = (value: Value): number => body.outputs.indexOf(value, carries);
  const missing = residuals.filter((value) => known(value) < 0);
  const total = body.outputs.length;
  const outputs =
    missing.length === 0
      ? node.outputs
      : b.scan(node.inputs, { ...node.attributes, body: makeProgram(body.inputs, [...body.outputs, ...missing]) });
  return residuals.map((value) => outputs[known(value) < 0 ? total + missing.indexOf(value) : known(value)]!);
}

const scan: GradientRule<Attributes["scan"]> = (node, incoming, wanted, differentiate) => {
  const { body, length, reverse, carries: count, sequences: sequenceCount } = node.attributes;
  const turn = differentiateTurn(body, count, incoming, wanted, differentiate);
  const own = count + sequenceCount;
  const active = [...turn.carries.keys()].filter((i) => turn.carries[i]);
  const results = [
    ...active.map((i) => turn.inputs[i] ?? zeros(body.inputs[i]!)),
    ...turn.inputs.slice(count).filter((g) => g !== null),
  ];
  const { residuals, sequences } = chooseResiduals(node as Node<"scan">, results);
  const stackedResiduals = stackResiduals(node, residuals);
  /** Values of a turn that exist for all turns outside. */
  const known = new Map<Value, Value>();
  for (const i of sequences) known.set(body.inputs[i]!, node.inputs[i]!);
  residuals.forEach((value, i) => {
    known.set(value, stackedResiduals[i]!);
  });
  turn.ys.forEach((seed, i) => {
    if (seed) known.set(seed, incoming[count + i]!);
  });

  const carries = new Set(turn.carries.filter((seed) => seed !== null));
  const outputs: LoopOutputs = { carries, known, ys: [], sums: [], stacked: [], totals: [] };
  const timeSums = new TimeSums(outputs);
  const ofSequences = turn.inputs.slice(count, own).map((g) => (g ? timeSums.stack(g) : null));
  const captured = turn.inputs.slice(own);
  for (const g of captured) if (g) timeSums.prepare(g);
  const ofCaptured = captured.map((g) => (g ? timeSums.sum(g) : null));

  const sumSeeds = outputs.sums.map((value) => inputValue(value, "sum"));
  const newSums = outputs.sums.map((value, i) => b.binary("add", sumSeeds[i]!, value));
  const seeds = [...active.map((i) => turn.carries[i]!), ...sumSeeds];
  const { program, captured: outer } = closeBody(
    [...seeds, ...known.keys()],
    [...results.slice(0, active.length), ...newSums, ...outputs.ys],
    0,
  );
  const given = new Map(body.inputs.slice(own).map((value, i) => [value, node.inputs[own + i]!]));
  const backward = b.scan(
    [
      ...active.map((i) => incoming[i] ?? zeros(body.inputs[i]!)),
      ...outputs.sums.map(zeros),
      ...known.values(),
      ...substitute(outer, given),
    ],
    { body: program, length, reverse: !reverse, carries: seeds.length, sequences: known.size },
  );
  outputs.totals.push(...backward.slice(active.length, seeds.length));
  outputs.stacked.push(...backward.slice(seeds.length));
  return [
    ...turn.carries.map((seed, i) => (seed ? backward[active.indexOf(i)]! : null)),
    ...[...ofSequences, ...ofCaptured].map((later) => later?.() ?? null),
  ];
};

/**
 * A loop of unknown length keeps nothing of its turns. With a bound it is as good as one of so many turns in which nothing
 * changes after the end.
 */
const whileLoop: GradientRule<Attributes["while"]> = (node, incoming, _, differentiate) => {
  const { body, carries, maximumIterations } = node.attributes;
  if (maximumIterations === null) {
    throw new Error(
      "whileLoop: a loop of unknown length has no gradient, for nothing is kept of its turns. Use ops.scan or ops.foriLoop " +
        "with numbers as bounds, or give `maximumIterations`",
    );
  }
  const begin = inputValue(node.inputs[0]!, "go on");
  const [goOn, ...next] = body.outputs;
  const kept = next.map((value, i) => b.where(begin, value, body.inputs[i]!));
  const program = makeProgram([begin, ...body.inputs], [b.binary("logical_and", begin, goOn!), ...kept]);
  // On placeholders, for inputs may depend on each other, or be the same.
  const inputs = node.inputs.map((x) => inputValue(x, "input"));
  const [, ...results] = b.scan(inputs, {
    body: program,
    length: maximumIterations,
    reverse: false,
    carries: 1 + carries,
    sequences: 0,
  });
  const seeds = incoming.map((g) => g && inputValue(g, "gradient"));
  const found = differentiate(results, seeds, inputs);
  const outside = new Map(inputs.map((x, i) => [x, node.inputs[i]!]));
  seeds.forEach((seed, i) => {
    if (seed) outside.set(seed, incoming[i]!);
  });
  const values = substitute(
    found.filter((g) => g !== null),
    outside,
  );
  return found.map((g) => g && values.shift()!);
};

/** The gradient of the branch that was taken, which is computed again for it. */
const cond: GradientRule<Attributes["cond"]> = (node, incoming, wanted, differentiate) => {
  const [condition, ...captured] = node.inputs;
  const { whenTrue, whenFalse } = node.attributes;
  const given = incoming.filter((g) => g !== null);
  const asked = captured.flatMap((_, i) => (wanted[1 + i] ? [i] : []));
  const branch = (program: Program): Program => {
    const seeds = incoming.map((g, i) => (g ? inputValue(program.outputs[i]!, "gradient") : null));
    const wrt = asked.map((i) => program.inputs[i]!);
    const found = differentiate(program.outputs, seeds, wrt);
    return closeAll(
      [...program.inputs, ...seeds.filter((seed) => seed !== null)],
      found.map((g, i) => g ?? zeros(wrt[i]!)),
    );
  };
  const results = b.emit("cond", [condition!, ...captured, ...given], {
    whenTrue: branch(whenTrue),
    whenFalse: branch(whenFalse),
  });
  return [null, ...captured.map((_, i) => (asked.includes(i) ? results[asked.indexOf(i)]! : null))];
};

/** By the program that stands in the node. It is built anew from values, so that it has a gradient itself. */
const customGradient: GradientRule<Attributes["custom_gradient"]> = (node, incoming, wanted) => {
  const { gradient, results, arguments: count } = node.attributes;
  const seeds = node.outputs.map((output, i) => incoming[i] ?? zeros(output));
  const found = instantiate(gradient, [...seeds, ...node.inputs.slice(results + count)]);
  return node.inputs.map((_, i) => (i >= results && i < results + count && wanted[i] ? found[i - results]! : null));
};

export const loopRules = { scan, while: whileLoop, cond, custom_gradient: customGradient };
