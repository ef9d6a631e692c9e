/** What fixtures cannot say: larger matrices, the sign-free identities of decompositions, derivatives, and messages. */
import { describe, expect, it } from "vitest";
import { type Tensor, tensor } from "../runtime/tensor.ts";
import { gradCheck } from "../testing/gradCheck.ts";
import * as ops from "./index.ts";
import { KerasTensor } from "./kerasTensor.ts";

/** Numbers from -1 to 1 that follow no pattern. */
function noise(seed: number, ...shape: number[]): Tensor {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next), shape);
}

const largest = async (x: Tensor): Promise<number> => ops.max(ops.abs(x)).item();
const transposed = (x: Tensor): Tensor => ops.swapaxes(x, -1, -2);

describe("decompositions of larger matrices", () => {
  const a = noise(1, 33, 33);
  const eye = ops.eye(33);

  it("invert", async () => {
    expect(await largest(ops.matmul(a, ops.inv(a)).sub(eye))).toBeLessThan(2e-4);
  });

  it("give eigenvectors of symmetric matrices", async () => {
    const symmetric = a.add(transposed(a));
    const [w, v] = ops.eigh(symmetric);
    expect(await largest(ops.matmul(symmetric, v).sub(v.mul(w)))).toBeLessThan(1e-4);
    expect(await largest(ops.matmul(transposed(v), v).sub(eye))).toBeLessThan(1e-5);
  });

  it.each([
    [20, 33],
    [33, 20],
    [16, 16],
  ])("give singular values of %i × %i", async (m, n) => {
    const x = noise(2, m, n);
    const [u, s, vh] = ops.svd(x);
    const k = Math.min(m, n);
    const product = ops.matmul(u.get(null, [0, k]).mul(s), vh.get([0, k]));
    expect(await largest(product.sub(x))).toBeLessThan(1e-5);
    expect(await largest(ops.matmul(u, transposed(u)).sub(ops.eye(m)))).toBeLessThan(1e-5);
    expect(await largest(ops.matmul(vh, transposed(vh)).sub(ops.eye(n)))).toBeLessThan(1e-5);
  });

  it("complete the vectors of matrices without full rank", async () => {
    const x = ops.matmul(noise(3, 6, 2), noise(4, 2, 5));
    const [u, s, vh] = ops.svd(x);
    expect(await largest(ops.matmul(transposed(u), u).sub(ops.eye(6)))).toBeLessThan(1e-5);
    expect(await largest(ops.matmul(u.get(null, [0, 5]).mul(s), vh).sub(x))).toBeLessThan(1e-5);
    expect(await ops.matrixRank(x).item()).toBe(2);
  });
});

describe("eig", () => {
  it.each([
    [
      "of a rotation",
      [
        [0, -1],
        [1, 0],
      ],
      [
        [0, -1],
        [0, 1],
      ],
    ],
    [
      "of a triangular matrix",
      [
        [2, 1, 0],
        [0, 3, 1],
        [0, 0, -1],
      ],
      [
        [-1, 0],
        [2, 0],
        [3, 0],
      ],
    ],
    ["of one number", [[7]], [[7, 0]]],
  ])("finds the eigenvalues %s", async (_, rows, expected) => {
    const [[re, im]] = await ops.eig(rows);
    const [r, i] = [await re.array(), await im.array()];
    const found = r.map((x: number, k: number) => [x, i[k]]);
    found.sort((p: number[], q: number[]) => p[0]! - q[0]! || p[1]! - q[1]!);
    found.flat().forEach((x: number, k: number) => {
      expect(x).toBeCloseTo(expected.flat()[k]!, 5);
    });
  });

  it("finds vectors of length 1 with A v = w v", async () => {
    const a = noise(5, 3, 9, 9);
    const [[wr, wi], [vr, vi]] = await ops.eig(a);
    const row = (w: Tensor) => ops.expandDims(w, -2);
    const real = ops.matmul(a, vr).sub(vr.mul(row(wr)).sub(vi.mul(row(wi))));
    const imaginary = ops.matmul(a, vi).sub(vr.mul(row(wi)).add(vi.mul(row(wr))));
    expect(await largest(real)).toBeLessThan(1e-5);
    expect(await largest(imaginary)).toBeLessThan(1e-5);
    expect(await largest(ops.sum(vr.mul(vr).add(vi.mul(vi)), { axis: -2 }).sub(1))).toBeLessThan(1e-5);
  });

  it("says where it cannot run", async () => {
    await expect(ops.eig(new KerasTensor([3, 3]) as unknown as Tensor)).rejects.toThrow(/eig: .*ops\.eigh/);
  });
});

