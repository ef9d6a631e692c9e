/**
 * Forms of the gradients of convolutions and pooling against each other, for docs/decisions/0003-convolutions.md:
 *
 *     npx tsx bench/ops/convolution.bench.ts             # one thread, time of the processor
 *     npx tsx bench/ops/convolution.bench.ts 2           # two threads, by the clock: on a quiet machine only
 */
import type { OnnxModel, OnnxValue } from "../../src/backend/onnx/model.ts";
import {
  emitWeightGrad,
  INPUT_GRAD_FORMS,
  WEIGHT_GRAD_FORMS,
  type WeightGradForm,
} from "../../src/backend/onnx/rules/convolution.ts";
import { reshape, transpose } from "../../src/backend/onnx/rules/shaping.ts";
import { TYPE_RULES } from "../../src/ir/primitives.ts";
import type { Convolution } from "../../src/ir/windows.ts";
import { compareForms, type Form, report } from "./engine.ts";

const threads = Number(process.argv[2] ?? 1);
const DTYPE = "float32" as const;
const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** (batch, channels, size) of x, filters, kernel size, padding, stride, groups; all square. */
const CONVOLUTIONS: readonly (readonly number[])[] = [
  [64, 32, 28, 64, 3, 1, 1, 1],
  [64, 64, 9, 64, 3, 1, 1, 1],
  [64, 32, 13, 64, 3, 0, 1, 1],
  [16, 256, 14, 256, 3, 1, 1, 1],
  [64, 16, 28, 16, 3, 1, 1, 1],
  [64, 8, 28, 64, 3, 1, 1, 1],
  [64, 3, 32, 32, 3, 0, 1, 1],
  [64, 1, 28, 32, 3, 0, 1, 1],
  [16, 3, 64, 32, 7, 3, 2, 1],
  [16, 64, 28, 128, 3, 1, 2, 1],
  [8, 64, 56, 64, 1, 0, 1, 1],
  [16, 64, 28, 64, 3, 1, 1, 64],
  [16, 16, 28, 32, 3, 1, 1, 16],
];

for (const [batch, channels, side, filters, k, pad, stride, groups] of CONVOLUTIONS as number[][]) {
  const both = (n: number | undefined): number[] => [n!, n!];
  const how: Convolution = {
    strides: both(stride),
    low: both(pad),
    high: both(pad),
    dilation: [1, 1],
    groups: groups!,
  };
  const x = { shape: [batch!, channels!, side!, side!], dtype: DTYPE };
  const w = { shape: [filters!, channels! / groups!, k!, k!], dtype: DTYPE };
  const [y] = TYPE_RULES.conv([x, w], how);
  const flops = 2 * size(y!.shape) * size(w.shape.slice(1));
  const title = `x ${x.shape} to ${filters} filters ${k}x${k}, padding ${pad}, stride ${stride}, groups ${groups}`;

  const inputs: Record<string, Form> = {};
  for (const [name, form] of Object.entries(INPUT_GRAD_FORMS)) {
    if (name === "turnedKernel" && stride !== 1) continue;
    inputs[name] = (model, operands) => form(model, operands, { ...how, inputSizes: both(side) }, x);
  }
  report(`gradient in x: ${title}`, await compareForms([y!.shape, w.shape], inputs, { threads }), flops);

  const weights: Record<string, Form> = {};
  for (const name of Object.keys(WEIGHT_GRAD_FORMS) as WeightGradForm[]) {
    if (name === "patches" && groups !== 1) continue;
    weights[name] = (model, operands) =>
      emitWeightGrad(model, operands, { ...how, kernelSizes: both(k) }, w, "filters, channels", name);
  }
  report(`gradient in w: ${title}`, await compareForms([x.shape, y!.shape], weights, { threads }), flops);
}

/** (batch, channels, size), window, stride, padding. */
const POOLS: readonly (readonly number[])[] = [
  [64, 32, 28, 2, 2, 0],
  [64, 64, 28, 3, 3, 0],
  [16, 64, 56, 3, 2, 1],
];

for (const [batch, channels, side, window, stride, pad] of POOLS as number[][]) {
  const x = [batch!, channels!, side!, side!];
  const places = Math.floor((side! + 2 * pad! - window!) / stride!) + 1;
  const y = [batch!, channels!, places, places];
  const how = { kernel_shape: [window!, window!], strides: [stride!, stride!], pads: [pad!, pad!, pad!, pad!] };
  const maxima = (model: OnnxModel, source: OnnxValue): OnnxValue[] =>
    model.emitAll(
      "MaxPool",
      [source],
      [
        { dtype: DTYPE, shape: y },
        { dtype: "int64", shape: y },
      ],
      how,
    );
  const scatter: Form = (model, [source, dy]) => {
    const flat = (v: OnnxValue): OnnxValue => reshape(model, v, [size(v.shape)]);
    const zeros = model.emit("Expand", [model.scalar(0, DTYPE), model.ints([size(x)])], DTYPE, [size(x)]);
    const operands = [zeros, flat(maxima(model, source!)[1]!), flat(dy!)];
    const moved = model.emit("ScatterElements", operands, DTYPE, [size(x)], { axis: 0, reduction: "add" });
    return reshape(model, moved, x);
  };
  const unpool: Form = (model, [source, dy]) =>
    model.emit("MaxUnpool", [dy!, maxima(model, source!)[1]!, model.ints(x)], DTYPE, x, how);
  const forms = { ScatterElements: scatter, ...(stride! >= window! && { MaxUnpool: unpool }) };
  report(
    `maxima and their gradient: x ${x}, window ${window}, stride ${stride}, padding ${pad}`,
    await compareForms([x, y], forms, { threads }),
  );
}

for (const kernel of [
  [3, 3, 64, 64],
  [3, 3, 256, 256],
]) {
  const turn: Form = (model, [w]) => transpose(model, w!, [3, 2, 0, 1]);
  report(`kernel ${kernel} to the engine's order`, await compareForms([kernel], { Transpose: turn }, { threads }));
}
