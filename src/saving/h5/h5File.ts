/**
 * HDF5 files in and out of memory, as trees of groups and datasets. What the names in them mean to Keras is decided
 * elsewhere (`saving/weights`, legacy `.h5`).
 *
 * Reading is done by libhdf5 compiled to WebAssembly, because published files use every corner of the format. Writing
 * is done here in the small subset that Keras itself writes: h5wasm cannot write float16, bool or bfloat16, and a
 * save needs no WebAssembly that way.
 */

export { readH5 } from "./h5Reader.ts";
export { emptyGroup, type H5Attribute, type H5Dataset, type H5Group } from "./h5Tree.ts";
export { writeH5 } from "./h5Writer.ts";
