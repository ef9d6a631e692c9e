/**
 * Variables that a layer's `call` makes. A call is recorded once per shape of batch, and each recording would make new ones,
 * which no optimizer and no file knows; so they are refused, but for those that a first call leaves in the layer's properties.
 */
import { formatShape } from "../core/shape.ts";
import { type Variable, watchingVariables } from "../runtime/variable.ts";
import { outermostCaller } from "./callContext.ts";
import { placeOf } from "./errorTrail.ts";
import type { LayerBase } from "./layer.ts";

/** What came up in one call, apart from calls inside it. */
interface Made {
  /** With the error that is due if nobody keeps the variable: its stack has the line of the user's code. */
  readonly variables: { readonly variable: Variable; readonly refusal: Error }[];
  readonly layers: LayerBase[];
}

let current: Made | null = null;

function collecting<T>(made: Made | null, fn: () => T): T {
  const outer = current;
  current = made;
  try {
    return fn();
  } finally {
    current = outer;
  }
}

/** To be told of each new layer: what a call makes and keeps may have variables of its own. */
export function noteLayer(layer: LayerBase): void {
  current?.layers.push(layer);
}

/** Runs a `build`: variables are made there, also where it runs inside of a call. */
export const outsideCalls = <T>(fn: () => T): T => collecting(null, () => watchingVariables(null, fn));

/**
 * Runs a `call`.
 *
 * @param mayMake - Whether it may make variables if the layer's properties, or those of the layer being called, hold them afterwards.
 * @throws Error for a variable made in it, naming both; it comes from the line that made the variable.
 */
export function madeInCall<T>(layer: LayerBase, mayMake: boolean, call: () => T): T {
  const made: Made = { variables: [], layers: [] };
  const note = (variable: Variable): void => {
    made.variables.push({ variable, refusal: refusal(layer, variable) });
  };
  const result = collecting(made, () => watchingVariables(note, call));
  if (made.variables.length === 0) return result;
  const outermost = outermostCaller() as LayerBase;
  const keepers = mayMake ? [layer, outermost, ...made.layers] : made.layers;
  const kept = new Set(keepers.flatMap((keeper) => keeper.variables));
  for (const each of made.variables) if (!kept.has(each.variable)) throw each.refusal;
  return result;
}

function refusal(layer: LayerBase, { name, path, shape }: Variable): Error {
  const property = /^[a-z_]\w*$/i.test(name) ? name : "weight";
  return new Error(
    `${placeOf(layer)}: variables are created in the constructor or in \`build\`; one made in \`call\` would be another one at ` +
      `each recording, neither trained nor saved. Write \`this.${property} = this.addWeight({ shape: [${shape.join(", ")}] })\` ` +
      `in \`build\`, or keep a \`new Variable\` in a property there. Received: variable "${path}" of shape ${formatShape(shape)}`,
  );
}
