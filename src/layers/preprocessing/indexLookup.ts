/** What StringLookup and IntegerLookup share: terms to indices and back, in all output modes, and their files. */
import { floatx } from "../../core/config.ts";
import { allocate, type DType, standardizeDType } from "../../core/dtype.ts";
import { describe, SerializationError } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import type { Nested } from "../../core/tree.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import { peekValue } from "../../runtime/evaluate.ts";
import { type Tensor, tensorFromHost } from "../../runtime/tensor.ts";
import type { AssetStore } from "../../serialization/assetStore.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { placeOf } from "../errorTrail.ts";
import { hashToBins } from "./hashBins.ts";
import { DROPPED, encodedShape, encodeOnHost } from "./hostEncoding.ts";
import { hostTensor, stringTensor } from "./hostLayer.ts";
import { flatValues, type HostValue, mapRows, plainNumbers, type Rows, readRows, type Token } from "./tokenRows.ts";
import { VocabularyLayerBase, type VocabularyOptions } from "./vocabularyLayer.ts";

const ASSET = "vocabulary.txt";

/** @see keras/src/layers/preprocessing/index_lookup.py (Keras 3.x) */
export abstract class IndexLookupBase extends VocabularyLayerBase {
  /** Which of several indices an unknown term gets, from 0. */
  readonly #oovBin: ((token: Token) => number) | null = null;

  constructor(options: VocabularyOptions) {
    super(options);
    const { numOovIndices, oovMethod } = this;
    if (numOovIndices > 1) {
      const hash = hashToBins(numOovIndices, this.salt);
      const modulo = (token: Token): number => (((token as number) % numOovIndices) + numOovIndices) % numOovIndices;
      this.#oovBin = this.isText || oovMethod === "farmhash" ? hash : modulo;
    }
  }

  /** Terms to indices, or indices to terms. */
  override call(inputs: unknown): Tensor {
    const values = readRows(inputs, placeOf(this));
    return this.invert ? this.#termsOf(values) : this.encode(this.lookUp(values));
  }

  /** Indices of terms. @throws RangeError for unknown ones when they have no index. */
  lookUp(values: Rows<HostValue>): Rows<number> {
    const { table } = this;
    const { maskToken, numOovIndices } = this;
    const maskIndex = this.maskIndexed ? 0 : DROPPED;
    const unknown = new Set<Token>();
    const indices = mapRows(values, (value) => {
      const token = this.checkToken(value, "input");
      if (token === maskToken) return maskIndex;
      const index = table.indexOf(token);
      if (index !== undefined) return index;
      if (numOovIndices === 0) unknown.add(token);
      return this.oovStart + (this.#oovBin?.(token) ?? 0);
    });
    if (unknown.size > 0) {
      const shown = [...unknown].slice(0, 5).map(describe).join(", ");
      throw new RangeError(
        `${placeOf(this)}: with \`numOovIndices: 0\` all inputs must be in the vocabulary. Not in it: ${shown}` +
          `${unknown.size > 5 ? `, and ${unknown.size - 5} more` : ""}. Remove them, or set \`numOovIndices: 1\``,
      );
    }
    return indices;
  }

  /** Indices in the output mode. */
  encode(indices: Rows<number>): Tensor {
    const { outputMode: mode } = this;
    if (mode === "int") {
      const { flat, shape } = flatValues(indices, placeOf(this));
      return hostTensor(flat, shape, "int64");
    }
    return encodeOnHost(indices, mode, this.vectorSize()!, floatx(), this.idf, placeOf(this));
  }

  #termsOf(values: Rows<HostValue>): Tensor {
    const { maskToken, oovToken } = this;
    const terms = mapRows(values, (value): Token => {
      if (typeof value !== "number" || !Number.isInteger(value)) {
        throw new TypeError(`${placeOf(this)}: with \`invert\`, inputs are indices. Received: ${describe(value)}`);
      }
      if (value === 0 && maskToken !== null) return maskToken;
      return this.table.tokenAt(value) ?? oovToken ?? (this.isText ? "" : -1);
    });
    const { flat, shape } = flatValues(terms, placeOf(this));
    return this.isText ? stringTensor(flat as string[], shape) : hostTensor(flat as number[], shape, "int64");
  }

  protected override outputSpec(inputs: Nested<KerasTensor>): { shape: Shape; dtype: DType } {
    if (!(inputs instanceof KerasTensor)) {
      throw new TypeError(`${placeOf(this)}: expected one input. Received: ${describe(inputs)}`);
    }
    const wanted = this.isText && !this.invert ? "string" : "an integer dtype";
    const fits = wanted === "string" ? inputs.dtype === "string" : /^u?int/.test(inputs.dtype);
    if (!fits) {
      throw new TypeError(
        `${placeOf(this)}: expected an input of ${wanted}. Received: ${inputs.dtype}. Say so where it begins: ` +
          `Input({ shape: […], dtype: "${wanted === "string" ? "string" : "int64"}" })`,
      );
    }
    const dtype = this.invert ? this.computeDtype : this.outputMode === "int" ? "int64" : floatx();
    return {
      shape: encodedShape(inputs.shape, this.outputMode, this.vectorSize()),
      dtype: standardizeDType(dtype),
    };
  }

  // ---------------------------------------------------------------- files

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      invert: this.invert,
      max_tokens: this.maxTokens,
      num_oov_indices: this.numOovIndices,
      oov_token: this.oovToken,
      mask_token: this.maskToken,
      output_mode: this.outputMode,
      sparse: false,
      pad_to_max_tokens: this.padToMaxTokens,
      ...(this.isText ? {} : { vocabulary_dtype: "int64" }),
      idf_weights: this.given.idf,
      vocabulary: this.given.terms,
      vocabulary_size: this.knownSize,
      oov_method: this.oovMethod,
      salt: this.salt,
    };
  }

  override getBuildConfig(): Config | null {
    return {};
  }

  override saveOwnVariables(store: VariableStore): void {
    if (this.idf) store.set("idf_weights", tensorFromHost(this.idf.slice(), [this.idf.length], "float32"));
  }

  override loadOwnVariables(store: VariableStore): void {
    if (this.outputMode !== "tf_idf" || !store.keys().includes("idf_weights")) return;
    this.idf = Float32Array.from(plainNumbers(peekValue(store.get("idf_weights").node) ?? allocate("float32", 0)));
  }

  /** Writes a learned vocabulary, a term per line; one that was given is in the config. */
  saveAssets(store: AssetStore): void {
    if (this.given.terms) return;
    const terms = this.getVocabulary();
    const broken = terms.find((term) => typeof term === "string" && /[\n\r]/.test(term));
    if (broken !== undefined) {
      throw new SerializationError(
        `${placeOf(this)}: the term ${describe(broken)} has a line break, and files hold one term per line. Give the vocabulary ` +
          "to a new layer, which keeps it in the config: `vocabulary: layer.getVocabulary()`",
      );
    }
    store.set(ASSET, new TextEncoder().encode(terms.map(String).join("\n")));
  }

  /** @throws SerializationError when the file's vocabulary is none of this layer's. */
  loadAssets(store: AssetStore): void {
    if (this.given.terms) return;
    const bytes = store.get(ASSET);
    if (!bytes) return;
    const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
    while (lines.at(-1) === "") lines.pop();
    const terms = this.isText ? lines : lines.map(Number);
    if (terms.length <= this.tokenStart) return;
    this.setTerms(terms as Token[], this.idf);
  }
}
