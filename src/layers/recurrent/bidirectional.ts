/** A recurrent layer that reads a sequence in both directions. */
import { describe } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import type { Nested } from "../../core/tree.ts";
import * as ops from "../../ops/index.ts";
import type { TensorLike } from "../../ops/kerasTensor.ts";
import { type Config, classNameOf } from "../../ops/operation.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { Variable } from "../../runtime/variable.ts";
import {
  type CustomObjects,
  customObjectScope,
  getCustomObjects,
  isBuiltin,
  nameOf,
  type SerializableClass,
} from "../../serialization/registry.ts";
import { serializeObject } from "../../serialization/serialize.ts";
import { positionalOption } from "../callArguments.ts";
import { placeOf } from "../errorTrail.ts";
import { InputSpec } from "../inputSpec.ts";
import { LayerBase, type LayerOptions, type Mask } from "../layer.ts";
import type { LooseArguments } from "../layerClass.ts";
import { revivingInside } from "../revivedPath.ts";
import type { States } from "./cell.ts";
import { firstMask, type RNNCallOptions, withStateAsOption } from "./initialState.ts";
import { type ManyCall, type OneCall, recurrentClass } from "./recurrentClass.ts";

/** How the outputs of both directions become one; `null` gives both. */
export type MergeMode = "concat" | "sum" | "mul" | "ave" | null;

/** Options of {@link Bidirectional}. */
export interface BidirectionalOptions extends LayerOptions {
  /** How the outputs of both directions become one; `null` gives both. @defaultValue `"concat"` */
  mergeMode?: MergeMode;
  /** Reads from the end. @defaultValue a layer of the same configuration, with `goBackwards` turned round */
  backwardLayer?: LayerBase | null;
  /** First values of the weights: the first half for the forward layer, the second for the backward layer. @defaultValue `null` */
  weights?: readonly TensorLike[] | null;
}

type BidirectionalConfig = BidirectionalOptions & { layer: LayerBase };

const MODES: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  concat: (a, b) => ops.concatenate([a, b], { axis: -1 }),
  sum: (a, b) => ops.add(a, b),
  mul: (a, b) => ops.multiply(a, b),
  ave: (a, b) => ops.divide(ops.add(a, b), 2),
};

/** What a layer must have to be run in a direction. */
type DirectedLayer = LayerBase & {
  readonly goBackwards: boolean;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly stateful: boolean;
  zeroOutputForMask?: boolean;
  states?: Nested<Variable> | null;
  resetState?(): void;
};

/** Properties that both layers must have alike. */
const COMMON = ["stateful", "returnSequences", "returnState"] as const;

/** A layer of the same configuration, under another name and with other options. */
function copyOf(layer: LayerBase, changes: Config): DirectedLayer {
  // Classes of the user inside (a cell) need not be registered for this.
  const own = layer.flattenLayers().map((inner) => inner.constructor as SerializableClass);
  const customObjects = Object.fromEntries(own.filter((cls) => !isBuiltin(cls)).map((cls) => [nameOf(cls), cls]));
  const cls = layer.constructor as typeof LayerBase;
  const make = (): object => cls.fromConfig({ ...layer.getConfig(), ...changes });
  const copy = customObjectScope({ ...getCustomObjects(), ...customObjects }, make) as DirectedLayer;
  // As Keras does: what was built is built again, with weights of its own.
  const shapes = layer.getBuildConfig();
  if (shapes) copy.buildFromConfig(shapes);
  return copy;
}

const withPrefix = (prefix: string, name: string): string => (name.startsWith(prefix) ? name : prefix + name);

/**
 * Runs a recurrent layer over a sequence and another one over the reversed sequence, and merges their outputs.
 *
 * The layers inside are made anew from the configuration of `layer`; with masks and `returnSequences`, their outputs are 0 in
 * masked steps.
 *
 * Shapes: as those of the layer, with twice the width for `mergeMode: "concat"`; with `returnState` a list of the output and
 * the states of the forward and of the backward layer; `mergeMode: null` gives two outputs.
 * Weights: those of the forward layer, then those of the backward layer.
 *
 * @param layer - A recurrent layer: LSTM, GRU, SimpleRNN, RNN, ConvLSTM, or one of yours with the same properties.
 * @throws TypeError when it is none.
 * @throws RangeError for an unknown `mergeMode`, or layers that do not go together.
 * @example
 * layers.Bidirectional(layers.LSTM(4))(ops.ones([2, 5, 3])).shape; // [2, 8]
 * @see keras/src/layers/rnn/bidirectional.py (Keras 3.x): there `weights` has no effect; here it has.
 */
