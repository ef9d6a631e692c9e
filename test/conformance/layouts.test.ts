/** Random channels-last programs around channels-first kernels mean the same after `sinkTransposes`, and move no more. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import type { Backend } from "../../src/backend/contract.ts";
import { createReferenceBackend } from "../../src/backend/reference/index.ts";
import { eliminateCommonSubexpressions } from "../../src/compiler/passes/eliminateCommonSubexpressions.ts";
import { simplify } from "../../src/compiler/passes/simplify.ts";
import { sinkTransposes } from "../../src/compiler/passes/sinkTransposes.ts";
import { sizeOf } from "../../src/core/shape.ts";
import * as b from "../../src/ir/build.ts";
import { makeProgram, type Program, printProgram, verifyProgram } from "../../src/ir/program.ts";
import { inputValue, type Value } from "../../src/ir/value.ts";
import { closeFailure } from "../../src/testing/allClose.ts";

const DTYPE = "float64";
/** Batch, height, width, channels: sizes of 1 among them, where axes lose their place, and no two equal else. */
const SHAPES: readonly (readonly [number, number, number, number])[] = [
  [2, 3, 4, 5],
  [1, 3, 2, 4],
  [2, 3, 4, 1],
  [3, 1, 1, 2],
  [2, 1, 3, 3],
];

const toFirst = (x: Value): Value => b.transpose(x, [0, 3, 1, 2]);
const toLast = (x: Value): Value => b.transpose(x, [0, 2, 3, 1]);
const numbers = (shape: readonly number[], seed: number): Value =>
  b.constant(
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1 + i * 1.7 + seed)),
    shape,
    DTYPE,
  );
/** Pixels below each other; there are no fewer than channels. */
const rowsOf = (x: Value): Value => b.reshape(x, [sizeOf(x.shape.slice(0, 3)), x.shape[3]!]);
const zeros = [0, 0];
const same = { strides: [1, 1], low: [1, 1], high: [1, 1], dilation: [1, 1], groups: 1 };
const pooling = { window: [2, 2], strides: [1, 1], low: [1, 1], high: [0, 0] };

/** Steps on values of one shape (batch, height, width, channels); `k` varies constants and axes. */
const STEPS: readonly ((x: Value, y: Value, k: number) => Value)[] = [
  // Kernels that take channels first.
  (x, _, k) => toLast(b.conv(toFirst(x), numbers([x.shape[3]!, x.shape[3]!, 3, 3], k), same)),
  (x, _, k) =>
    toLast(b.conv(toFirst(x), b.transpose(numbers([3, 3, x.shape[3]!, x.shape[3]!], k), [3, 2, 0, 1]), same)),
  (x) => toLast(b.maxPool(toFirst(x), pooling)),
  (x) => toLast(b.sumPool(toFirst(x), pooling)),
  (x, y) => toLast(b.matmul(b.matmul(toFirst(x), toFirst(y), false, true), toFirst(x))),
  // What lies between them.
  (x, y) => b.binary("add", x, y),
  (x, y) => b.binary("mul", x, y),
  (x, y) => b.binary("max", x, y),
  (x, _, k) => b.binary("add", x, numbers([x.shape[3]!], k)),
  (x, _, k) => b.binary("mul", x, numbers([1, 1, 1, x.shape[3]!], k)),
  (x, _, k) => b.binary("mul", numbers([x.shape[0]!, 1, 1, 1], k), x),
  (x, _, k) => b.binary("sub", x, numbers([x.shape[2]!, x.shape[3]!], k)),
  (x) => b.unary("tanh", x),
  (x) => b.unary("relu", x),
  (x, y) => b.where(b.binary("less", x, y), x, y),
  (x) => b.cast(b.cast(x, "float32"), DTYPE),
  (x, _, k) => b.binary("sub", x, b.reduce("reduce_mean", x, [[0, 1, 2], [1, 2], [3], [0]][k % 4]!, true)),
  (x) => b.binary("add", x, b.reduce("reduce_sum", x, [0, 1, 2])),
  (x) => b.binary("mul", x, b.reshape(b.reduce("reduce_max", x, [1, 2]), [x.shape[0]!, 1, 1, x.shape[3]!])),
  (x, _, k) => b.softmax(x, k % 4),
  (x, _, k) => b.cumsum(x, k % 4),
  (x, _, k) => b.reverse(x, [k % 4]),
  (x, y, k) => {
    const axis = k % 4;
    const starts = x.shape.map((_, i) => (i === axis ? 1 : 0));
    return b.slice(
      b.concat([x, y], axis),
      starts,
      x.shape.map((d, i) => d + starts[i]!),
    );
  },
  (x, _, k) => {
    const low = x.shape.map((_, i) => (i === k % 4 ? 1 : 0));
    return b.slice(b.pad(x, low, [0, 0, 0, 0], [0, 0, 0, 0], 0.5), [0, 0, 0, 0], x.shape);
  },
  (x, _, k) => {
    const size = x.shape[k % 4]!;
    const indices = Int32Array.from({ length: size }, (_, i) => (i * 2 + k) % size);
    return b.gather(x, b.constant(indices, [size], "int32"), k % 4);
  },
  // Rows of a table by an array of indices: read, and added to.
  (x, y) => b.gather(rowsOf(x), b.argmax(y, 3), 0),
  (x, y) => b.reshape(b.scatterAdd(rowsOf(y), b.argmax(y, 3), x, 0), x.shape),
  (x) => b.broadcastTo(b.slice(x, [0, 0, 0, 0], [x.shape[0]!, 1, 1, x.shape[3]!]), x.shape),
  (x, _, k) => b.binary("mul", x, b.cast(b.iota(x.shape, k % 4, "int32"), DTYPE)),
  (x, _, k) =>
    b.binary(
      "add",
      x,
      b.cast(
        b.reshape(
          b.argmax(x, k % 4),
          x.shape.map((d, i) => (i === k % 4 ? 1 : d)),
        ),
        DTYPE,
      ),
    ),
  // Rows of pixels, and images of rows.
  (x) => {
    const [n, h, w, c] = x.shape as [number, number, number, number];
    return b.reshape(b.unary("tanh", b.reshape(x, [n, h * w, c])), x.shape);
  },
  (x, _, k) => {
    const [n, h, w, c] = x.shape as [number, number, number, number];
    return b.reshape(b.matmul(b.reshape(x, [n * h * w, c]), numbers([c, c], k)), x.shape);
  },
  // Enlarged, and reduced to the size it had.
  (x) => {
    const [n, h, w, c] = x.shape as [number, number, number, number];
    const wide = b.broadcastTo(b.reshape(x, [n, h, 1, w, 1, c]), [n, h, 2, w, 2, c]);
    return b.slice(b.reshape(wide, [n, 2 * h, 2 * w, c]), [0, ...zeros, 0], x.shape);
  },
  // Other orders of axes than those of channels.
  (x) => b.transpose(b.unary("tanh", b.transpose(x, [3, 2, 1, 0])), [3, 2, 1, 0]),
  (x, y) => b.transpose(b.binary("add", b.transpose(x, [0, 2, 1, 3]), b.transpose(y, [0, 2, 1, 3])), [0, 2, 1, 3]),
];

