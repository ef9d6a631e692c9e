/** `ops.cond` and `ops.switch`: one of several functions, chosen while the program runs. */
import { isFloat } from "../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../core/errors.ts";
import { formatShape, shapesCompatible } from "../core/shape.ts";
import { assertSameStructure, flattenWithPath, type Nested } from "../core/tree.ts";
import { bodyStart, type ClosedBody, closeBranch } from "../ir/body.ts";
import * as build from "../ir/build.ts";
import { makeProgram } from "../ir/program.ts";
import { inputValue, type Value } from "../ir/value.ts";
import type { Tensor, TensorHolder } from "../runtime/tensor.ts";
import { expectFunction, leavesOf } from "./carry.ts";
import { toTensor, wrap } from "./define.ts";
import type { KerasTensor, TensorLike } from "./kerasTensor.ts";
import { defineLoop, type LoopResults } from "./loopOp.ts";
import { leafName, type ResultsLike, tensorLeaves, withLeaves } from "./structures.ts";
import { refusePromise, traceBranch } from "./traceBody.ts";
import { flagOf, type LoopArguments } from "./whileLoop.ts";

/** A function that was recorded as a branch. */
interface Branch {
  readonly name: string;
  readonly structure: unknown;
  readonly body: ClosedBody;
}

function recordBranch(where: string, { name, fn }: Choice): Branch {
  let structure: unknown = null;
  const body = traceBranch(where, () => {
    structure = fn();
    refusePromise(where, `\`${name}\``, structure);
    return tensorLeaves(structure, where, name);
  });
  return { name, structure, body };
}

/** Branches in which a plain number has the dtype of what the others return in its place. */
function withNumbersCast(branches: readonly Branch[]): Branch[] {
  const isNumber = branches.map(({ structure }) => leavesOf(structure).map((leaf) => typeof leaf === "number"));
  return branches.map((branch, k) => {
    const { program, captured } = branch.body;
    const outputs = program.outputs.map((output, i) => {
      const like = branches.findIndex((_, other) => isNumber[other]![i] === false);
      return isNumber[k]![i] && like >= 0 ? build.cast(output, branches[like]!.body.program.outputs[i]!.dtype) : output;
    });
    return { ...branch, body: { program: makeProgram(program.inputs, outputs), captured } };
  });
}

const rule = (where: string, first: Branch, other: Branch): string =>
  `${where}: \`${first.name}\` and \`${other.name}\` must return the same structure, shapes and dtypes`;

/** @throws ShapeError or DTypeError when two branches do not return the same types. */
function checkAlike(where: string, first: Branch, other: Branch): void {
  const paths = flattenWithPath(first.structure as Nested<unknown>).filter(([, leaf]) => leaf !== null);
  first.body.program.outputs.forEach((a, i) => {
    const c = other.body.program.outputs[i]!;
    if (a.dtype === c.dtype && shapesCompatible(a.shape, c.shape)) return;
    const text = (v: Value): string => `${v.dtype} ${formatShape(v.shape)}`;
    const message = `${rule(where, first, other)}. Received: ${leafName("result", paths[i]![0])} is ${text(a)} and ${text(c)}`;
    throw a.dtype === c.dtype ? new ShapeError(message) : new DTypeError(`${message}; cast one of them`);
  });
}

/** Two bodies that capture the same values, in the same order. */
function withSameInputs(bodies: readonly ClosedBody[]): { programs: ClosedBody["program"][]; captured: Value[] } {
  const captured = [...new Set(bodies.flatMap((body) => body.captured))];
  const programs = bodies.map((body) => {
    const own = new Map(body.captured.map((value, i) => [value, body.program.inputs[i]!]));
    const inputs = captured.map((value) => own.get(value) ?? inputValue(value, "unread"));
    return makeProgram(inputs, body.program.outputs);
  });
  return { programs, captured };
}

function emitCond(condition: Value, whenTrue: ClosedBody, whenFalse: ClosedBody): Value[] {
  const { programs, captured } = withSameInputs([whenTrue, whenFalse]);
  return build.emit("cond", [condition, ...captured], { whenTrue: programs[0]!, whenFalse: programs[1]! });
}

/** One truth value. */
type Flag = boolean | number | Tensor | TensorHolder | KerasTensor;

const condOp = defineLoop("Cond", "cond", {});

/**
 * The result of `trueFn` or of `falseFn`, whichever `pred` says.
 *
 * Both are traced; one is computed. Values that they use and that were made before are computed in any case, so put costly
 * work inside. Gradients flow into the branch that is taken, which computes it once more.
 * A boolean of JavaScript calls the one function, and nothing else.
 *
 * @param pred - A truth value: a boolean, or a tensor of one element.
 * @param trueFn - Takes nothing and returns tensors in any structure.
 * @param falseFn - The same structure, shapes and dtypes.
 * @example
 * ops.cond(x.sum().greater(0), () => x.mul(2), () => x);
 * @see keras/src/ops/core.py (Keras 3.x)
 */
