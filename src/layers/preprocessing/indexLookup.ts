/** What StringLookup and IntegerLookup share: a vocabulary, how it is learned, set, saved, and what indices become. */
import { floatx } from "../../core/config.ts";
import { allocate, type DType, standardizeDType } from "../../core/dtype.ts";
import { describe, SerializationError } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import type { Nested } from "../../core/tree.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import { peekValue } from "../../runtime/evaluate.ts";
import { Tensor, tensorFromHost } from "../../runtime/tensor.ts";
import type { AssetStore } from "../../serialization/assetStore.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { checkBoolean } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import type { LayerOptions } from "../layer.ts";
import { type Batches, forEachBatch } from "./adaptBatches.ts";
import { checkSalt, hashToBins, type Salt } from "./hashBins.ts";
import { DROPPED, encodedShape, encodeOnHost, type OutputMode } from "./hostEncoding.ts";
import { HostLayerBase, hostTensor, stringTensor } from "./hostLayer.ts";
import { checkChoice, checkCount, outputMode, refuseSparse } from "./preprocessingChecks.ts";
import { TokenCounts } from "./tokenCounts.ts";
import { flatValues, type HostValue, mapRows, plainNumbers, type Rows, readRows, type Token } from "./tokenRows.ts";
import { ownTokens, type SpecialTokens, specialTokens, VocabularyTable } from "./vocabulary.ts";

/** Weights of terms: numbers, or a tensor of one axis. */
export type IdfWeights = readonly number[] | Float32Array | Float64Array | Tensor;

/** Options that both lookups take. */
export interface LookupOptions extends LayerOptions {
  /** Largest size of the vocabulary, special tokens included. @defaultValue `null` (no limit) */
  maxTokens?: number | null;
  /** How many indices terms outside of the vocabulary share, by their hash; with 0 such a term is an error. @defaultValue `1` */
  numOovIndices?: number;
  /** Inverse document frequency per term, with `vocabulary` and `"tf_idf"`. @defaultValue `null` */
  idfWeights?: IdfWeights | null;
  /** Maps indices to terms instead. @defaultValue `false` */
  invert?: boolean;
  /**
   * `"int"`: the index of each term. `"one_hot"`: a vector per term. `"multi_hot"`, `"count"`, `"tf_idf"`: a vector per sample
   * (the last axis) with ones, counts, or counts times `idfWeights`. @defaultValue `"int"`
   */
  outputMode?: OutputMode | "binary" | "tf-idf";
  /** Makes vectors `maxTokens` wide, however many terms there are. @defaultValue `false` */
  padToMaxTokens?: boolean;
  /** There are no sparse tensors here: only `false`. @defaultValue `false` */
  sparse?: boolean;
  /** Key of the hash that spreads unknown terms: one integer, or two. @defaultValue `null` */
  salt?: Salt | null;
  /** How unknown integers are spread over several indices. @defaultValue `"floormod"` */
  oovMethod?: "floormod" | "farmhash";
  /** @internal Size of the vocabulary that a file's asset will bring. */
  vocabularySize?: number | null;
}

/** Options of `adapt`. */
export interface AdaptOptions {
  /** How many batches of an iterable are used. @defaultValue `null` (all) */
  steps?: number | null;
}

/** Options with what the subclass decides. */
export interface IndexLookupOptions extends LookupOptions {
  maskToken: Token | null;
  oovToken: Token | null;
  vocabulary: readonly Token[] | Tensor | null;
}

const ASSET = "vocabulary.txt";

