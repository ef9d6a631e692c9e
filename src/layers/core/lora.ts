/** LoRA: a trained weight is frozen, and the product of two thin matrices beside it is trained in its place. */
import { describe, SerializationError } from "../../core/errors.ts";
import type { InitializerLike } from "../../initializers/index.ts";
import * as ops from "../../ops/index.ts";
import type { Config } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import type { VariableStore } from "../../serialization/variableStore.ts";
import { checkNumber, checkPositiveInteger } from "../checks.ts";
import { placeOf } from "../errorTrail.ts";
import type { LayerBase } from "../layer.ts";

/** Options of layers that can be adapted with LoRA. */
export interface LoraOptions {
  /** Columns of the first thin matrix. With it, LoRA is on as soon as the layer is built. @defaultValue `null`, no LoRA */
  loraRank?: number | null;
  /** What the thin matrices give is multiplied by `loraAlpha / loraRank`. @defaultValue `loraRank` */
  loraAlpha?: number | null;
}

/** Keras's keys of the options. */
export const LORA_KEYS: Readonly<Record<string, string>> = { loraRank: "lora_rank", loraAlpha: "lora_alpha" };

/**
 * The low-rank adaptation of one weight of a layer: in its place the layer uses `weight + (alpha / rank) · a·b`.
 *
 * The weight itself is frozen; `a` and `b` are trained, in float32 whatever the layer's dtype. Files hold the sum as the
 * weight, so that whoever reads them needs no LoRA.
 *
 * Weights: `a` (…, rank) with the first axes of the adapted weight, `b` (rank, last axis of it).
 *
 * @see keras/src/layers/core/dense.py (Keras 3.x), enable_lora. There Dense and Embedding forget the option `lora_alpha`
 * when they are built, though EinsumDense and convolutions do not; here all of them use it.
 */
export class Lora {
  /** `null` as long as none is stated. */
  rank: number | null = null;
  alpha: number | null = null;
  /** `null` before LoRA is on. */
  a: Variable | null = null;
  /** `null` before LoRA is on. */
  b: Variable | null = null;
  readonly #layer: LayerBase;
  /** What is adapted, `null` before LoRA is on. */
  #weight: Variable | null = null;

  constructor(layer: LayerBase, { loraRank = null, loraAlpha = null }: LoraOptions) {
    this.#layer = layer;
    if (loraRank !== null) this.rank = checkPositiveInteger(layer, "loraRank", loraRank);
    this.alpha = loraAlpha === null ? this.rank : checkNumber(layer, "loraAlpha", loraAlpha);
  }

  get enabled(): boolean {
    return this.#weight !== null;
  }

  /** For the end of `build`: turns LoRA on where the options ask for it. */
  addIfStated(weight: Variable): void {
    if (this.rank !== null) this.#add(weight, this.rank, this.alpha ?? this.rank, "he_uniform", "zeros");
  }

  /**
   * What `enableLora` of a layer does.
   *
   * @throws Error when the layer is not built, has LoRA already, or projects the weight by a constraint; TypeError and
   * RangeError when `rank` is not a positive integer.
   */
  enable(
    weight: Variable | null,
    rank: number,
    alpha: number | null,
    aInitializer: InitializerLike,
    bInitializer: InitializerLike,
  ): void {
    const layer = this.#layer;
    if (!layer.built || weight === null) {
      throw new Error(
        `enableLora of ${placeOf(layer)}: the layer is not built. Call it once, or \`build(inputShape)\`, before; or give ` +
          "`loraRank` to its constructor",
      );
    }
    if (this.enabled) {
      throw new Error(
        `enableLora of ${placeOf(layer)}: LoRA is on already, with rank ${this.rank}; it can be turned on once per layer. ` +
          `Received: rank=${describe(rank)}`,
      );
    }
    const columns = checkPositiveInteger(layer, "rank", rank);
    const scale = alpha === null ? columns : checkNumber(layer, "loraAlpha", alpha);
    this.#add(weight, columns, scale, aInitializer, bInitializer);
  }

  #add(
    weight: Variable,
    rank: number,
    alpha: number,
    aInitializer: InitializerLike,
    bInitializer: InitializerLike,
  ): void {
    const { name, shape, regularizer, constraint } = weight;
    if (constraint) {
      throw new Error(
        `${placeOf(this.#layer)}: LoRA cannot keep a constraint, since it never writes the ${name} that the constraint ` +
          `projects. Leave out \`${name}Constraint\`, or LoRA`,
      );
    }
    const add = (which: string, size: readonly number[], initializer: InitializerLike): Variable =>
      this.#layer.addLateWeight({
        name: `lora_${name}_${which}`,
        shape: size,
        initializer,
        dtype: "float32",
        regularizer,
      });
    this.a = add("a", [...shape.slice(0, -1), rank], aInitializer);
    this.b = add("b", [rank, shape.at(-1)!], bInitializer);
    weight.trainable = false;
    this.#weight = weight;
    this.rank = rank;
    this.alpha = alpha;
  }

  /** The weight as the layer uses it. */
  adapted(weight: Variable): Tensor {
    return this.enabled ? this.#sum(weight.value, this.a!.value) : weight.value;
  }

  /** Rows of a table as the layer uses it; only of these is the product computed. */
  adaptedRows(table: Variable, ids: Tensor): Tensor {
    const rows = (of: Variable): Tensor => ops.take(of.value, ids, { axis: 0 });
    return this.enabled ? this.#sum(rows(table), rows(this.a!)) : rows(table);
  }

  #sum(weight: Tensor, a: Tensor): Tensor {
    const change = ops.multiply(ops.matmul(a, this.b!.value), this.alpha! / this.rank!);
    return ops.cast(ops.add(weight, change), this.#layer.computeDtype);
  }

  /** Own variables that files hold: the adapted weight is written as the sum, the thin matrices are not. */
  #filed(own: readonly Variable[]): Variable[] {
    return own.filter((variable) => variable !== this.a && variable !== this.b);
  }

  /** Writes a layer's variables as those of a layer without LoRA. @param own - In the order of files. */
  save(store: VariableStore, own: readonly Variable[]): void {
    this.#filed(own).forEach((variable, i) => {
      store.set(String(i), variable === this.#weight ? this.adapted(variable) : variable);
    });
  }

  /**
   * Reads what {@link save} wrote. The thin matrices become zeros, both of them, as in Keras: they add nothing to the sum
   * that was read. To train them on, give `a` numbers again: with both at 0, neither gets a gradient.
   *
   * @throws SerializationError when the number of variables differs.
   */
  load(store: VariableStore, own: readonly Variable[]): void {
    const filed = this.#filed(own);
    const { length } = store.keys();
    if (length !== filed.length) {
      throw new SerializationError(
        `${placeOf(this.#layer)}: expected ${filed.length} variables (${filed.map((v) => v.name).join(", ")}), those of a ` +
          `layer without LoRA. The file has ${length}`,
      );
    }
    filed.forEach((variable, i) => {
      variable.assign(store.get(String(i)));
    });
    for (const thin of [this.a!, this.b!]) thin.assign(ops.zeros(thin.shape));
  }

  /** The keys at the end of the layer's config. */
  getConfig(): Config {
    return this.rank === null ? {} : { lora_rank: this.rank, lora_alpha: this.alpha };
  }
}
