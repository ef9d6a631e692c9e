/** From programs of the IR to ONNX graphs: one rule per primitive (rules/*), plus fusions that save nodes at run time. */

import { allocate, convertArray, type DType } from "../../core/dtype.ts";
import { BackendError, invariant } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Primitive, PrimitiveAttributes } from "../../ir/primitives.ts";
import type { Program } from "../../ir/program.ts";
import type { Node, Value } from "../../ir/value.ts";
import type { TableUpdates } from "../contract.ts";
import { findUnits, type Unit } from "./elementwiseGroups.ts";
import { emitRun } from "./elementwiseRuns.ts";
import { type ExternalData, encodeModel, externalData, type OnnxValueInfo } from "./encode.ts";
import { type Fusion, findFusions } from "./fusions.ts";
import { engineDType, OnnxModel, type OnnxValue } from "./model.ts";
import type { NativeKernels } from "./nativeKernels.ts";
import { ONNX_RULES, type OnnxRule } from "./rules/index.ts";
import { updateTables } from "./rules/nativeRows.ts";
import { findSplits, type Interval, segments } from "./splits.ts";
import { heaviestWork, totalWork } from "./work.ts";

/** A lowered program. */
export interface LoweredProgram {
  readonly bytes: Uint8Array;
  /** Large constants, which the bytes refer to. */
  readonly external: readonly ExternalData[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Rough number of floating-point operations of one run. */
  readonly work: number;
  /** The same of its heaviest operation; decides about threads. */
  readonly heaviest: number;
}

/** How often each value is used, outputs included. */
function countUses(program: Program): Map<Value, number> {
  const uses = new Map<Value, number>();
  const use = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of program.nodes) node.inputs.forEach(use);
  program.outputs.forEach(use);
  return uses;
}

/**
 * @param kernels - Kernels of our own that the session will have. @defaultValue none
 * @param tables - Tables that it changes in place, which takes kernels of our own. The last output then is no result. @defaultValue none
 * @throws BackendError naming the primitive and dtype that cannot be lowered.
 */
export function lower(
  program: Program,
  label: string,
  kernels: NativeKernels | null = null,
  tables: TableUpdates | null = null,
): LoweredProgram {
  const model = new OnnxModel(lowerInto, kernels);
  const inputInfos = program.inputs.map((value, i): OnnxValueInfo => {
    return { name: `in${i}`, dtype: engineDType(checkDType(value.dtype, label)), shape: value.shape };
  });
  const results = lowerInto(model, program, inputInfos);
  const returned = tables?.results ?? results.length;
  const outputInfos = model.outputs({ outputs: program.outputs.slice(0, returned) }, results.slice(0, returned));
  if (tables) {
    outputInfos.push(updateTables(model, inputInfos, [...outputInfos, ...results.slice(returned)], tables));
  }
  const graph = model.graph(label, inputInfos, outputInfos);
  return {
    bytes: encodeModel(graph),
    external: externalData(graph),
    inputNames: inputInfos.map((info) => info.name),
    outputNames: outputInfos.map((info) => info.name),
    work: totalWork(program),
    heaviest: heaviestWork(program, kernels),
  };
}

/** Emits the nodes of a program, or of a body, into a model. */
function lowerInto(model: OnnxModel, program: Program, inputs: readonly OnnxValue[]): OnnxValue[] {
  const names = new Map<Value, OnnxValue>(program.inputs.map((value, i) => [value, inputs[i]!]));
  for (const value of program.constants) {
    const { source } = value;
    invariant(source.kind === "constant", "a listed constant holds data");
    const dtype = engineDType(value.dtype);
    names.set(value, model.constant(convertArray(source.data, value.dtype, dtype), value.shape, dtype));
  }
  const uses = countUses(program);
  const fusions = findFusions(program, uses);
  const absorbed = new Set([...fusions.values()].map((fusion) => fusion.absorbed));
  const units: readonly Unit[] = model.kernels
    ? findUnits(program, withAbsorbed(fusions), model.kernels.elementwise)
    : program.nodes.map((node) => ({ nodes: [node], run: null }));
  const splits = findSplits(program);
  const split = (value: Value): void => {
    const tree = splits.get(value);
    if (tree) emitSplits(model, names.get(value)!, tree, names);
  };
  program.inputs.forEach(split);
  for (const { nodes, run } of units) {
    if (run) {
      for (const [value, result] of emitRun(model, run, (value) => names.get(value)!)) {
        names.set(value, result);
        split(value);
      }
      continue;
    }
    const [node] = nodes as [Node];
    if (absorbed.has(node) || names.has(node.outputs[0]!)) continue; // part of another node, or of a Split
    const operands = node.inputs.map((v) => names.get(v)!);
    const fusion = fusions.get(node);
    let results: OnnxValue[];
    if (node.outputs.length > 0 && node.outputs.every((v) => sizeOf(v.shape) === 0)) {
      // Nothing to compute, and some kernels (TopK) crash on it.
      results = node.outputs.map((v) => {
        const dtype = engineDType(v.dtype);
        return model.constant(allocate(dtype, 0), v.shape, dtype);
      });
    } else if (fusion) {
      results = [fusion.emit(model, (value) => names.get(value)!)];
    } else {
      const rule = ONNX_RULES[node.op] as OnnxRule<PrimitiveAttributes[Primitive]>;
      results = rule(model, operands, node.attributes, node.outputs);
    }
    node.outputs.forEach((value, i) => {
      names.set(value, results[i]!);
      split(value);
    });
  }
  return program.outputs.map((value) => names.get(value)!);
}

/** What fusions compute. */
const withAbsorbed = (fusions: ReadonlyMap<Node, Fusion>): Set<Node> =>
  new Set([...fusions].flatMap(([node, { absorbed }]) => (absorbed ? [node, absorbed] : [node])));

/** Emits a Split for an interval and for every interval inside it that has parts, and names the slices' results. */
function emitSplits(model: OnnxModel, source: OnnxValue, interval: Interval, names: Map<Value, OnnxValue>): void {
  const parts = segments(interval);
  const sizes = parts.map((part) => part.size);
  const results = model.emitAll(
    "Split",
    [source, model.ints(sizes)],
    sizes.map((size) => ({ dtype: source.dtype, shape: [size] })),
    { axis: 0 },
  );
  parts.forEach(({ child }, i) => {
    if (!child) return;
    for (const node of child.nodes) names.set(node.outputs[0]!, results[i]!);
    if (child.children.length > 0) emitSplits(model, results[i]!, child, names);
  });
}

function checkDType(dtype: DType, label: string): DType {
  if (dtype === "string") throw new BackendError(`${label}: string tensors are not computed by the ONNX backend`);
  return dtype;
}
