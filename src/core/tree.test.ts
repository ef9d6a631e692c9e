import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  assertSameStructure,
  flatten,
  flattenWithPath,
  getPath,
  isNested,
  isPlainObject,
  mapStructure,
  type Nested,
  packSequenceAs,
  sameStructure,
  showStructure,
} from "./tree.ts";

/** Arrays and plain objects of numbers and nulls, five deep at most. */
const { nested } = fc.letrec<{ nested: Nested<number | null> }>((tie) => ({
  nested: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.option(fc.integer()),
    fc.array(tie("nested"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string({ maxLength: 4 }), fc.nat(12).map(String)), tie("nested"), { maxKeys: 4 }),
  ),
}));
const holds = (check: (structure: Nested<number | null>) => void): void =>
  fc.assert(
    fc.property(nested, (structure) => {
      check(structure);
    }),
  );

describe("structures", () => {
  it("come back when their leaves are packed", () => {
    holds((s) => expect(packSequenceAs(s, flatten(s))).toEqual(s));
  });

  it("keep their shape and order of leaves when mapped", () => {
    holds((s) => {
      const doubled = mapStructure((x) => (x === null ? null : x * 2), s);
      expect(sameStructure(s, doubled)).toBe(true);
      expect(flatten(doubled)).toEqual(flatten(s).map((x) => (x === null ? null : x * 2)));
    });
  });

  it("are left alone by mapping the identity, key order included", () => {
    holds((s) => expect(JSON.stringify(mapStructure((x) => x, s))).toBe(JSON.stringify(s)));
  });

  it("have a path to each leaf, in the order of flatten", () => {
    holds((s) => {
      const withPath = flattenWithPath(s);
      expect(withPath.map(([, leaf]) => leaf)).toEqual(flatten(s));
      for (const [path, leaf] of withPath) expect(getPath(s, path)).toBe(leaf);
      const seen: unknown[] = [];
      mapStructure((_, path) => seen.push(path), s);
      expect(seen).toEqual(withPath.map(([path]) => path));
    });
  });

  it("equal themselves, and differ from a longer one", () => {
    holds((s) => {
      expect(sameStructure(s, s)).toBe(true);
      expect(sameStructure(s, [s])).toBe(false);
      expect(sameStructure([s], [s, s])).toBe(false);
    });
  });

  it("visit the keys of objects in sorted order, as Keras visits dicts", () => {
    const dict = { b: 1, a: [2, { z: 3, y: 4 }], "10": 5, "9": 6 };
    expect(flatten<number>(dict)).toEqual([5, 6, 2, 4, 3, 1]);
    expect(Object.keys(packSequenceAs({ b: 0, a: 0 }, ["first", "second"]))).toEqual(["b", "a"]);
    expect(packSequenceAs({ b: 0, a: 0 }, ["first", "second"])).toEqual({ a: "first", b: "second" });
  });

  it("treat null and class instances as leaves", () => {
    const date = new Date(0);
    const array = new Float32Array(2);
    expect(flatten<unknown>([null, date, { a: array }])).toEqual([null, date, array]);
    expect([isPlainObject(date), isPlainObject(Object.create(null)), isPlainObject(null)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([isNested([]), isNested({}), isNested(array), isNested("ab")]).toEqual([true, true, false, false]);
  });

  it("flatten to nothing when empty", () => {
    expect([flatten([]), flatten({}), flatten([[], {}])]).toEqual([[], [], []]);
    expect(packSequenceAs([[], {}], [])).toEqual([[], {}]);
  });
});

describe("errors of structures", () => {
  it("count leaves", () => {
    expect(() => packSequenceAs([0, 0], [1])).toThrow("the structure has more leaves than the 1 given");
    expect(() => packSequenceAs([0], [1, 2])).toThrow("the structure has 1 leaves but 2 were given");
  });

  it("show both structures", () => {
    expect(() => assertSameStructure({ a: 1, b: [2] }, { a: [1, 2] }, "fit")).toThrow(
      "fit: structures differ. Expected: {a: *, b: [*]}. Received: {a: [*, *]}",
    );
    expect(() => assertSameStructure([1], [2])).not.toThrow();
    expect(showStructure([1, { k: "v" }], String)).toBe("[1, {k: v}]");
  });

  it("name the path that leads nowhere", () => {
    expect(() => getPath({ a: [1] }, ["a", 3])).toThrow('no part at path "a/3" of {a: [1]}');
    expect(() => getPath({ a: 1 }, ["toString"])).toThrow('no part at path "toString"');
  });
});
