/** An HDF5 file as plain data: groups, datasets and attributes. Knows neither bytes nor what a name means to Keras. */
import type { DType, TypedArray } from "../../core/dtype.ts";

export interface H5Dataset {
  /** Sizes per axis; `[]` for a scalar. */
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Elements in row-major order, in the host storage of `dtype`. */
  readonly data: TypedArray;
}

export type H5Attribute = string | number | readonly string[] | readonly number[];

export interface H5Group {
  attributes: Map<string, H5Attribute>;
  groups: Map<string, H5Group>;
  datasets: Map<string, H5Dataset>;
}

/** A group without attributes or members. */
export function emptyGroup(): H5Group {
  return { attributes: new Map(), groups: new Map(), datasets: new Map() };
}