const steps = fc.array(fc.tuple(fc.nat(STEPS.length - 1), fc.nat(20), fc.nat(20), fc.nat(20)), {
  minLength: 2,
  maxLength: 9,
});

function programOf(
  given: readonly (readonly [number, number, number, number])[],
  shape: readonly number[],
  withGradients: boolean,
): Program {
  const inputs = [inputValue({ shape, dtype: DTYPE }, "x"), inputValue({ shape: [shape[3]!], dtype: DTYPE }, "scale")];
  const values = [inputs[0]!, b.binary("mul", inputs[0]!, inputs[1]!)];
  for (const [step, left, right, k] of given) {
    const at = (i: number): Value => values[values.length - 1 - (i % values.length)]!;
    values.push(b.unary("tanh", STEPS[step]!(at(left % 3), at(right), k)));
  }
  const last = b.reduce("reduce_mean", values.at(-1)!, [1, 2]);
  const outputs = [last, values[values.length >> 1]!];
  if (!withGradients) return makeProgram(inputs, outputs);
  const found = gradients([last], [b.full(1, last.shape, DTYPE)], inputs);
  return makeProgram(inputs, [...outputs, ...found.flatMap((g) => (g ? [g] : []))]);
}

/** Elements that transposes move; moving axes of size 1 moves nothing. */
function movedElements(program: Program): number {
  const moved = program.nodes.map((node) => {
    if (node.op !== "transpose") return 0;
    const { permutation } = node.attributes as { permutation: readonly number[] };
    const { shape } = node.inputs[0]!;
    const order = permutation.filter((axis) => shape[axis] !== 1);
    return order.every((axis, i) => i === 0 || axis > order[i - 1]!) ? 0 : sizeOf(shape);
  });
  return moved.reduce((sum, n) => sum + n, 0);
}

let reference: Backend;
beforeAll(async () => {
  reference = await createReferenceBackend();
});

async function run(program: Program): Promise<Float64Array[]> {
  const executable = await reference.compile(program);
  const buffers = program.inputs.map(({ shape, dtype }, i) =>
    reference.upload(
      Float64Array.from({ length: sizeOf(shape) }, (_, j) => Math.cos(3 * j + i)),
      shape,
      dtype,
    ),
  );
  const results = await executable.run(buffers);
  executable.dispose();
  return Promise.all(results.map(async (r) => (await reference.download(r)) as Float64Array));
}

describe("random channels-last programs", () => {
  it.each([
    { what: "values", withGradients: false, nodeOverhead: 0 },
    { what: "values and gradients", withGradients: true, nodeOverhead: 0 },
    { what: "where nodes are not free", withGradients: true, nodeOverhead: 50 },
  ])("mean the same and move no more elements: $what", async ({ withGradients, nodeOverhead }) => {
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom(...SHAPES), async (given, shape) => {
        const program = eliminateCommonSubexpressions(simplify(programOf(given, shape, withGradients)));
        const rearranged = sinkTransposes(program, nodeOverhead);
        const text = `${printProgram(program)}\nbecame\n${printProgram(rearranged)}`;
        verifyProgram(rearranged);
        expect(rearranged.outputs.map((v) => v.shape)).toEqual(program.outputs.map((v) => v.shape));
        const [before, after] = [movedElements(program), movedElements(rearranged)];
        expect(after > before ? `${after} elements instead of ${before}\n${text}` : "").toBe("");
        if (rearranged === program) return;
        const [expected, actual] = [await run(program), await run(rearranged)];
        for (const [i, want] of expected.entries()) {
          const scale = Math.max(1, ...want.map(Math.abs));
          // Sums over axes in another order round differently, and a cast to float32 and back keeps 7 digits of that.
          const failure = closeFailure(actual[i]!, want, { dtype: DTYPE, atol: 1e-5 * scale, rtol: 1e-5 });
          expect(failure && `output ${i}: ${failure}\n${text}`).toBeNull();
        }
      }),
      { numRuns: 100 },
    );
  });
});