export class BidirectionalBase extends LayerBase {
  static readonly className: string = "Bidirectional";
  static readonly modulePath: string = "keras.layers";
  static readonly buildArguments: readonly string[] = ["sequences_shape", "initial_state_shape"];
  static override readonly callInputs: readonly string[] = ["sequences"];
  static override readonly callKeys: Readonly<Record<string, string>> = {
    initialState: "initial_state",
    mask: "mask",
    training: "training",
  };
  static override readonly configKeys: Readonly<Record<string, string>> = {
    mergeMode: "merge_mode",
    layer: "layer",
    backwardLayer: "backward_layer",
    weights: "weights",
  };

  readonly forwardLayer: DirectedLayer;
  readonly backwardLayer: DirectedLayer;
  readonly mergeMode: MergeMode;
  readonly stateful: boolean;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly #firstWeights: readonly TensorLike[] | null;

  constructor(layer: LayerBase | BidirectionalConfig, options: BidirectionalOptions = {}) {
    const {
      layer: given,
      mergeMode = "concat",
      backwardLayer = null,
      weights = null,
      ...base
    } = positionalOption<BidirectionalConfig>("Bidirectional", "layer", layer, options);
    super(base);
    const directed = this.#checkLayer("layer", given);
    if (mergeMode !== null && !Object.hasOwn(MODES, mergeMode)) {
      throw new RangeError(
        `${placeOf(this)}: expected \`mergeMode\` to be ${Object.keys(MODES).join(", ")} or null. Received: mergeMode=${describe(mergeMode)}`,
      );
    }
    const { name } = directed;
    const copy = (changes: Config): DirectedLayer => revivingInside(this.name, () => copyOf(directed, changes));
    this.forwardLayer = copy({ name: withPrefix("forward_", name) });
    this.backwardLayer = backwardLayer
      ? this.#checkLayer("backwardLayer", backwardLayer)
      : copy({ name: withPrefix("backward_", name), go_backwards: true });
    this.#checkPair();
    for (const side of this.#sides)
      if (side.zeroOutputForMask !== undefined) side.zeroOutputForMask = side.returnSequences;
    this.mergeMode = mergeMode;
    this.stateful = directed.stateful;
    this.returnSequences = directed.returnSequences;
    this.returnState = directed.returnState;
    this.#firstWeights = weights;
    this.supportsMasking = true;
    this.inputSpec = directed.inputSpec instanceof InputSpec ? new InputSpec({ ...limits(directed.inputSpec) }) : null;
  }

  get #sides(): readonly [DirectedLayer, DirectedLayer] {
    return [this.forwardLayer, this.backwardLayer];
  }

