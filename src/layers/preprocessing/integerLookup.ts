/** Integers, such as identifiers, and their indices. */
import { floatx } from "../../core/config.ts";
import { DTypeError } from "../../core/errors.ts";
import { castTensor } from "../../ops/define.ts";
import * as ops from "../../ops/index.ts";
import { hasSymbolic } from "../../ops/kerasTensor.ts";
import { peekValue } from "../../runtime/evaluate.ts";
import { Tensor, tensor } from "../../runtime/tensor.ts";
import { positionalOption, splitCallArguments } from "../callArguments.ts";
import { placeOf, withTrail } from "../errorTrail.ts";
import { layerClass } from "../layerClass.ts";
import { encodeTensor } from "./categoricalEncoding.ts";
import { DROPPED } from "./hostEncoding.ts";
import { IndexLookupBase } from "./indexLookup.ts";
import { checkChoice } from "./preprocessingChecks.ts";
import type { LookupOptions } from "./vocabularyLayer.ts";

/** Options of {@link IntegerLookup}. */
export interface IntegerLookupOptions extends LookupOptions {
  /** An integer that stands for nothing: index 0 with `"int"`, left out otherwise. @defaultValue `null` */
  maskToken?: number | null;
  /** What unknown integers are called in the vocabulary, and come back as with `invert`. @defaultValue `-1` */
  oovToken?: number | null;
  /** The integers, in the order of their indices, instead of learning them; in Node also a file with one per line. @defaultValue `null` */
  vocabulary?: readonly number[] | Tensor | string | null;
  /** Only `"int64"`. @defaultValue `"int64"` */
  vocabularyDtype?: "int64";
}

/**
 * Maps integers of any range to indices by a vocabulary, which is given or learned by `adapt`.
 *
 * Works on arrays of integers and on tensors; in models anywhere, as part of the compiled program. Only an input that must be
 * refused (`numOovIndices: 0`) or hashed (`oovMethod: "farmhash"`) is looked up on the host, so right after an `Input`.
 *
 * Shapes: any → the same with `"int"`; (…, values) → (…, values, vocabulary) with `"one_hot"`, (…, vocabulary) otherwise.
 *
 * @throws RangeError for a vocabulary that is empty, repeats an integer or exceeds `maxTokens`; Error when used without one.
 * @example
 * const lookup = layers.IntegerLookup({ vocabulary: [1012, 7] });
 * await lookup([7, 5, 1012]).array(); // [2, 0, 1]
 * @see keras/src/layers/preprocessing/integer_lookup.py (Keras 3.x): same indices; no sparse results.
 */
export class IntegerLookupBase extends IndexLookupBase {
  static readonly className: string = "IntegerLookup";
  static readonly modulePath: string = "keras.layers";

  constructor(maxTokens?: number | null | IntegerLookupOptions, options: IntegerLookupOptions = {}) {
    const {
      vocabularyDtype = "int64",
      maskToken = null,
      oovToken = -1,
      vocabulary = null,
      ...rest
    } = positionalOption<IntegerLookupOptions>("IntegerLookup", "maxTokens", maxTokens, options);
    super({ ...rest, maskToken, oovToken, vocabulary });
    checkChoice(this, "vocabularyDtype", vocabularyDtype, ["int64"]);
  }

  protected override get isText(): boolean {
    return false;
  }

  override get runsOnHost(): boolean {
    if (this.invert) return false;
    return this.numOovIndices === 0 || (this.numOovIndices > 1 && this.oovMethod === "farmhash");
  }

  override invoke(args: unknown[]): unknown {
    const { inputs } = splitCallArguments(args);
    const [x] = inputs;
    const onDevice = x instanceof Tensor && !this.runsOnHost && peekValue(x.node) === null;
    if (!onDevice || hasSymbolic(inputs)) return super.invoke(args);
    this.built = true;
    return withTrail(placeOf(this), () => this.#lookUpTensor(x));
  }

  /** The same lookup by ops: a binary search in the sorted vocabulary. */
  #lookUpTensor(x: Tensor): Tensor {
    const tokens = this.needTokens() as readonly number[];
    if (!/^u?int/.test(x.dtype)) throw new DTypeError(`expected integers. Received: a tensor of dtype ${x.dtype}`);
    const values = castTensor(x, "int64");
    if (this.invert) return this.#termsOfTensor(values, tokens);
    const order = tokens.map((token, i) => [token, i + this.tokenStart] as const).sort(([a], [b]) => a - b);
    const sorted = tensor(
      order.map(([token]) => token),
      [order.length],
      "int64",
    );
    const indices = tensor(
      order.map(([, index]) => index),
      [order.length],
      "int64",
    );
    const place = lastNotAbove(sorted, values, order.length);
    const found = ops.equal(ops.take(sorted, place), values);
    const { numOovIndices, maskToken } = this;
    const unknown =
      numOovIndices > 1
        ? ops.add(ops.mod(values, constant(numOovIndices)), constant(this.oovStart))
        : constant(this.oovStart);
    let result = ops.where(found, ops.take(indices, place), unknown);
    if (maskToken !== null) {
      const index = this.outputMode === "int" ? 0 : DROPPED;
      result = ops.where(ops.equal(values, constant(maskToken as number)), constant(index), result);
    }
    return encodeTensor(result, this.outputMode, this.vectorSize(), this.outputMode === "int" ? "int64" : floatx(), {
      weights: this.idf,
    });
  }

  #termsOfTensor(indices: Tensor, tokens: readonly number[]): Tensor {
    const unknown = (this.oovToken ?? -1) as number;
    const special = new Array<number>(this.tokenStart).fill(unknown);
    if (this.maskToken !== null) special[0] = this.maskToken as number;
    // One more for whatever has no index.
    const table = tensor([...special, ...tokens, unknown], [this.tokenStart + tokens.length + 1], "int64");
    const last = table.size - 1;
    const outside = ops.logicalOr(ops.less(indices, constant(0)), ops.greaterEqual(indices, constant(last)));
    return ops.take(table, ops.cast(ops.where(outside, constant(last), indices), "int32"));
  }
}

const constant = (x: number): Tensor => tensor(x, [], "int64");

/** Index of the last element of a rising vector that is not above each value; 0 when all are. → int32 */
function lastNotAbove(sorted: Tensor, values: Tensor, length: number): Tensor {
  let place = ops.cast(ops.zerosLike(values), "int32");
  for (let step = 2 ** Math.floor(Math.log2(Math.max(1, length - 1))); step >= 1; step /= 2) {
    const next = ops.minimum(ops.add(place, tensor(step, [], "int32")), tensor(length - 1, [], "int32"));
    place = ops.where(ops.lessEqual(ops.take(sorted, next), values), next, place);
  }
  return place;
}

export interface IntegerLookupBase {
  getVocabulary(options?: { includeSpecialTokens?: boolean }): number[];
}

export const IntegerLookup = layerClass(IntegerLookupBase);
export type IntegerLookup = InstanceType<typeof IntegerLookup>;
