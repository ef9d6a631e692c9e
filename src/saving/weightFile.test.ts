import { afterEach, describe, expect, it, vi } from "vitest";
import { SerializationError } from "../core/errors.ts";
import { Variable } from "../runtime/variable.ts";
import type { VariableStore } from "../serialization/variableStore.ts";
import type { H5Group } from "./h5/h5File.ts";
import { walkSaveables } from "./saveables.ts";
import { restoreState, stateTree } from "./weightFile.ts";

/** The least that a layer is to this room. */
class Stub {
  readonly name: string;
  constructor(name: string, variables: readonly Variable[] = []) {
    this.name = name;
    Object.defineProperty(this, "variables", { value: variables });
  }
  declare readonly variables: readonly Variable[];
  saveOwnVariables(store: VariableStore): void {
    this.variables.forEach((variable, i) => {
      store.set(String(i), variable);
    });
  }
  loadOwnVariables(store: VariableStore): void {
    if (store.keys().length !== this.variables.length) {
      throw new SerializationError(`expected ${this.variables.length} variables. The file has ${store.keys().length}`);
    }
    this.variables.forEach((variable, i) => {
      variable.assign(store.get(String(i)));
    });
  }
}
class InputLayer extends Stub {}
class Dense extends Stub {}
class Conv2D extends Stub {}
class Adam extends Stub {}
class Stack extends Stub {
  constructor(name: string, layers: readonly Stub[], optimizer: Stub | null = null, graph: object | null = {}) {
    super(
      name,
      layers.flatMap((layer) => layer.variables),
    );
    for (const [key, value] of Object.entries({ graph, layers, optimizer }))
      Object.defineProperty(this, key, { value });
  }
  override saveOwnVariables(): void {}
  override loadOwnVariables(): void {}
}

const dense = (name: string, fill: number, shape: [number, number] = [2, 3]): Dense =>
  new Dense(name, [
    new Variable(
      [...Array(shape[0])].map(() => Array(shape[1]).fill(fill)),
      { name: "kernel" },
    ),
    new Variable(Array(shape[1]).fill(fill), { name: "bias" }),
  ]);
const paths = (root: Stub): string[] => {
  const found: string[] = [];
  walkSaveables(root, ({ path }) => Boolean(found.push(path)));
  return found;
};
const numbers = (stub: Stub): Promise<number[][]> =>
  Promise.all(stub.variables.map(async (variable) => Array.from((await variable.data()) as Float32Array)));
const words = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(SerializationError);
    return (error as Error).message;
  }
  throw new Error("expected a refusal");
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe("walkSaveables", () => {
  it("names by class, counts per container, gives shared layers one place and the optimizer the last", () => {
    const shared = new Dense("shared");
    const inner = new Stack("encoder", [new InputLayer("x"), shared, new Dense("own")]);
    const model = new Stack(
      "m",
      [new InputLayer("o"), inner, shared, new Dense("last"), new Conv2D("c")],
      new Adam("adam"),
    );
    expect(paths(model)).toEqual([
      "",
      "layers/input_layer",
      "layers/stack",
      "layers/stack/layers/input_layer",
      "layers/stack/layers/dense",
      "layers/stack/layers/dense_1",
      // "shared" is met again as the first Dense here: passed over, but numbered.
      "layers/dense_1",
      "layers/conv2d",
      "optimizer",
    ]);
  });

  it("finds attributes of subclassed models in Keras's order", () => {
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((name) => new Dense(name)) as [
      Dense,
      Dense,
      Dense,
      Dense,
      Dense,
    ];
    const model = new Stack("m", [a, d, b, c, e], new Adam("adam"), null);
    Object.assign(model, { zLast: a, _hidden: d, firstOne: b, blocks: [c, [e], { k: c }], count: 3 });
    // Keras 3.15.1's paths for the same attributes: what comes after `layers` in the alphabet is found through it.
    expect(paths(model)).toEqual([
      "",
      "blocks/dense",
      "blocks/container/dense",
      "first_one",
      "layers/dense",
      "layers/dense_1",
      "optimizer",
    ]);
  });

  it("ends in cycles", () => {
    const outer = new Stub("outer");
    const list: unknown[] = [new Dense("d")];
    list.push(list);
    Object.assign(outer, { list, self: outer });
    expect(paths(outer)).toEqual(["", "list/dense"]);
  });
});

