/** Texts as indices of their words, or as vectors of the size of a vocabulary. */
import { floatx } from "../../core/config.ts";
import type { DType } from "../../core/dtype.ts";
import { DTypeError, describe, ShapeError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import { isPlainObject, type Nested } from "../../core/tree.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { AssetStore } from "../../serialization/assetStore.ts";
import type { CustomObjects } from "../../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../../serialization/serialize.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { positionalOption } from "../callArguments.ts";
import { placeOf, withTrail } from "../errorTrail.ts";
import { LayerBase, type LayerOptions } from "../layer.ts";
import { layerClass } from "../layerClass.ts";
import { type AdaptData, forEachBatch } from "./adaptBatches.ts";
import { DROPPED, encodedShape, type OutputMode } from "./hostEncoding.ts";
import { HostLayerBase } from "./hostLayer.ts";
import { checkChoice, checkCount, outputMode, refuseSparse } from "./preprocessingChecks.ts";
import { StringLookup } from "./stringLookup.ts";
import {
  isText,
  ngramsOf,
  padRows,
  type Split,
  type Standardize,
  splitFunction,
  splitRows,
  standardizeFunction,
} from "./textSteps.ts";
import { mapRows, type Rows, readRows } from "./tokenRows.ts";
import type { AdaptOptions, IdfWeights } from "./vocabularyLayer.ts";

/** Options of {@link TextVectorization}. */
export interface TextVectorizationOptions extends LayerOptions {
  /** Largest size of the vocabulary, that of padding and of unknown words included. @defaultValue `null` (no limit) */
  maxTokens?: number | null;
  /** How texts are made alike; a function gets one text. @defaultValue `"lower_and_strip_punctuation"` */
  standardize?: Standardize | null;
  /** How texts are cut into words; a function gets one text. `null`: each is one word. @defaultValue `"whitespace"` */
  split?: Split | null;
  /** Runs of neighbouring words as words of their own: all up to that many, or of these lengths. @defaultValue `null` */
  ngrams?: number | readonly number[] | null;
  /** As of StringLookup. @defaultValue `"int"` */
  outputMode?: OutputMode | "binary" | "tf-idf";
  /** Length to which rows of indices are cut and padded, with `"int"`. @defaultValue `null` (that of the longest text) */
  outputSequenceLength?: number | null;
  /** Makes vectors `maxTokens` wide, however many words there are. @defaultValue `false` */
  padToMaxTokens?: boolean;
  /** The words, in the order of their indices, instead of learning them; in Node also a file with one per line. @defaultValue `null` */
  vocabulary?: readonly string[] | Tensor | string | null;
  /** Inverse document frequency per word, with `vocabulary` and `"tf_idf"`. @defaultValue `null` */
  idfWeights?: IdfWeights | null;
  /** There are no sparse tensors here: only `false`. @defaultValue `false` */
  sparse?: boolean;
  /** There are no ragged tensors here: only `false`. @defaultValue `false` */
  ragged?: boolean;
  /** Kept for files: strings are Unicode here whatever it is. @defaultValue `"utf-8"` */
  encoding?: string;
  /** @internal Size of the vocabulary that a file's asset will bring. */
  vocabularySize?: number | null;
}

/**
 * Turns texts into numbers: standardize, split into words, look each up in a vocabulary that is given or learned by `adapt`.
 *
 * Works on the host: on a text, a list of texts, texts of shape (batch, 1), a string tensor; in a model right after
 * `Input({ shape: [1], dtype: "string" })`. Index 0 is padding, 1 stands for unknown words. Lower case, punctuation and
 * whitespace are those of ASCII, as in Keras.
 *
 * Shapes: (batch,) or (batch, 1) → (batch, words) int64 with `"int"`, (batch, vocabulary) floatx with the other modes.
 *
 * @throws RangeError for options that do not go together; Error when used before it has a vocabulary.
 * @example
 * const vectorize = layers.TextVectorization({ outputSequenceLength: 4 });
 * await vectorize.adapt(["the cat sat", "the dog"]);
 * await vectorize(["The cat!", "a dog"]).array(); // [[2, 5, 0, 0], [1, 4, 0, 0]]
 * @see keras/src/layers/preprocessing/text_vectorization.py (Keras 3.x): same numbers; functions get one text at a time.
 */
export class TextVectorizationBase extends HostLayerBase {
  static readonly className: string = "TextVectorization";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = {
    maxTokens: "max_tokens",
    standardize: "standardize",
    split: "split",
    ngrams: "ngrams",
    outputMode: "output_mode",
    outputSequenceLength: "output_sequence_length",
    padToMaxTokens: "pad_to_max_tokens",
    sparse: "sparse",
    ragged: "ragged",
    vocabulary: "vocabulary",
    idfWeights: "idf_weights",
    encoding: "encoding",
    vocabularySize: "vocabulary_size",
  };

  readonly standardize: Standardize | null;
  readonly split: Split | null;
  readonly ngrams: number | readonly number[] | null;
  readonly outputMode: OutputMode;
  readonly outputSequenceLength: number | null;
  readonly encoding: string;
  /** Found by files under the name that Keras gives it. */
  readonly _lookupLayer: StringLookup;

  constructor(maxTokens?: number | null | TextVectorizationOptions, options: TextVectorizationOptions = {}) {
    const {
      maxTokens: limit = null,
      standardize = "lower_and_strip_punctuation",
      split = "whitespace",
      ngrams = null,
      outputMode: mode = "int",
      outputSequenceLength = null,
      padToMaxTokens = false,
      vocabulary = null,
      idfWeights = null,
      sparse = false,
      ragged = false,
      encoding = "utf-8",
      vocabularySize = null,
      ...base
    } = positionalOption<TextVectorizationOptions>("TextVectorization", "maxTokens", maxTokens, options);
    super(base);
    const where = placeOf(this);
    const isFree = (value: unknown): boolean => value === null || typeof value === "function";
    if (!isFree(standardize)) {
      checkChoice(this, "standardize", standardize, ["lower_and_strip_punctuation", "lower", "strip_punctuation"]);
    }
    if (!isFree(split)) checkChoice(this, "split", split, ["whitespace", "character"]);
    this.standardize = standardize;
    this.split = split;
    this.ngrams = this.#checkNgrams(ngrams);
    this.outputMode = outputMode(this, mode, ["int", "one_hot", "multi_hot", "count", "tf_idf"]);
    refuseSparse(this, sparse);
    if (ragged) {
      throw new RangeError(
        `${where}: there are no ragged tensors here. Leave \`ragged\` out: rows are padded with 0 to the longest, or to \`outputSequenceLength\``,
      );
    }
    if (outputSequenceLength !== null) {
      checkCount(this, "outputSequenceLength", outputSequenceLength, 1);
      if (this.outputMode !== "int") {
        throw new RangeError(
          `${where}: \`outputSequenceLength\` is for \`outputMode: "int"\`. Received: outputMode="${this.outputMode}", ` +
            `outputSequenceLength=${outputSequenceLength}`,
        );
      }
    }
    this.outputSequenceLength = outputSequenceLength;
    this.encoding = encoding;
    this._lookupLayer = withTrail(where, () =>
      StringLookup({
        maxTokens: limit,
        vocabulary,
        idfWeights,
        padToMaxTokens,
        maskToken: "",
        outputMode: this.outputMode,
        encoding,
        vocabularySize,
      }),
    );
  }

  #checkNgrams(ngrams: unknown): number | readonly number[] | null {
    if (ngrams === null) return null;
    const widths = Array.isArray(ngrams) ? ngrams : [ngrams];
    if (widths.length > 0 && widths.every((n) => Number.isInteger(n) && n > 0)) return ngrams as number | number[];
    throw new RangeError(
      `${placeOf(this)}: expected \`ngrams\` to be a positive integer or a list of them. Received: ngrams=${describe(ngrams)}`,
    );
  }

  get maxTokens(): number | null {
    return this._lookupLayer.maxTokens;
  }

  get padToMaxTokens(): boolean {
    return this._lookupLayer.padToMaxTokens;
  }

  override get computeDtype(): string {
    return "string";
  }

  override get variableDtype(): string {
    return "string";
  }

  /**
   * Learns the vocabulary from texts: the most frequent words first, among equally frequent ones the greater first.
   *
   * @param data - All texts, or batches of texts from an iterable, an async iterable or a function that returns one.
   * @throws Error after a vocabulary was given; TypeError for data that holds anything but text.
   */
  async adapt(data: AdaptData, options: AdaptOptions = {}): Promise<void> {
    withTrail(placeOf(this), () => this._lookupLayer.refuseAdapting());
    this.resetState();
    await forEachBatch(
      this,
      data,
      options.steps ?? null,
      (all) => this.#count(all, true),
      (batch) => this.updateState(batch),
    );
    this.finalizeState();
  }

  /** Counts the words of a batch of texts. */
  updateState(data: unknown): void {
    this.#count(data, false);
  }

  /** @param separate - Whether texts that are not split are documents of their own. */
  #count(data: unknown, separate: boolean): void {
    const values = readRows(data, `adapt of ${placeOf(this)}`);
    const column = separate && values.outer?.length === 0;
    const texts = column ? { outer: [values.rows[0]!.length], rows: values.rows[0]!.map((value) => [value]) } : values;
    this._lookupLayer.countRows(this.#terms(texts));
  }

  finalizeState(): void {
    withTrail(placeOf(this), () => this._lookupLayer.finalizeState());
  }

  resetState(): void {
    this._lookupLayer.resetState();
  }

  /** All words in the order of their indices: `""`, `"[UNK]"`, then words; without these two if `includeSpecialTokens` is false. */
  getVocabulary(options: { includeSpecialTokens?: boolean } = {}): string[] {
    return this._lookupLayer.getVocabulary(options);
  }

  /** Number of indices, special ones included. */
  vocabularySize(): number {
    return this._lookupLayer.vocabularySize();
  }

  /** Sets the vocabulary. @see StringLookup */
  setVocabulary(vocabulary: readonly string[] | Tensor | string, idfWeights: IdfWeights | null = null): void {
    withTrail(placeOf(this), () => this._lookupLayer.setVocabulary(vocabulary, idfWeights));
  }

  /** Texts as rows of words. */
  #terms(values: ReturnType<typeof readRows>): Rows<string> {
    const where = placeOf(this);
    if (!isText(values)) {
      const stranger = values.rows.flat().find((value) => typeof value !== "string");
      throw new DTypeError(`${where}: expected text. Received: ${describe(stranger)}`);
    }
    let terms: Rows<string> =
      this.standardize === null ? values : mapRows(values, standardizeFunction(this.standardize));
    if (this.split !== null) {
      const split = splitRows(terms, splitFunction(this.split));
      if (!split) {
        const lengths = new Set(values.rows.map((row) => row.length));
        throw new ShapeError(
          `${where}: to split texts into words, the inputs must be of shape (batch,) or (batch, 1). Received: rows of ` +
            `${[...lengths].slice(0, 4).join(", ")} texts. With \`split: null\` each text is one word`,
        );
      }
      terms = split;
    }
    const { ngrams } = this;
    if (ngrams === null) return terms;
    const widths = typeof ngrams === "number" ? Array.from({ length: ngrams }, (_, i) => i + 1) : ngrams;
    return { outer: terms.outer, rows: terms.rows.map((row) => ngramsOf(row, widths)) };
  }

  /** Texts to indices or vectors. */
  override call(inputs: unknown): Tensor {
    const lookup = this._lookupLayer;
    const indices = lookup.lookUp(this.#terms(readRows(inputs, placeOf(this))));
    const perWord = this.outputMode === "int" || this.outputMode === "one_hot";
    if (!perWord || indices.outer === null) return lookup.encode(indices);
    // Padding is index 0, or a vector of zeros.
    return lookup.encode(padRows(indices, this.outputSequenceLength, this.outputMode === "int" ? 0 : DROPPED));
  }

  protected override outputSpec(inputs: Nested<KerasTensor>): { shape: Shape; dtype: DType } {
    if (!(inputs instanceof KerasTensor) || inputs.dtype !== "string") {
      throw new TypeError(
        `expected one input of dtype "string". Received: ${describe(inputs)}. Say so where it begins: ` +
          'Input({ shape: [1], dtype: "string" })',
      );
    }
    const { shape } = inputs;
    const splits = this.split !== null;
    if (splits && shape.length > 1 && shape.at(-1) !== 1) {
      throw new ShapeError(
        `to split texts into words, the input must be of shape (batch,) or (batch, 1). Received: ${formatShape(shape)}`,
      );
    }
    const words = splits ? [...(shape.length > 1 ? shape.slice(0, -1) : shape), null] : [...shape];
    if (this.outputMode === "int") {
      if (words.length > 0 && (splits || this.outputSequenceLength !== null))
        words[words.length - 1] = this.outputSequenceLength;
      return { shape: words, dtype: "int64" };
    }
    return { shape: encodedShape(words, this.outputMode, this._lookupLayer.vectorSize()), dtype: floatx() };
  }

  override getConfig(): Config {
    const lookup = this._lookupLayer.getConfig();
    return {
      ...super.getConfig(),
      max_tokens: lookup.max_tokens,
      standardize: serializeObject(this.standardize),
      split: serializeObject(this.split),
      ngrams: this.ngrams,
      output_mode: this.outputMode,
      output_sequence_length: this.outputSequenceLength,
      pad_to_max_tokens: lookup.pad_to_max_tokens,
      sparse: false,
      ragged: false,
      vocabulary: lookup.vocabulary,
      idf_weights: lookup.idf_weights,
      encoding: this.encoding,
      vocabulary_size: lookup.vocabulary_size ?? this.vocabularySize(),
    };
  }

  static override fromConfig(config: Config, customObjects?: CustomObjects): object {
    // Functions; names and null stay.
    const functions = Object.entries({ standardize: config.standardize, split: config.split })
      .filter(([, value]) => isPlainObject(value))
      .map(([key, value]) => [key, deserializeObject(value)]);
    return LayerBase.fromConfig.call(this, { ...config, ...Object.fromEntries(functions) }, customObjects);
  }

  override saveOwnVariables(store: VariableStore): void {
    this._lookupLayer.saveOwnVariables(store);
  }

  override loadOwnVariables(store: VariableStore): void {
    this._lookupLayer.loadOwnVariables(store);
  }

  saveAssets(store: AssetStore): void {
    this._lookupLayer.saveAssets(store);
  }

  loadAssets(store: AssetStore): void {
    this._lookupLayer.loadAssets(store);
  }
}

export const TextVectorization = layerClass(TextVectorizationBase);
export type TextVectorization = InstanceType<typeof TextVectorization>;