describe("jvp", () => {
  it("is the derivative in a direction", async () => {
    const [y, dy] = ops.jvp(
      (x, z) => ops.sum(ops.multiply(ops.square(x), z)),
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    );
    expect(await y.item()).toBe(19); // 1·3 + 4·4
    expect(await dy.item()).toBe(10); // 2·1·3 + 4
  });

  it("hands structures and what goes with them through", async () => {
    const [y, dy, aux] = ops.jvp((x) => [{ a: ops.exp(x), b: ops.floor(x) }, "label"], [0], [2], { hasAux: true });
    expect(await y.a.item()).toBe(1);
    expect(await dy.a.item()).toBe(2);
    expect(await dy.b.item()).toBe(0);
    expect(aux).toBe("label");
  });

  it.each([
    ["one tangent", () => ops.jvp((x) => x, [1], []), /one tangent per primal/],
    ["the shape", () => ops.jvp((x) => x, [[1, 2]], [[1]]), /shape of its primal.*\(2,\).*\(1,\)/],
    ["floats", () => ops.jvp((x) => x, [ops.arange(3)], [[1, 1, 1]]), /float dtype.*int32/],
  ])("asks for %s", (_, run, message) => {
    expect(run).toThrow(message);
  });
});

describe("gradients by central differences", () => {
  const data = (n: number, seed: number) =>
    Array.from({ length: n }, (_, i) => Math.sin(seed + i * i * 1.7) + (i % 4 === 0 ? 1.5 : 0));
  const cases: [string, (x: Tensor) => Tensor, 1 | 2][] = [
    ["inv", (x) => ops.inv(x), 2],
    ["det", (x) => ops.det(x), 2],
    ["logdet", (x) => ops.logdet(x), 2],
    ["cholesky", (x) => ops.cholesky(ops.matmul(x, transposed(x)).add(ops.eye(4, { dtype: "float64" }))), 1],
    ["solve", (x) => ops.solve(x, x.get(null, [0, 2])), 2],
    ["qr", (x) => ops.qr(x)[0], 1],
    ["eigh", (x) => ops.eigh(x)[0], 1],
    ["svd", (x) => ops.svd(x, { computeUv: false }), 1],
    ["pinv", (x) => ops.pinv(x.get(null, [0, 3])), 1],
  ];
  it.each(cases)("of %s", async (_, f, order) => {
    const inputs = [{ data: data(16, 0.3), shape: [4, 4] }];
    await gradCheck(f, inputs, { order, atol: 1e-6, rtol: 1e-5 });
  });
});

describe("linear algebra says what is wrong", () => {
  it.each([
    ["square", () => ops.inv(ops.ones([2, 3])), /inv: expected square matrices.*\(2, 3\)/],
    ["matrices", () => ops.det(ops.ones([3])), /det: expected matrices.*\(3,\)/],
    ["rows", () => ops.solve(ops.eye(3), ops.ones([2])), /solve: expected `b` with 3 rows/],
    ["mode", () => ops.qr(ops.eye(2), { mode: "full" as "complete" }), /qr: .*"reduced" or "complete".*"full"/],
    ["order", () => ops.norm(ops.eye(2), { ord: 3, axis: [0, 1] }), /norm: .*of matrices.*3/],
    ["axes", () => ops.norm(ops.ones([2, 2, 2]), { ord: 1 }), /one axis.*two.*rank 3/],
    ["nuc", () => ops.norm(ops.ones([2, 2]), { ord: "nuc", axis: 0 }), /norm of matrices.*two axes/],
  ])("about %s", (_, run, message) => {
    expect(run).toThrow(message);
  });
});