describe("stateTree and restoreState", () => {
  const model = (fill: number, shape?: [number, number]): Stack =>
    new Stack("m", [new InputLayer("x"), dense("hidden", fill, shape), dense("logits", fill)]);

  it("writes groups with names for objects without variables too, and reads its own trees", async () => {
    const tree = await stateTree(model(1));
    expect(tree.groups.get("vars")!.attributes.get("name")).toBe("m");
    const layers = tree.groups.get("layers")!;
    expect([...layers.groups.keys()]).toEqual(["input_layer", "dense", "dense_1"]);
    expect(layers.groups.get("input_layer")!.groups.get("vars")!.attributes.get("name")).toBe("x");
    const kernel = layers.groups.get("dense_1")!.groups.get("vars")!.datasets.get("0")!;
    expect([kernel.shape, kernel.dtype, [...kernel.data]]).toEqual([[2, 3], "float32", [1, 1, 1, 1, 1, 1]]);
    const other = model(0);
    restoreState(other, tree, "f");
    expect(await numbers((other as unknown as { layers: Stub[] }).layers[2]!)).toEqual([Array(6).fill(1), [1, 1, 1]]);
  });

  it("names the layer and both shapes, and assigns nothing, when one layer differs", async () => {
    const tree = await stateTree(model(1));
    const other = model(0, [2, 4]);
    const message = words(() => restoreState(other, tree, "w.weights.h5"));
    expect(message).toMatch(
      /^w\.weights\.h5: weights of another architecture than model "m": 1 of 4 objects do not fit/,
    );
    expect(message).toMatch(
      /"hidden" \(Dense, at layers\/dense\): assign to .*kernel": shapes differ\. Expected \(2, 4\)\. Received: \(2, 3\)/,
    );
    expect(message).toMatch(/Nothing was assigned\..*skipMismatch: true/);
    expect((await numbers(other)).flat().every((x) => x === 0)).toBe(true);
  });

  it("loads the layers that fit, whole, with skipMismatch", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const tree = await stateTree(model(1));
    tree.groups
      .get("layers")!
      .groups.get("dense")!
      .groups.get("vars")!
      .datasets.set("1", { shape: [4], dtype: "float32", data: new Float32Array(4) });
    const other = model(0);
    restoreState(other, tree, "f", { skipMismatch: true });
    // The kernel of "hidden" fits and its bias does not: neither is assigned.
    expect((await numbers(other)).map((v) => v[0])).toEqual([0, 0, 1, 1]);
    expect(warn.mock.calls[0]![0]).toMatch(/keep the values that they had[\s\S]*"hidden"/);
  });

  it("tells layers that the model lacks when completeness is asked for", async () => {
    const tree = await stateTree(new Stack("m", [dense("a", 1), dense("b", 1), dense("c", 1)]));
    const small = new Stack("m", [dense("a", 0), dense("b", 0)]);
    expect(words(() => restoreState(small, tree, "f", { complete: true }))).toMatch(
      /the file has 1 layers more\.\n {2}layers\/dense_2: the model has no such layer/,
    );
    expect((await numbers(small)).flat().every((x) => x === 0)).toBe(true);
    restoreState(small, tree, "f");
    expect((await numbers(small)).flat().every((x) => x === 1)).toBe(true);
  });

  it("reads trees of Keras 2.13 and of Keras on Windows", async () => {
    const tree = await stateTree(model(1));
    const layers = tree.groups.get("layers")!;
    const old: H5Group = { ...tree, groups: new Map([["_layer_checkpoint_dependencies", layers]]) };
    const windows: H5Group = {
      ...tree,
      groups: new Map([...layers.groups].map(([name, group]) => [`layers\\${name}`, group])),
    };
    for (const file of [old, windows]) {
      const other = model(0);
      restoreState(other, file, "f");
      expect((await numbers(other)).flat().every((x) => x === 1)).toBe(true);
    }
  });
});
