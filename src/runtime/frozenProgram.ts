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
  readonly bytes: number;
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

/** Bytes of weights that frozen forms may hold together: every shape of inputs that a model is run with has a form of its own. */
const MOST_BYTES = 512 * 2 ** 20;
let heldBytes = 0;

/** What a form holds of them. Forms that are dropped without being disposed give it back when they are collected. */
class Share {
  #bytes = 0;

  set bytes(bytes: number) {
    heldBytes += bytes - this.#bytes;
    this.#bytes = bytes;
  }
}

const collected = new FinalizationRegistry<Share>((share) => {
  share.bytes = 0;
});

/** Follows whether weights stay, and keeps the frozen form as long as they do. */
export class FrozenProgram {
  readonly #variables: readonly FrozenVariable[];
  readonly #compile: () => Promise<Executable>;
  #contents: readonly object[] = [];
  #repeats = 0;
  #patience = FIRST_PATIENCE;
  readonly #bytes: number;
  readonly #share = new Share();
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
    this.#bytes = variables.reduce((sum, { bytes }) => sum + bytes, 0);
    collected.register(this, this.#share);
  }

  /** The executable for the current weights, or `null` while there is none. Call once per run, with the weights computed. */
  current(): Executable | null {
    if (this.#variables.every((v, i) => v.contents === this.#contents[i])) this.#repeats++;
    else this.#restart();
    const fits = heldBytes + this.#bytes <= MOST_BYTES;
    if (!this.#executable && !this.#compiling && fits && this.#repeats >= this.#patience) this.#start();
    return this.#executable;
  }

  #drop(): void {
    if (!this.#executable) return;
    this.#executable.dispose();
    this.#executable = null;
    this.#share.bytes = 0;
  }

  #restart(): void {
    // Weights that change between runs would be frozen in vain each time: wait longer before the next try.
    if (this.#executable || this.#compiling) this.#patience *= 2;
    this.#drop();
    this.#contents = this.#variables.map((v) => v.contents);
    this.#repeats = 0;
  }

  /** Compiles beside the runs that go on. */
  #start(): void {
    const contents = this.#contents;
    this.#compiling = true;
    this.#share.bytes = this.#bytes;
    this.#compile()
      .then(
        (executable) => {
          if (this.#contents === contents && !this.#disposed) {
            this.#executable = executable;
            return;
          }
          executable.dispose();
          this.#share.bytes = 0;
        },
        // The form with weights as inputs runs as before; this one is not tried again.
        () => {
          this.#patience = Number.POSITIVE_INFINITY;
          this.#share.bytes = 0;
        },
      )
      .finally(() => {
        this.#compiling = false;
      });
  }

  dispose(): void {
    this.#disposed = true;
    this.#drop();
  }
}
