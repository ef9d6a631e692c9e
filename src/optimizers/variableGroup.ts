/**
 * Several small variables that are updated as one. An update rule that treats every element alike costs a program as many
 * operations for ten biases as for one if they are laid one behind another first.
 */
import type { DType } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import * as build from "../ir/build.ts";
import { type Operand, Tensor, type TensorHolder } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";

/** What an update rule sees of what it updates: a variable, or several that stand for one. */
export interface UpdateTarget extends TensorHolder {
  readonly name: string;
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  assign(value: Operand): unknown;
}

/** Largest number of elements of a variable that joins a group: beyond, joining costs more than it saves. */
export const LARGEST_IN_GROUP = 8192;

/** Tensors as one of one axis. */
export const joinFlat = (tensors: readonly Tensor[]): Tensor =>
  new Tensor(
    build.concat(
      tensors.map((t) => build.reshape(t.node, [t.size])),
      0,
    ),
  );

export class VariableGroup implements UpdateTarget {
  readonly members: readonly Variable[];
  readonly name: string;
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: DType;

  constructor(members: readonly Variable[]) {
    this.members = members;
    this.name = members.map((v) => v.name).join("+");
    this.path = members.map((v) => v.path).join("+");
    this.shape = [members.reduce((n, v) => n + v.size, 0)];
    this.dtype = members[0]!.dtype;
  }

  get value(): Tensor {
    return joinFlat(this.members.map((v) => v.value));
  }

  assign(value: Tensor): this {
    let offset = 0;
    for (const variable of this.members) {
      const size = sizeOf(variable.shape);
      const part = build.slice(value.node, [offset], [offset + size]);
      variable.assign(new Tensor(build.reshape(part, variable.shape)));
      offset += size;
    }
    return this;
  }
}