export function cond<P extends Flag, Y>(pred: P, trueFn: () => Y, falseFn: () => NoInfer<Y>): ResultsLike<Y, P> {
  expectFunction("cond", "trueFn", trueFn);
  expectFunction("cond", "falseFn", falseFn);
  const run = (pred: unknown): LoopResults => {
    if (typeof pred === "boolean") return takeBranch("cond", pred ? "trueFn" : "falseFn", pred ? trueFn : falseFn);
    const flag = flagOf("cond", "`pred`", pred);
    return chooseBranch("cond", [
      { name: "trueFn", fn: trueFn, when: flag },
      { name: "falseFn", fn: falseFn, when: null },
    ]);
  };
  return condOp([pred], run) as ResultsLike<Y, P>;
}

/** A branch that is chosen while the program is written. */
function takeBranch(where: string, name: string, fn: () => unknown): LoopResults {
  const structure = fn();
  refusePromise(where, `\`${name}\``, structure);
  return { structure, leaves: tensorLeaves(structure, where, name) };
}

interface Choice {
  readonly name: string;
  readonly fn: () => unknown;
  /** Takes this one, if none before was taken; `null` for the last. */
  readonly when: Value | null;
}

/** Conditions inside conditions. */
function chooseBranch(where: string, choices: readonly Choice[]): LoopResults {
  const recorded = choices.map((choice) => recordBranch(where, choice));
  for (const other of recorded.slice(1)) {
    assertSameStructure(recorded[0]!.structure, other.structure, rule(where, recorded[0]!, other));
  }
  const branches = withNumbersCast(recorded);
  for (const other of branches.slice(1)) checkAlike(where, branches[0]!, other);
  const choose = (index: number): Value[] => {
    const from = (next: number): ClosedBody => {
      if (choices[next]!.when === null) return branches[next]!.body;
      const start = bodyStart();
      return closeBranch(choose(next), start);
    };
    return emitCond(choices[index]!.when!, branches[index]!.body, from(index + 1));
  };
  return { structure: branches[0]!.structure, leaves: choose(0).map(wrap) };
}

const switchOp = defineLoop("Switch", "switch", {});

/**
 * The result of `branches[index](...operands)`; an index out of range means the nearest branch.
 *
 * All branches are traced; one is computed, and only that gets gradients. A number as index calls the one function.
 *
 * @param index - An integer, or an integer tensor of one element.
 * @param branches - Functions of the operands that return the same structure, shapes and dtypes.
 * @param operands - Arguments: tensors in any structure.
 * @example
 * ops.switch(1, [(x, y) => x.add(y), (x, y) => x.sub(y)], x, y); // x − y
 * @see keras/src/ops/core.py (Keras 3.x)
 */
function switchBranch<const A extends readonly unknown[], Y>(
  index: TensorLike,
  branches: readonly ((...operands: LoopArguments<A>) => Y)[],
  ...operands: A
): ResultsLike<Y, A> {
  if (!Array.isArray(branches) || branches.length === 0) {
    throw new TypeError(`switch: expected \`branches\` to be a list of functions. Received: ${describe(branches)}`);
  }
  branches.forEach((branch, i) => {
    expectFunction("switch", `branches[${i}]`, branch);
  });
  const run = (index: unknown, ...operands: unknown[]): LoopResults => {
    const given = withLeaves(operands, tensorLeaves(operands, "switch", "operands")) as unknown[];
    const call = (i: number) => (): unknown => (branches[i] as unknown as (...xs: unknown[]) => unknown)(...given);
    const last = branches.length - 1;
    if (typeof index === "number" && Number.isInteger(index)) {
      const chosen = Math.min(Math.max(index, 0), last);
      return takeBranch("switch", `branches[${chosen}]`, call(chosen));
    }
    const at = toTensor(index, null, "switch");
    if (at.size !== 1 || isFloat(at.dtype)) {
      throw new TypeError(
        `switch: expected \`index\` to be an integer or an integer tensor of one element. Received: ${at.dtype} ${formatShape(at.shape)}`,
      );
    }
    const position = build.reshape(build.cast(at.node, "int32"), []);
    const choices = branches.map((_, i) => ({
      name: `branches[${i}]`,
      fn: call(i),
      when: i === last ? null : build.binary("less_equal", position, build.scalar(i, "int32")),
    }));
    return last === 0 ? takeBranch("switch", "branches[0]", call(0)) : chooseBranch("switch", choices);
  };
  return switchOp([index, ...operands], run) as ResultsLike<Y, A>;
}

export { switchBranch as switch };
