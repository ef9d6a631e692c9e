/**
 * A second form of a compiled function in which the weights are constants. An engine does more with those: it brings kernels
 * of convolutions and recurrent layers into its own order once instead of at every run, and merges what lies between
 * convolutions into them. Worth it for functions that run again and again on the same weights, as `predict` does; made once
 * that shows.
 */
import type { Executable } from "../backend/contract.ts";
import { sizeOf } from "../core/shape.ts";
import type { Scan } from "../ir/loops.ts";
import type { Primitive } from "../ir/primitives.ts";
import type { Program } from "../ir/program.ts";
import type { Node, Value } from "../ir/value.ts";

/** What is known of a variable here. */
export interface FrozenVariable {
  /** Another object whenever the value may have changed. */
  readonly contents: object;
}

/** Variables of more elements are frozen only as kernels: a copy of a large matrix costs its memory and saves nothing. */
const SMALL = 2 ** 16;

const MOVEMENTS: ReadonlySet<Primitive> = new Set<Primitive>(["transpose", "reshape", "cast", "reverse"]);

/** The given value that a value is made of by moving its elements, if there is one. */
function originAmong(given: ReadonlySet<Value>, value: Value): Value | null {
  let origin = value;
  while (!given.has(origin)) {
    if (!origin.node || !MOVEMENTS.has(origin.node.op)) return null;
    origin = origin.node.inputs[0]!;
  }
  return origin;
}

/** Operands of a node that are kernels of its convolutions or of its recurrent layer. */
function kernelsOf(node: Node): readonly Value[] {
  if (node.op === "conv" || node.op === "conv_input_grad") return [node.inputs[1]!];
  if (node.op !== "scan") return [];
  const { carries, sequences } = node.attributes as Scan;
  const projections = node.inputs.slice(carries, carries + sequences).map(projectionKernel);
  return [...node.inputs.slice(carries + sequences), ...projections.filter((kernel) => kernel !== null)];
}

/** The kernel by which a recurrent layer multiplies its inputs, before the loop. */
function projectionKernel(sequence: Value): Value | null {
  let value = sequence;
  while (value.node && ["reshape", "add", "transpose"].includes(value.node.op)) value = value.node.inputs[0]!;
  return value.node?.op === "matmul" ? value.node.inputs[1]! : null;
}

/** Of the values, those to make constants: kernels, and everything small; none without a convolution or a loop. */
export function freezableInputs(program: Program, values: readonly Value[]): Set<Value> {
  const given = new Set(values);
  const found = program.nodes.flatMap(kernelsOf);
  if (found.length === 0) return new Set();
  const kernels = new Set(found.map((value) => originAmong(given, value)));
  return new Set(values.filter((value) => kernels.has(value) || sizeOf(value.shape) <= SMALL));
}

/** Runs on the same weights before freezing pays: it compiles once more. */
const FIRST_PATIENCE = 2;

/** Follows whether weights stay, and keeps the frozen form as long as they do. */
export class FrozenProgram {
  readonly #variables: readonly FrozenVariable[];
  readonly #compile: () => Promise<Executable>;
  #contents: readonly object[] = [];
  #repeats = 0;
  #patience = FIRST_PATIENCE;
  #executable: Executable | null = null;
  #compiling = false;
  #disposed = false;

  /**
   * @param variables - All that are frozen.
   * @param compile - Makes the executable from the current values, which it reads before it first waits.
   */
  constructor(variables: readonly FrozenVariable[], compile: () => Promise<Executable>) {
    this.#variables = variables;
    this.#compile = compile;
  }

  /** The executable for the current weights, or `null` while there is none. Call once per run, with the weights computed. */
  current(): Executable | null {
    if (this.#variables.every((v, i) => v.contents === this.#contents[i])) this.#repeats++;
    else this.#restart();
    if (!this.#executable && !this.#compiling && this.#repeats >= this.#patience) this.#start();
    return this.#executable;
  }

  #restart(): void {
    // Weights that change between runs would be frozen in vain each time: wait longer before the next try.
    if (this.#executable || this.#compiling) this.#patience *= 2;
    this.#executable?.dispose();
    this.#executable = null;
    this.#contents = this.#variables.map((v) => v.contents);
    this.#repeats = 0;
  }

  /** Compiles beside the runs that go on. */
  #start(): void {
    const contents = this.#contents;
    this.#compiling = true;
    this.#compile()
      .then(
        (executable) => {
          if (this.#contents === contents && !this.#disposed) this.#executable = executable;
          else executable.dispose();
        },
        // The form with weights as inputs runs as before; this one is not tried again.
        () => {
          this.#patience = Number.POSITIVE_INFINITY;
        },
      )
      .finally(() => {
        this.#compiling = false;
      });
  }

  dispose(): void {
    this.#disposed = true;
    this.#executable?.dispose();
    this.#executable = null;
  }
}
