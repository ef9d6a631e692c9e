/**
 * ONNX models as bytes. Only the parts of the format that the lowering emits; field numbers are those of onnx.proto3.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { DType, TypedArray } from "../../core/dtype.ts";
import { NATIVE_DOMAIN } from "./nativeKernels.ts";

/** Element type numbers of TensorProto.DataType. */
export const ONNX_DTYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const satisfies { readonly [D in DType]: number };

/** An attribute: integers and lists of integers as bigint or number, floats marked as such. */
export type OnnxAttribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  /** The body of a loop or a branch. It may read values of the graph around it by their names. */
  | { readonly kind: "graph"; readonly value: OnnxGraph };

export interface OnnxNode {
  readonly op: string;
  /** Empty for the standard operators. */
  readonly domain: string;
  /** Names of values; the empty name is an absent optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface OnnxInitializer extends OnnxValueInfo {
  readonly data: TypedArray;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxInitializer[];
}

/** Version of the standard operators that the lowering writes for. */
export const OPSET = 21;
const IR_VERSION = 10;
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, graph: 5, ints: 7 } as const;

const text = (w: BinaryWriter, field: number, value: string): BinaryWriter =>
  w.tag(field, WireType.LengthDelimited).string(value);
const int = (w: BinaryWriter, field: number, value: number): BinaryWriter => w.tag(field, WireType.Varint).int64(value);
const message = (w: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void => {
  w.tag(field, WireType.LengthDelimited).fork();
  write(w);
  w.join();
};

function writeAttribute(w: BinaryWriter, name: string, attribute: OnnxAttribute): void {
  text(w, 1, name);
  switch (attribute.kind) {
    case "float":
      w.tag(2, WireType.Bit32).float(attribute.value);
      break;
    case "int":
      int(w, 3, attribute.value);
      break;
    case "string":
      text(w, 4, attribute.value);
      break;
    case "ints":
      for (const value of attribute.value) int(w, 8, value);
      break;
    case "graph":
      message(w, 6, (g) => writeGraph(g, attribute.value, true));
      break;
    default:
      attribute satisfies never;
  }
  w.tag(20, WireType.Varint).int32(ATTRIBUTE_TYPE[attribute.kind]);
}

function writeNode(w: BinaryWriter, node: OnnxNode, index: number): void {
  for (const input of node.inputs) text(w, 1, input);
  for (const output of node.outputs) text(w, 2, output);
  text(w, 3, `${node.op}_${index}`);
  text(w, 4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes))
    message(w, 5, (a) => writeAttribute(a, name, attribute));
  if (node.domain) text(w, 7, node.domain);
}

function writeValueInfo(w: BinaryWriter, info: OnnxValueInfo): void {
  text(w, 1, info.name);
  message(w, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.tag(1, WireType.Varint).int32(ONNX_DTYPE[info.dtype]);
      message(tensor, 2, (shape) => {
        for (const d of info.shape) message(shape, 1, (dim) => void int(dim, 1, d));
      });
    }),
  );
}

/** Arrays of this many bytes stay outside of the model, which is copied several times on its way to the engine. */
const EXTERNAL_BYTES = 2 ** 16;
const isExternal = ({ data }: OnnxInitializer): boolean => data.byteLength >= EXTERNAL_BYTES;
const DATA_LOCATION_EXTERNAL = 1;

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function writeInitializer(w: BinaryWriter, initializer: OnnxInitializer, mayBeExternal: boolean): void {
  const { name, dtype, shape, data } = initializer;
  for (const d of shape) int(w, 1, d);
  w.tag(2, WireType.Varint).int32(ONNX_DTYPE[dtype]);
  text(w, 8, name);
  if (mayBeExternal && isExternal(initializer)) {
    for (const [key, value] of [
      ["location", name],
      ["offset", "0"],
      ["length", String(data.byteLength)],
    ] as const) {
      message(w, 13, (entry) => void text(text(entry, 1, key), 2, value));
    }
    w.tag(14, WireType.Varint).int32(DATA_LOCATION_EXTERNAL);
  } else {
    w.tag(9, WireType.LengthDelimited).bytes(bytesOf(data));
  }
}

/** @param isBody - Bodies of loops hold all their data: the engine looks for external data of the outermost graph only. */
function writeGraph(w: BinaryWriter, graph: OnnxGraph, isBody: boolean): void {
  graph.nodes.forEach((node, i) => {
    message(w, 1, (n) => writeNode(n, node, i));
  });
  text(w, 2, graph.name);
  for (const initializer of graph.initializers) message(w, 5, (t) => writeInitializer(t, initializer, !isBody));
  for (const input of graph.inputs) message(w, 11, (v) => writeValueInfo(v, input));
  for (const output of graph.outputs) message(w, 12, (v) => writeValueInfo(v, output));
}

/** Data that the bytes of a model refer to by name. */
export interface ExternalData {
  readonly path: string;
  readonly data: Uint8Array;
}

/** The large arrays of a graph, to be given to the engine beside the model's bytes. */
export const externalData = (graph: OnnxGraph): ExternalData[] =>
  graph.initializers.filter(isExternal).map(({ name, data }) => ({ path: name, data: bytesOf(data) }));

/** Whether a graph, or a body in it, has operators of a domain. */
function usesDomain(graph: OnnxGraph, domain: string): boolean {
  return graph.nodes.some(
    (node) =>
      node.domain === domain ||
      Object.values(node.attributes).some((a) => a.kind === "graph" && usesDomain(a.value, domain)),
  );
}

/** The bytes of a ModelProto that holds `graph`. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const w = new BinaryWriter();
  int(w, 1, IR_VERSION);
  text(w, 2, "keras-ts");
  message(w, 7, (g) => writeGraph(g, graph, false));
  for (const [domain, version] of [
    ["", OPSET],
    ["com.microsoft", 1],
    ...(usesDomain(graph, NATIVE_DOMAIN) ? [[NATIVE_DOMAIN, 1] as const] : []),
  ] as const) {
    message(w, 8, (o) => {
      text(o, 1, domain);
      int(o, 2, version);
    });
  }
  return w.finish();
}