/** @see keras/src/layers/preprocessing/index_lookup.py (Keras 3.x) */
export abstract class IndexLookupBase extends HostLayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    invert: "invert",
    maxTokens: "max_tokens",
    numOovIndices: "num_oov_indices",
    oovToken: "oov_token",
    maskToken: "mask_token",
    outputMode: "output_mode",
    sparse: "sparse",
    padToMaxTokens: "pad_to_max_tokens",
    vocabularyDType: "vocabulary_dtype",
    idfWeights: "idf_weights",
    vocabulary: "vocabulary",
    vocabularySize: "vocabulary_size",
    oovMethod: "oov_method",
    salt: "salt",
  };

  readonly invert: boolean;
  readonly maxTokens: number | null;
  readonly numOovIndices: number;
  readonly oovToken: Token | null;
  readonly maskToken: Token | null;
  readonly outputMode: OutputMode;
  readonly padToMaxTokens: boolean;
  readonly oovMethod: "floormod" | "farmhash";
  readonly salt: readonly [number | bigint, number | bigint] | null;

  #table: VocabularyTable | null = null;
  #idf: Float32Array | null = null;
  #counts = new TokenCounts();
  /** What the file's config holds: the vocabulary that was given, not one that was learned. */
  #given: readonly Token[] | null = null;
  #givenIdf: readonly number[] | null = null;
  /** Size that the file's config states, until the vocabulary itself is there. */
  #statedSize: number | null;
  #oovBin: ((token: Token) => number) | null = null;

  constructor(options: IndexLookupOptions) {
    const {
      maxTokens = null,
      numOovIndices = 1,
      maskToken,
      oovToken,
      vocabulary,
      idfWeights = null,
      invert = false,
      outputMode: mode = "int",
      padToMaxTokens = false,
      sparse = false,
      salt = null,
      oovMethod = "floormod",
      vocabularySize = null,
      ...base
    } = options;
    super(base);
    const where = placeOf(this);
    if (maxTokens !== null && checkCount(this, "maxTokens", maxTokens, 1) <= 1) {
      throw new RangeError(
        `${where}: expected \`maxTokens\` to be above 1, for it counts the index of unknown terms too. Received: maxTokens=${maxTokens}`,
      );
    }
    this.maxTokens = maxTokens;
    this.padToMaxTokens = checkBoolean(this, "padToMaxTokens", padToMaxTokens);
    if (padToMaxTokens && maxTokens === null) {
      throw new RangeError(
        `${where}: \`padToMaxTokens\` pads to \`maxTokens\`, which is not set. Set it too, for example maxTokens: 1000`,
      );
    }
    this.numOovIndices = checkCount(this, "numOovIndices", numOovIndices, 0);
    this.oovMethod = checkChoice(this, "oovMethod", oovMethod, ["floormod", "farmhash"]);
    this.salt = checkSalt(this, salt);
    if (this.salt && !this.isText && oovMethod !== "farmhash") {
      throw new RangeError(`${where}: \`salt\` is for \`oovMethod: "farmhash"\`. Received: oovMethod="${oovMethod}"`);
    }
    this.outputMode = outputMode(this, mode, ["int", "one_hot", "multi_hot", "count", "tf_idf"]);
    this.invert = checkBoolean(this, "invert", invert);
    if (invert && this.outputMode !== "int") {
      throw new RangeError(
        `${where}: with \`invert\`, \`outputMode\` must be "int". Received: outputMode="${this.outputMode}"`,
      );
    }
    refuseSparse(this, sparse);
    if (idfWeights !== null && this.outputMode !== "tf_idf") {
      throw new RangeError(
        `${where}: \`idfWeights\` are for \`outputMode: "tf_idf"\`. Received: outputMode="${this.outputMode}"`,
      );
    }
    this.maskToken = maskToken === null ? null : this.checkToken(maskToken, "maskToken");
    this.oovToken = oovToken === null ? null : this.checkToken(oovToken, "oovToken");
    if (numOovIndices > 1) {
      const hash = hashToBins(numOovIndices, this.salt);
      const modulo = (token: Token): number => (((token as number) % numOovIndices) + numOovIndices) % numOovIndices;
      this.#oovBin = this.isText || oovMethod === "farmhash" ? hash : modulo;
    }
    this.#statedSize = vocabularySize;
    if (vocabulary === null) return;
    if (this.outputMode === "tf_idf" && idfWeights === null) {
      throw new RangeError(
        `${where}: with \`vocabulary\` and \`outputMode: "tf_idf"\`, \`idfWeights\` must be given too: one number per term`,
      );
    }
    this.#given = [];
    this.setVocabulary(vocabulary, idfWeights);
  }

  /** Whether terms are text; else they are integers. */
  protected get isText(): boolean {
    return true;
  }

  /** A term in this layer's type. @throws TypeError for one of another type. */
  protected checkToken(token: unknown, what: string): Token {
    const fits = this.isText ? typeof token === "string" : Number.isSafeInteger(token);
    if (fits) return token as Token;
    const way = this.isText
      ? "For integers use IntegerLookup"
      : "For text use StringLookup, for other numbers Discretization";
    throw new TypeError(
      `${placeOf(this)}: expected ${this.isText ? "strings" : "integers"}. Received: ${describe(token)} as ${what}. ${way}`,
    );
  }

  override get computeDtype(): string {
    return this.isText ? "string" : "int64";
  }

  get #special(): SpecialTokens {
    const { maskToken, oovToken, numOovIndices } = this;
    return { maskToken, oovToken, maskIndexed: this.#maskIndexed, oovCount: numOovIndices };
  }

  get #maskIndexed(): boolean {
    return this.maskToken !== null && this.outputMode === "int";
  }

  get #oovStart(): number {
    return this.#maskIndexed ? 1 : 0;
  }

  /** Index of the first term. */
  protected get tokenStart(): number {
    return this.#oovStart + this.numOovIndices;
  }

  /** Index of terms outside of the vocabulary when they share one. */
  protected get oovStart(): number {
    return this.#oovStart;
  }

  // ---------------------------------------------------------------- the vocabulary

  /**
   * All terms in the order of their indices.
   *
   * @param options - `includeSpecialTokens: false` leaves the mask and what stands for unknown terms out.
   */
  getVocabulary(options: { includeSpecialTokens?: boolean } = {}): Token[] {
    const tokens = this.#table?.tokens ?? [];
    return options.includeSpecialTokens === false
      ? [...tokens]
      : [...(specialTokens(this.#special) as Token[]), ...tokens];
  }

  /** Number of indices, special ones included. */
  vocabularySize(): number {
    return (this.#table?.tokens.length ?? 0) + this.tokenStart;
  }

  /**
   * Sets the vocabulary, with or without the special tokens at its start.
   *
   * @param vocabulary - Terms in the order of their indices.
   * @param idfWeights - One number per term, with `"tf_idf"` only.
   * @throws RangeError for an empty vocabulary, repeated terms, more than `maxTokens`, special tokens at another place, or
   *   weights that do not fit.
   */
  setVocabulary(vocabulary: readonly Token[] | Tensor, idfWeights: IdfWeights | null = null): void {
    const terms = this.#readTerms(vocabulary);
    this.#set(terms, idfWeights);
    if (!this.#given) return; // it is kept as what was learned would be
    this.#given = terms;
    this.#givenIdf = idfWeights === null ? null : this.#readIdf(idfWeights);
  }

  #readTerms(vocabulary: unknown): Token[] {
    const where = placeOf(this);
    if (typeof vocabulary === "string") {
      throw new TypeError(
        `${where}: files are not read here. Read it and pass its lines: \`vocabulary: text.split("\\n")\`. Received: ${describe(vocabulary)}`,
      );
    }
    const rows = readRows(vocabulary, `${where}: \`vocabulary\``);
    if (rows.outer === null || rows.outer.length > 0) {
      throw new TypeError(`${where}: expected \`vocabulary\` to be a list of terms. Received: ${describe(vocabulary)}`);
    }
    return rows.rows.flat().map((token) => this.checkToken(token, "a term of the vocabulary"));
  }

  #readIdf(weights: IdfWeights): number[] {
    const data = weights instanceof Tensor ? peekValue(weights.node) : weights;
    const numbers = data === null ? null : plainNumbers(data as Float32Array);
    if (numbers && !numbers.some(Number.isNaN)) return numbers;
    throw new TypeError(
      `${placeOf(this)}: expected \`idfWeights\` to be a list of numbers. Received: ${data === null ? "a tensor that is not computed yet; await its data() before" : describe(weights)}`,
    );
  }

  #set(terms: readonly Token[], idfWeights: IdfWeights | null): void {
    const where = placeOf(this);
    if (this.outputMode === "tf_idf" && idfWeights === null) {
      throw new RangeError(
        `${where}: with \`outputMode: "tf_idf"\`, \`idfWeights\` must be given: one number per term`,
      );
    }
    if (this.outputMode !== "tf_idf" && idfWeights !== null) {
      throw new RangeError(
        `${where}: \`idfWeights\` are for \`outputMode: "tf_idf"\`. Received: outputMode="${this.outputMode}"`,
      );
    }
    const { tokens, hadSpecial } = ownTokens(terms, this.#special, this.invert, where);
    const size = this.tokenStart + tokens.length;
    if (this.maxTokens !== null && size > this.maxTokens) {
      throw new RangeError(
        `${where}: a vocabulary of ${size} indices, ${this.tokenStart} of them special, is larger than maxTokens=${this.maxTokens}. ` +
          "Shorten it, or raise `maxTokens`",
      );
    }
    let idf: number[] | null = null;
    if (idfWeights !== null) {
      const given = this.#readIdf(idfWeights);
      // A file's weights are padded already.
      const padded = this.padToMaxTokens && hadSpecial && given.length === this.maxTokens;
      if (given.length !== terms.length && !padded) {
        throw new RangeError(
          `${where}: expected one weight per term. Received: ${given.length} \`idfWeights\` for ${terms.length} terms`,
        );
      }
      const mean = given.reduce((sum, x) => sum + x, 0) / given.length;
      idf = hadSpecial ? given : [...new Array<number>(this.tokenStart).fill(mean), ...given];
    }
    this.#adopt(tokens, idf);
  }

  /** @param idf - Weights of all indices. */
  #adopt(tokens: readonly Token[], idf: readonly number[] | null): void {
    const size = this.tokenStart + tokens.length;
    const fixed = this.inboundNodes.length > 0 && this.outputMode !== "int" && !this.padToMaxTokens;
    const before = this.#table || this.#statedSize !== null ? this.#knownSize : null;
    if (fixed && before !== null && before !== size) {
      throw new Error(
        `${placeOf(this)}: a model has been built with its vectors of ${before} numbers; a vocabulary of ${size} indices does not ` +
          "fit. Make a new layer, or fix the width: `maxTokens` with `padToMaxTokens: true`",
      );
    }
    this.#table = tokens.length > 0 ? new VocabularyTable(tokens, this.tokenStart) : null;
    this.#statedSize = size;
    if (this.outputMode !== "tf_idf") return;
    this.#idf = new Float32Array(this.padToMaxTokens ? this.maxTokens! : size);
    this.#idf.set((idf ?? []).slice(0, this.#idf.length));
  }

  get #knownSize(): number | null {
    return this.#table ? this.vocabularySize() : this.#statedSize;
  }

  // ---------------------------------------------------------------- learning it

  /**
   * Learns the vocabulary: the most frequent terms first, among equally frequent ones the greater first.
   *
   * @param data - All data (each string of a list is a document of its own), or batches from an iterable.
   * @throws Error after a vocabulary was given; TypeError for other data.
   */
  async adapt(data: unknown | Batches<unknown>, options: AdaptOptions = {}): Promise<void> {
    this.refuseAdapting();
    this.resetState();
    await forEachBatch(
      this,
      data,
      options.steps ?? null,
      (all) => this.updateState(all, true),
      (batch) => this.updateState(batch),
    );
    this.finalizeState();
  }

  /** @throws Error when the vocabulary was given. */
  refuseAdapting(): void {
    if (!this.#given) return;
    throw new Error(
      `${placeOf(this)}: its vocabulary was given, so there is nothing to learn. Make the layer without \`vocabulary\` to adapt it`,
    );
  }

  /** Counts the terms of a batch; a batch of one axis is one document, unless `separate`. */
  updateState(data: unknown, separate = false): void {
    this.refuseAdapting();
    const values = readRows(data, `adapt of ${placeOf(this)}`);
    const single = separate && values.outer?.length === 0;
    this.countRows(
      single ? { outer: [values.rows[0]!.length], rows: values.rows[0]!.map((value) => [value]) } : values,
    );
  }

  /** Counts the terms of documents, one per row. */
  countRows(values: Rows<HostValue>): void {
    this.#counts.add(mapRows(values, (value) => this.checkToken(value, "data to adapt to")));
  }

  /** Makes what was counted the vocabulary. */
  finalizeState(): void {
    const counts = this.#counts;
    if (this.#given || counts.size === 0) return;
    const limit = this.maxTokens === null ? null : Math.max(0, this.maxTokens - this.tokenStart);
    const tokens = counts.mostFrequent(limit, [this.maskToken, this.oovToken]);
    let idf: number[] | null = null;
    if (this.outputMode === "tf_idf") {
      const own = tokens.map((token) => counts.inverseDocumentFrequency(token));
      const mean = own.reduce((sum, x) => sum + x, 0) / own.length;
      idf = [...new Array<number>(this.tokenStart).fill(mean), ...own];
    }
    this.#adopt(tokens, idf);
    this.resetState();
  }

  /** Forgets what was counted; the vocabulary stays. */
  resetState(): void {
    this.#counts = new TokenCounts();
  }

  // ---------------------------------------------------------------- looking up

  /** The width of vectors, `null` for indices. @throws Error while the vocabulary is not known. */
  vectorSize(): number | null {
    if (this.outputMode === "int") return null;
    if (this.padToMaxTokens) return this.maxTokens;
    return this.#knownSize ?? this.#unknownVocabulary();
  }

  #unknownVocabulary(): never {
    throw new Error(
      `${placeOf(this)}: it has no vocabulary yet. Learn one, \`await layer.adapt(data)\`, or give one: \`layer.setVocabulary(terms)\` ` +
        "or the option `vocabulary`",
    );
  }

  /** The terms, in the order of their indices from `tokenStart`. @throws Error while there are none. */
  protected needTokens(): readonly Token[] {
    return this.#table?.tokens ?? this.#unknownVocabulary();
  }

  protected get idf(): Float32Array | null {
    return this.#idf;
  }

  /** Terms to indices, or indices to terms. */
  override call(inputs: unknown): Tensor {
    this.needTokens();
    const values = readRows(inputs, placeOf(this));
    return this.invert ? this.#termsOf(values) : this.encode(this.lookUp(values));
  }

  /** Indices of terms. @throws RangeError for unknown ones when they have no index. */
  lookUp(values: Rows<HostValue>): Rows<number> {
    this.needTokens();
    const table = this.#table!;
    const { maskToken, numOovIndices } = this;
    const maskIndex = this.#maskIndexed ? 0 : DROPPED;
    const unknown = new Set<Token>();
    const indices = mapRows(values, (value) => {
      const token = this.checkToken(value, "input");
      if (token === maskToken) return maskIndex;
      const index = table.indexOf(token);
      if (index !== undefined) return index;
      if (numOovIndices === 0) unknown.add(token);
      return this.#oovStart + (this.#oovBin?.(token) ?? 0);
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
    return encodeOnHost(indices, mode, this.vectorSize()!, floatx(), this.#idf, placeOf(this));
  }

  #termsOf(values: Rows<HostValue>): Tensor {
    const { maskToken, oovToken } = this;
    const terms = mapRows(values, (value): Token => {
      if (typeof value !== "number" || !Number.isInteger(value)) {
        throw new TypeError(`${placeOf(this)}: with \`invert\`, inputs are indices. Received: ${describe(value)}`);
      }
      if (value === 0 && maskToken !== null) return maskToken;
      return this.#table!.tokenAt(value) ?? oovToken ?? (this.isText ? "" : -1);
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
      idf_weights: this.#givenIdf,
      vocabulary: this.#given,
      vocabulary_size: this.#knownSize,
      oov_method: this.oovMethod,
      salt: this.salt,
    };
  }

  override getBuildConfig(): Config | null {
    return {};
  }

  override saveOwnVariables(store: VariableStore): void {
    if (this.#idf) store.set("idf_weights", tensorFromHost(this.#idf.slice(), [this.#idf.length], "float32"));
  }

  override loadOwnVariables(store: VariableStore): void {
    if (this.outputMode !== "tf_idf" || !store.keys().includes("idf_weights")) return;
    this.#idf = Float32Array.from(plainNumbers(peekValue(store.get("idf_weights").node) ?? allocate("float32", 0)));
  }

  /** Writes a learned vocabulary, a term per line; one that was given is in the config. */
  saveAssets(store: AssetStore): void {
    if (this.#given) return;
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
    if (this.#given) return;
    const bytes = store.get(ASSET);
    if (!bytes) return;
    const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
    while (lines.at(-1) === "") lines.pop();
    const terms = this.isText ? lines : lines.map(Number);
    if (terms.length <= this.tokenStart) return;
    this.#set(terms as Token[], this.#idf);
  }
}
