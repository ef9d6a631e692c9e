import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CutGraph } from "./minCut.ts";

const COUNT = 6;
const edges = fc.array(fc.tuple(fc.nat(COUNT - 1), fc.nat(COUNT - 1), fc.nat(9)), { maxLength: 20 });
const { SOURCE, SINK } = CutGraph;

/** Capacity of the edges from the source's side to the sink's. */
const costOf = (given: readonly (readonly [number, number, number])[], side: readonly boolean[]): number =>
  given.reduce((sum, [from, to, capacity]) => sum + (!side[from] && side[to] ? capacity : 0), 0);

describe("CutGraph", () => {
  it("finds what trying every cut finds", () => {
    fc.assert(
      fc.property(edges, (given) => {
        const graph = new CutGraph();
        for (let i = 2; i < COUNT; i++) graph.vertex();
        for (const [from, to, capacity] of given) graph.edge(from, to, capacity);
        const side = graph.cut();
        expect([side[SOURCE], side[SINK]]).toEqual([false, true]);
        const all = Array.from({ length: 2 ** (COUNT - 2) }, (_, bits) =>
          costOf(given, [false, true, ...Array.from({ length: COUNT - 2 }, (_, i) => (bits & (2 ** i)) !== 0)]),
        );
        expect(costOf(given, side)).toBe(Math.min(...all));
      }),
      { numRuns: 500 },
    );
  });

  it("ties vertices to one that stands for them, and lets one alone stand for itself", () => {
    const graph = new CutGraph();
    const vertices = [graph.vertex(), graph.vertex()];
    const any = graph.any(vertices, (vertex, tied) => graph.edge(tied, vertex, Number.POSITIVE_INFINITY));
    graph.edge(SOURCE, any, 3); // once, however many switch
    for (const vertex of vertices) graph.edge(vertex, SINK, 2);
    expect(graph.cut().slice(2)).toEqual([true, true, true]);
    expect(graph.any([vertices[0]!], () => expect.unreachable())).toBe(vertices[0]);
  });
});
