/** What can be a vertex of a graph: layers and recorded ops. Called on symbolic tensors it records a node. */
import { callableInstance } from "../core/callable.ts";
import { describe } from "../core/errors.ts";
import { toSnakeCase, uniqueName } from "../core/names.ts";
import type { Nested } from "../core/tree.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { hasSymbolic, type KerasTensor } from "./kerasTensor.ts";
import { Node } from "./node.ts";
import { inferOutputs } from "./outputSpec.ts";

/** JSON-ready description of an object, with the keys that Keras's files use. */
export type Config = Record<string, unknown>;

/** Statics by which classes are known in files. */
export interface ClassNames {
  /** Name in files; the class's own name when absent. */
  readonly className?: string;
  /** Module in files (`keras.layers`); absent for classes that are not Keras's. */
  readonly modulePath?: string;
  /** What automatic names start with, where Keras's class is called otherwise in Python than in files. */
  readonly automaticName?: string;
}

/** The name of an object's class in files and in automatic names; stated by built-in classes, so minifying is harmless. */
export function classNameOf(object: object): string {
  const cls = object.constructor as ClassNames & { name: string };
  return Object.hasOwn(cls, "className") ? cls.className! : cls.name;
}

/** What automatic names of an object start with: its class in snake case. */
function automaticNameOf(object: object): string {
  const cls = object.constructor as ClassNames;
  return (Object.hasOwn(cls, "automaticName") ? cls.automaticName : null) ?? toSnakeCase(classNameOf(object));
}

/**
 * Base of layers and recorded ops. Instances are functions: calling one runs it.
 *
 * @see keras/src/ops/operation.py (Keras 3.x)
 */
export abstract class Operation {
  declare name: string;
  /** Calls on symbolic tensors, in order. */
  declare readonly inboundNodes: Node[];
  /** Calls of other operations on this one's outputs. */
  declare readonly outboundNodes: Node[];

  constructor(name?: string | null) {
    const self = callableInstance<Operation>(new.target.prototype, (operation, args) => operation.invoke(args));
    if (name !== undefined && name !== null && (typeof name !== "string" || name === "" || name.includes("/"))) {
      throw new TypeError(
        `${classNameOf(self)}: expected \`name\` to be a non-empty string without "/". Received: name=${describe(name)}`,
      );
    }
    const hidden = (key: string, value: unknown, enumerable: boolean) =>
      Object.defineProperty(self, key, { value, writable: true, configurable: true, enumerable });
    hidden("name", name ?? uniqueName(automaticNameOf(self)), true);
    hidden("inboundNodes", [], false);
    hidden("outboundNodes", [], false);
    // biome-ignore lint/correctness/noConstructorReturn: the instance must be a function (decision D3)
    return self;
  }

  /** Computes on concrete or traced tensors. */
  abstract call(...args: unknown[]): unknown;

  /** What calling the instance does. */
  invoke(args: unknown[]): unknown {
    return hasSymbolic(args) ? this.symbolicCall(args) : this.call(...args);
  }

  /** Records a node and returns its symbolic outputs. */
  symbolicCall(args: readonly unknown[]): Nested<KerasTensor> {
    const outputs = this.computeOutputSpec(...args);
    new Node(this, args, outputs);
    return outputs;
  }

  /** Symbolic outputs for symbolic arguments, without recording a node. Found by tracing `call` on placeholders. */
  computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    return inferOutputs((concrete) => this.call(...concrete) as Nested<Tensor>, args, this.name);
  }

  getConfig(): Config {
    return { name: this.name };
  }

  /**
   * Symbolic input of the first call; those of others are in their nodes: `layer.inboundNodes[1].inputTensors`.
   *
   * @throws Error when there was none.
   */
  get input(): Nested<KerasTensor> {
    const node = firstNode(this, "input");
    return unwrap(node.inputTensors);
  }

  /**
   * Symbolic output of the first call; those of others are in their nodes: `layer.inboundNodes[1].outputs`.
   *
   * @throws Error when there was none.
   */
  get output(): Nested<KerasTensor> {
    const node = firstNode(this, "output");
    return unwrap(node.outputTensors);
  }

  toString(): string {
    return `<${classNameOf(this)} name=${this.name}>`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

const unwrap = (tensors: readonly KerasTensor[]): Nested<KerasTensor> =>
  tensors.length === 1 ? tensors[0]! : [...tensors];

/** A function, not a private method: instances are functions made by the base, so they lack the base's private names. */
function firstNode(operation: Operation, what: "input" | "output"): Node {
  const node = operation.inboundNodes[0];
  if (!node) {
    throw new Error(
      `${classNameOf(operation)} "${operation.name}": it has no \`${what}\` because it was never called on a symbolic tensor. ` +
        "Call it in a graph first: `layer(keras.Input({ shape: […] }))`",
    );
  }
  return node;
}