  #checkLayer(option: string, layer: unknown): DirectedLayer {
    if (!(layer instanceof LayerBase)) {
      throw new TypeError(
        `${placeOf(this)}: expected \`${option}\` to be a recurrent layer. Received: ${option}=${describe(layer)}`,
      );
    }
    const missing = ["goBackwards", ...COMMON].filter((property) => !(property in layer));
    if (missing.length === 0) return layer as DirectedLayer;
    throw new TypeError(
      `${placeOf(this)}: expected \`${option}\` to be a recurrent layer, such as layers.LSTM(8). Received: ` +
        `${classNameOf(layer)} "${layer.name}", which has no ${missing.join(", ")}`,
    );
  }

  #checkPair(): void {
    const [forward, backward] = this.#sides;
    if (forward.goBackwards === backward.goBackwards) {
      throw new RangeError(
        `${placeOf(this)}: the layers must go in different directions. Received: goBackwards=${forward.goBackwards} for both; ` +
          "give `backwardLayer` the other value",
      );
    }
    for (const property of COMMON) {
      if (forward[property] === backward[property]) continue;
      throw new RangeError(
        `${placeOf(this)}: both layers must have the same \`${property}\`. Received: ${forward[property]} for "${forward.name}", ` +
          `${backward[property]} for "${backward.name}"`,
      );
    }
  }

  override build(sequencesShape: Shape): void {
    for (const side of this.#sides) if (!side.built) side.build(sequencesShape);
    if (this.#firstWeights === null) return;
    const half = Math.floor(this.#firstWeights.length / 2);
    this.forwardLayer.setWeights(this.#firstWeights.slice(0, half));
    this.backwardLayer.setWeights(this.#firstWeights.slice(half));
  }

  /** States of both layers between calls of stateful ones; `null` before they are built. */
  get states(): Nested<Variable>[] | null {
    const [forward, backward] = this.#sides.map((side) => side.states ?? null);
    if (!forward || !backward) return null;
    return [...(forward as Nested<Variable>[]), ...(backward as Nested<Variable>[])];
  }

  /** Sets the states of stateful layers to 0. @throws Error when they are not stateful. */
  resetState(): void {
    if (!this.stateful) throw new Error(`${placeOf(this)}: only a stateful layer has states to reset`);
    for (const side of this.#sides) side.resetState?.();
  }

  /** Other name of {@link resetState}. */
  resetStates(): void {
    this.resetState();
  }

  override invoke(args: unknown[]): unknown {
    return super.invoke(withStateAsOption(this, args));
  }

  override call(sequences: Tensor, options: RNNCallOptions = {}): Tensor | [Tensor, ...States[]] {
    const { initialState = null, mask = null, training } = options;
    const shared = { ...(mask ? { mask: firstMask(mask) } : {}), ...(training === undefined ? {} : { training }) };
    const halves = this.#splitStates(initialState);
    const results = this.#sides.map((side, i) => {
      const state = halves ? { initialState: halves[i] } : {};
      const result = side.invoke([sequences, { ...shared, ...state }]);
      return (this.returnState ? result : [result]) as [Tensor, ...States[]];
    });
    const [forward, backward] = results as [(typeof results)[0], (typeof results)[0]];
    const cast = (x: Tensor): Tensor => ops.cast(x, this.computeDtype);
    const y = cast(forward[0]);
    // Made from the last step to the first.
    const reversed = this.returnSequences ? ops.flip(cast(backward[0]), { axis: 1 }) : cast(backward[0]);
    const states = [...forward.slice(1), ...backward.slice(1)];
    if (this.mergeMode === null) return [y, reversed, ...states];
    const merged = MODES[this.mergeMode]!(y, reversed);
    return this.returnState ? [merged, ...states] : merged;
  }

  #splitStates(given: unknown): [unknown, unknown] | null {
    if (given === null) return null;
    if (!Array.isArray(given) || given.length % 2 !== 0) {
      throw new RangeError(
        "expected `initialState` to be a list of states, those of the forward layer before those of the backward layer. " +
          `Received: ${Array.isArray(given) ? `a list of ${given.length}` : describe(given)}`,
      );
    }
    return [given.slice(0, given.length / 2), given.slice(given.length / 2)];
  }

  override computeMask(_inputs: unknown, previousMask: Mask): Mask {
    const mask = this.returnSequences ? firstMask(previousMask) : null;
    if (this.mergeMode !== null && !this.returnState) return mask;
    return this.mergeMode === null ? [mask, mask] : [mask];
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      merge_mode: this.mergeMode,
      layer: serializeObject(this.forwardLayer),
      backward_layer: serializeObject(this.backwardLayer),
    };
  }
}

const limits = ({ ndim, minNdim }: InputSpec) => ({
  ...(ndim === null ? {} : { ndim }),
  ...(minNdim === null ? {} : { minNdim }),
});

/** What calls of a layer give, as far as its type says. */
type CallOf<L, M> = [M] extends [null]
  ? ManyCall
  : L extends (inputs: Tensor, ...more: LooseArguments) => infer R
    ? R extends readonly unknown[]
      ? ManyCall
      : OneCall
    : OneCall;

type Settings<M> = Omit<BidirectionalOptions, "mergeMode"> & {
  /** How the outputs of both directions become one; `null` gives both. @defaultValue `"concat"` */
  mergeMode?: M;
};

type BidirectionalClass = {
  new <L extends LayerBase = LayerBase, const M extends MergeMode = "concat">(
    layer: L | (Settings<M> & { layer: L }),
    options?: Settings<M>,
  ): BidirectionalBase & CallOf<L, M>;
  <L extends LayerBase = LayerBase, const M extends MergeMode = "concat">(
    layer: L | (Settings<M> & { layer: L }),
    options?: Settings<M>,
  ): BidirectionalBase & CallOf<L, M>;
  fromConfig(config: Config, customObjects?: CustomObjects): BidirectionalBase & OneCall;
} & Omit<typeof BidirectionalBase, "prototype" | "fromConfig">;

export const Bidirectional: BidirectionalClass = recurrentClass(BidirectionalBase);
export type Bidirectional = InstanceType<typeof Bidirectional>;
