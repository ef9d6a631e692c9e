/** Layers with a vocabulary: which options go together, and how it is given or learned. What they do with it is in indexLookup.ts. */
import { describe } from "../../core/errors.ts";
import { peekValue } from "../../runtime/evaluate.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { checkBoolean } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import type { LayerOptions } from "../layer.ts";
import { type AdaptData, forEachBatch } from "./adaptBatches.ts";
import { checkSalt, type Salt } from "./hashBins.ts";
import type { OutputMode } from "./hostEncoding.ts";
import { HostLayerBase } from "./hostLayer.ts";
import { checkChoice, checkCount, outputMode, refuseSparse } from "./preprocessingChecks.ts";
import { TokenCounts } from "./tokenCounts.ts";
import { type HostValue, mapRows, plainNumbers, type Rows, readRows, type Token } from "./tokenRows.ts";
import { ownTokens, type SpecialTokens, specialTokens, VocabularyTable } from "./vocabulary.ts";
import { readVocabularyFile } from "./vocabularyFile.ts";

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
export interface VocabularyOptions extends LookupOptions {
  maskToken: Token | null;
  oovToken: Token | null;
  vocabulary: readonly Token[] | Tensor | string | null;
}

/** @see keras/src/layers/preprocessing/index_lookup.py (Keras 3.x) */
export abstract class VocabularyLayerBase extends HostLayerBase {
  static override readonly configKeys: Readonly<Record<string, string>> = {
    invert: "invert",
    maxTokens: "max_tokens",
    numOovIndices: "num_oov_indices",
    oovToken: "oov_token",
    maskToken: "mask_token",
    outputMode: "output_mode",
    sparse: "sparse",
    padToMaxTokens: "pad_to_max_tokens",
    vocabularyDtype: "vocabulary_dtype",
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
  #counts = new TokenCounts(false);
  /** What the file's config holds: the vocabulary that was given, not one that was learned. */
  #given: readonly Token[] | null = null;
  #givenIdf: readonly number[] | null = null;
  /** Whether there was one when the layer was made: then nothing is learned. */
  readonly #fixed: boolean;
  /** Size that the file's config states, until the vocabulary itself is there. */
  #statedSize: number | null;

  constructor(options: VocabularyOptions) {
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
    this.#statedSize = vocabularySize;
    this.resetState();
    this.#fixed = vocabulary !== null;
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
    return { maskToken, oovToken, maskIndexed: this.maskIndexed, oovCount: numOovIndices };
  }

  /** Whether the mask has an index, 0. */
  protected get maskIndexed(): boolean {
    return this.maskToken !== null && this.outputMode === "int";
  }

  /** Index of the first term. */
  protected get tokenStart(): number {
    return this.oovStart + this.numOovIndices;
  }

  /** Index of terms outside of the vocabulary when they share one. */
  protected get oovStart(): number {
    return this.maskIndexed ? 1 : 0;
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
   * @param vocabulary - Terms in the order of their indices; in Node also the path of a text file with one term per line,
   *   without special tokens.
   * @param idfWeights - One number per term, with `"tf_idf"` only.
   * @throws RangeError for an empty vocabulary, repeated terms, more than `maxTokens`, special tokens at another place, or
   *   weights that do not fit.
   */
  setVocabulary(vocabulary: readonly Token[] | Tensor | string, idfWeights: IdfWeights | null = null): void {
    if (typeof vocabulary === "string") {
      this.#setFile(vocabulary);
      return;
    }
    const terms = this.#readTerms(vocabulary);
    this.setTerms(terms, idfWeights);
    if (!this.#given) return; // it is kept as what was learned would be
    this.#given = terms;
    this.#givenIdf = idfWeights === null ? null : this.#readIdf(idfWeights);
  }

  /** Adopts the terms of a file. Files keep them as a vocabulary that was learned. */
  #setFile(path: string): void {
    const where = placeOf(this);
    if (this.outputMode === "tf_idf") {
      throw new RangeError(
        `${where}: with \`outputMode: "tf_idf"\` the vocabulary comes with weights, which a file of terms has not. Give the terms ` +
          `as a list. Received: vocabulary=${describe(path)}`,
      );
    }
    const terms = readVocabularyFile(path, where).map((line, i) => this.#termOf(line, `line ${i + 1} of ${path}`));
    this.setTerms([...(specialTokens(this.#special) as Token[]), ...terms], null);
    this.#given = null;
  }

  #termOf(line: string, place: string): Token {
    if (this.isText) return line;
    return this.checkToken(/^[+-]?\d+$/.test(line.trim()) ? Number(line) : line, place);
  }

  #readTerms(vocabulary: unknown): Token[] {
    const where = placeOf(this);
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

  /** Adopts terms, with or without the special ones at their start. */
  protected setTerms(terms: readonly Token[], idfWeights: IdfWeights | null): void {
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
    const before = this.#table || this.#statedSize !== null ? this.knownSize : null;
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

  /** Size of the vocabulary, or that which a file states; `null` when neither is there. */
  protected get knownSize(): number | null {
    return this.#table ? this.vocabularySize() : this.#statedSize;
  }

  // ---------------------------------------------------------------- learning it

  /**
   * Learns the vocabulary: the most frequent terms first, among equally frequent ones the greater first.
   *
   * @param data - All data (each string of a list is a document of its own), or batches from an iterable.
   * @throws Error after a vocabulary was given; TypeError for other data.
   */
  async adapt(data: AdaptData, options: AdaptOptions = {}): Promise<void> {
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
    if (!this.#fixed) return;
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
    if (this.#fixed || counts.size === 0) return;
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
    this.#counts = new TokenCounts(this.outputMode === "tf_idf");
  }

  // ---------------------------------------------------------------- for subclasses

  /** The width of vectors, `null` for indices. @throws Error while the vocabulary is not known. */
  vectorSize(): number | null {
    if (this.outputMode === "int") return null;
    if (this.padToMaxTokens) return this.maxTokens;
    return this.knownSize ?? this.#unknownVocabulary();
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

  protected set idf(weights: Float32Array | null) {
    this.#idf = weights;
  }

  /** Terms and indices. @throws Error while there are none. */
  protected get table(): VocabularyTable {
    return this.#table ?? this.#unknownVocabulary();
  }

  /** The vocabulary that was given, and its weights, as configs have them. */
  protected get given(): { terms: readonly Token[] | null; idf: readonly number[] | null } {
    return { terms: this.#given, idf: this.#givenIdf };
  }
}
