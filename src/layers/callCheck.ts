/** What a layer's `call` takes: known for Keras's layers, and for a user's as far as its parameters tell. */
import { describe, didYouMean } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import { ownStatic } from "../serialization/registry.ts";
import type { CallOptions } from "./callArguments.ts";
import { signatureOf } from "./callSignature.ts";
import { placeOf } from "./errorTrail.ts";
import type { LayerBase } from "./layer.ts";
import { overrides } from "./userClass.ts";

type KeyTable = Readonly<Record<string, string>>;

/** What a layer's call takes after a number of inputs. */
export interface CallTaken {
  /** How many inputs at most. */
  readonly inputs: number;
  /** Names of the options; `null` where it may be any. */
  readonly options: readonly string[] | null;
}

/** Options that calls of all layers of a user take: what the library does with them needs no parameter of `call`. */
const ALWAYS = ["training", "mask"] as const;

/** Whether `call` is that of a class of Keras. Where nobody wrote one, its parameters say that. */
export const callsAsKeras = (layer: LayerBase): boolean => !overrides(layer, "call") && layer.call.length > 0;

/** Option → name of the argument in Keras, in the order of Keras's signature: as the nearest class states it. */
export const callKeysOf = (layer: LayerBase): KeyTable =>
  (layer.constructor as unknown as { callKeys: KeyTable }).callKeys;

/** Names of a call's inputs in Keras. */
export const callInputsOf = (layer: LayerBase): readonly string[] =>
  (layer.constructor as unknown as { callInputs: readonly string[] }).callInputs;

/** The same as `callKeysOf` of all classes of the layer together, in no order. */
export function allCallKeys(layer: LayerBase): KeyTable {
  const tables: KeyTable[] = [];
  for (
    let c: unknown = layer.constructor;
    typeof c === "function" && c !== Function.prototype;
    c = Object.getPrototypeOf(c)
  ) {
    const table = ownStatic<KeyTable>(c, "callKeys");
    if (table) tables.unshift(table);
  }
  return Object.assign({}, ...tables) as KeyTable;
}

/** What a call with so many inputs takes. */
export function callTaken(layer: LayerBase, inputs: number): CallTaken {
  const call = layer.call as (...args: never[]) => unknown;
  if (callsAsKeras(layer))
    return { inputs: Math.max(call.length, 1), options: [...Object.keys(callKeysOf(layer)), "training"] };
  const { parameters, open } = signatureOf(call);
  const place = parameters[inputs];
  // An object that is taken apart after the first input is the options.
  const last = parameters.findIndex(({ keys }, i) => i > 0 && keys !== null);
  return {
    inputs: open ? Number.POSITIVE_INFINITY : Math.max(last < 0 ? parameters.length : last, 1),
    options: place ? place.keys : open ? null : [],
  };
}

/**
 * Checks what a layer is called with against what its `call` takes.
 *
 * @throws TypeError for an option that nobody would read, and for more inputs than there are parameters.
 */
export function checkCall(layer: LayerBase, inputs: readonly unknown[], options: CallOptions): void {
  const taken = callTaken(layer, inputs.length);
  // A parameter that is taken apart may be meant for a structure of inputs.
  if (inputs.length > taken.inputs && !inputs.slice(taken.inputs).every(isPlainObject))
    throw tooMany(layer, inputs, taken);
  const { training = null } = options;
  if (training !== null && typeof training !== "boolean") {
    throw new TypeError(
      `${placeOf(layer)}: expected \`training\` to be true, false or null. Received: training=${describe(training)}`,
    );
  }
  if (taken.options === null) return;
  const known = [...new Set([...taken.options, ...(callsAsKeras(layer) ? [] : ALWAYS)])];
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const way =
    !callsAsKeras(layer) && taken.options.length === 0
      ? ` To take more, \`call\` needs a second parameter: call(inputs, { ${unknown} } = {}).`
      : "";
  throw new TypeError(
    `${placeOf(layer)}: unknown option \`${unknown}\`.${didYouMean(unknown, known)} Options of its calls: ` +
      `${known.join(", ")}.${way}`,
  );
}

function tooMany(layer: LayerBase, inputs: readonly unknown[], taken: CallTaken): TypeError {
  const extra = inputs[taken.inputs];
  const way =
    typeof extra === "boolean" || extra === null
      ? `Options go in an object, such as layer(x, { training: ${extra === null ? "true" : extra} })`
      : "Several tensors for one input go in a list, layer([a, b]), and options in an object, layer(x, { training: true })";
  return new TypeError(
    `${placeOf(layer)}: its \`call\` takes ${taken.inputs === 1 ? "one input" : `${taken.inputs} inputs`}. Received: ` +
      `${inputs.length}, the last of them ${describe(inputs.at(-1))}. ${way}`,
  );
}
