/** Finds row numbers outside an Embedding's table in the data of a run, before a step reads them. */
import { flatten, flattenWithPath, mapStructure, type Nested } from "../core/tree.ts";
import { inputValue, type Value } from "../ir/value.ts";
import { EmbeddingBase } from "../layers/core/embedding.ts";
import { checkIds, type HostIds, type IdTable, recordIdUses } from "../layers/core/idUse.ts";
import type { LayerBase } from "../layers/layer.ts";
import { Tensor } from "../runtime/tensor.ts";
import { Trace, withTrace } from "../runtime/trace.ts";
import { type HostStructure, hostLeaves } from "./dataAdapters/arrayAdapter.ts";
import type { Batch, TensorStructure } from "./dataAdapters/dataAdapter.ts";

/** A model whose inputs may have names. */
interface NamedInputs extends LayerBase {
  /** In order, where it has them. */
  readonly inputNames: readonly string[] | null;
}

/** An input of a model that a layer reads as row numbers. */
interface InputIds extends IdTable {
  /** Place of the array among those of the data. */
  readonly leaf: number;
  /** For messages: ` of input "title"`, or nothing where there is only one. */
  readonly of: string;
}

/** Single batches after which layers that a model got later are looked for; until then the engine finds ids outside of their tables. */
const BATCHES_BETWEEN_WALKS = 64;

/** The checks of a model. Its uses are found once per kind of data, by tracing a call; models without an Embedding are not traced. */
export class IdChecks {
  readonly #model: NamedInputs;
  #kind: string | null = null;
  #uses: readonly InputIds[] = [];
  #tables: readonly EmbeddingBase[] = [];
  #batches = 0;

  constructor(model: NamedInputs) {
    this.#model = model;
  }

  /** Checks a whole data set, of which `batch` is a part. @throws RangeError naming the layer, the input, the sample and the id. */
  checkHost(where: string, batch: Batch, x: HostStructure | null): void {
    if (x) checkInputIds(where, this.#usesOf(batch.x, true), hostLeaves(x));
  }

  /** The same for one batch of a generator. */
  async checkBatch(where: string, batch: Batch): Promise<void> {
    const uses = this.#usesOf(batch.x, this.#batches++ % BATCHES_BETWEEN_WALKS === 0);
    if (uses.length === 0) return;
    const leaves = flatten(batch.x as Nested<Tensor | null>).flatMap((t) => (t ? [t] : []));
    const arrays = leaves.map(async (t) => ({ data: await t.data(), shape: t.shape, dtype: t.dtype }));
    checkInputIds(where, uses, await Promise.all(arrays));
  }

  /** @param walk - Whether to look for tables in all layers, which takes longer than the rest of a small step. */
  #usesOf(x: TensorStructure, walk: boolean): readonly InputIds[] {
    const model = this.#model;
    if (walk) this.#tables = model.flattenLayers().filter((layer) => layer instanceof EmbeddingBase);
    const tables = this.#tables;
    if (tables.length === 0) return [];
    const leaves = flattenWithPath(x as Nested<Tensor | null>).flatMap(([path, t]) => (t ? [{ path, t }] : []));
    const kind = [tables.map((table) => table.name), ...leaves.map(({ path, t }) => [path, t.dtype, t.ndim])].join(";");
    if (kind !== this.#kind) {
      const names = model.inputNames;
      this.#uses = tracedUses(model, x, (leaf) => {
        if (leaves.length === 1) return "";
        const [last] = leaves[leaf]!.path.slice(-1);
        return ` of input "${typeof last === "number" ? (names?.[leaf] ?? last) : last}"`;
      });
      this.#kind = kind;
    }
    return this.#uses;
  }
}

function tracedUses(model: LayerBase, x: TensorStructure, describeLeaf: (leaf: number) => string): InputIds[] {
  const values: Value[] = [];
  const placeholder = (t: Tensor | null): Tensor | null => {
    if (!t) return null;
    values.push(inputValue(t.node, "batch"));
    return new Tensor(values.at(-1)!);
  };
  const batch = mapStructure(placeholder, x);
  const found = withTrace(new Trace(), () => recordIdUses(() => model.invoke([batch, { training: false }])));
  return found.flatMap(({ where, rows, ids }) => {
    const leaf = values.indexOf(ids);
    return leaf < 0 ? [] : [{ where, rows, leaf, of: describeLeaf(leaf) }];
  });
}

function checkInputIds(where: string, uses: readonly InputIds[], arrays: readonly HostIds[]): void {
  for (const use of uses) {
    const ids = arrays[use.leaf];
    if (ids) checkIds({ where: `${where}: ${use.where}`, rows: use.rows }, ids, use.of);
  }
}
