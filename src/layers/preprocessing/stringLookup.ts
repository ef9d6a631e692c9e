/** Terms of text and their indices. */
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { positionalOption } from "../callArguments.ts";
import { layerClass } from "../layerClass.ts";
import { IndexLookupBase } from "./indexLookup.ts";
import type { LookupOptions } from "./vocabularyLayer.ts";

/** Options of {@link StringLookup}. */
export interface StringLookupOptions extends LookupOptions {
  /** A term that stands for nothing: index 0 with `"int"`, left out otherwise. @defaultValue `null` */
  maskToken?: string | null;
  /** What unknown terms are called in the vocabulary, and come back as with `invert`. @defaultValue `"[UNK]"` */
  oovToken?: string | null;
  /** The terms, in the order of their indices, instead of learning them; in Node also a file with one per line. @defaultValue `null` */
  vocabulary?: readonly string[] | Tensor | string | null;
  /** Kept for files: strings are Unicode here whatever it is. @defaultValue `"utf-8"` */
  encoding?: string;
}

/**
 * Maps strings to integers by a vocabulary, which is given or learned by `adapt`.
 *
 * Works on the host: on strings, nested arrays of them (result: the same shape) and string tensors; in a model right after
 * an `Input` of dtype `"string"`. Vectors (`outputMode` other than `"int"`) are floatx, indices int64.
 *
 * Shapes: any → the same with `"int"`; (…, terms) → (…, terms, vocabulary) with `"one_hot"`, (…, vocabulary) otherwise.
 *
 * @throws RangeError for a vocabulary that is empty, repeats a term or exceeds `maxTokens`; Error when used without one.
 * @example
 * const lookup = layers.StringLookup({ vocabulary: ["a", "b"] });
 * await lookup(["b", "z", "a"]).array(); // [2, 0, 1]
 * @see keras/src/layers/preprocessing/string_lookup.py (Keras 3.x): same indices; no sparse results.
 */
export class StringLookupBase extends IndexLookupBase {
  static readonly className: string = "StringLookup";
  static readonly modulePath: string = "keras.layers";
  static override readonly configKeys: Readonly<Record<string, string>> = { encoding: "encoding" };

  readonly encoding: string;

  constructor(maxTokens?: number | null | StringLookupOptions, options: StringLookupOptions = {}) {
    const {
      encoding = "utf-8",
      maskToken = null,
      oovToken = "[UNK]",
      vocabulary = null,
      ...rest
    } = positionalOption<StringLookupOptions>("StringLookup", "maxTokens", maxTokens, options);
    super({ ...rest, maskToken, oovToken, vocabulary });
    this.encoding = encoding;
  }

  protected override get isText(): boolean {
    return true;
  }

  override getConfig(): Config {
    return { ...super.getConfig(), encoding: this.encoding };
  }
}

export interface StringLookupBase {
  getVocabulary(options?: { includeSpecialTokens?: boolean }): string[];
}

export const StringLookup = layerClass(StringLookupBase);
export type StringLookup = InstanceType<typeof StringLookup>;
