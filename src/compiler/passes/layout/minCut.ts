/** Cheapest cut of a graph between two of its vertices (Dinic's algorithm): how layouts are chosen exactly. */
export class CutGraph {
  static readonly SOURCE = 0;
  static readonly SINK = 1;
  #count = 2;
  // Edges in pairs, each with its reverse at index ^ 1.
  readonly #target: number[] = [];
  readonly #capacity: number[] = [];
  readonly #edges: number[][] = [[], []];

  /** A new vertex. */
  vertex(): number {
    this.#edges.push([]);
    return this.#count++;
  }

  /** A vertex that stands for several, tied to each by `tie`; one alone stands for itself. */
  any(vertices: readonly number[], tie: (vertex: number, any: number) => void): number {
    if (vertices.length === 1) return vertices[0]!;
    const any = this.vertex();
    for (const vertex of vertices) tie(vertex, any);
    return any;
  }

  /** Costs `capacity` when `from` is on the source's side and `to` on the sink's. */
  edge(from: number, to: number, capacity: number): void {
    if (capacity <= 0) return;
    this.#edges[from]!.push(this.#target.push(to) - 1);
    this.#capacity.push(capacity);
    this.#edges[to]!.push(this.#target.push(from) - 1);
    this.#capacity.push(0);
  }

  /** Whether each vertex is on the sink's side of a cheapest cut. */
  cut(): boolean[] {
    for (;;) {
      const level = this.#levels();
      if (level[CutGraph.SINK]! < 0) return Array.from(level, (l) => l < 0);
      const next = new Int32Array(this.#count);
      while (this.#augment(level, next));
    }
  }

  /** Distance of every vertex from the source over edges with room; -1 where there is no way. */
  #levels(): Int32Array {
    const level = new Int32Array(this.#count).fill(-1);
    level[CutGraph.SOURCE] = 0;
    const queue = [CutGraph.SOURCE];
    for (const v of queue) {
      for (const e of this.#edges[v]!) {
        const to = this.#target[e]!;
        if (level[to]! >= 0 || this.#capacity[e]! <= 0) continue;
        level[to] = level[v]! + 1;
        queue.push(to);
      }
    }
    return level;
  }

  /** Sends what fits along one shortest way; false when there is none left. */
  #augment(level: Int32Array, next: Int32Array): boolean {
    const way: number[] = [];
    let v: number = CutGraph.SOURCE;
    while (v !== CutGraph.SINK) {
      const edges = this.#edges[v]!;
      const at = next[v]!;
      if (at < edges.length) {
        const e = edges[at]!;
        const to = this.#target[e]!;
        if (this.#capacity[e]! > 0 && level[to] === level[v]! + 1) {
          way.push(e);
          v = to;
        } else next[v] = at + 1;
        continue;
      }
      const back = way.pop();
      if (back === undefined) return false;
      v = this.#target[back ^ 1]!;
      next[v] = next[v]! + 1;
    }
    const room = Math.min(...way.map((e) => this.#capacity[e]!));
    for (const e of way) {
      this.#capacity[e] = this.#capacity[e]! - room;
      this.#capacity[e ^ 1] = this.#capacity[e ^ 1]! + room;
    }
    return true;
  }
}
