/** What nested layer calls share: the training flag and which calls are in progress. */

/** A layer whose call is in progress. */
export interface Caller {
  flattenLayers(): readonly unknown[];
}

export interface CallContext {
  /** Explicit `training` of the enclosing call, or `null` when nobody said. */
  readonly training: boolean | null;
  readonly layer: Caller;
  /** The call around this one. */
  readonly outer: CallContext | null;
}

let current: CallContext | null = null;

/** Context of the call in progress, or `null` outside any. */
export const callContext = (): CallContext | null => current;

/** Runs a layer's `call`. */
export function withCallContext<T>(layer: Caller, training: boolean | null, fn: () => T): T {
  const outer = current;
  current = { training, layer, outer };
  try {
    return fn();
  } finally {
    current = outer;
  }
}

/** The outermost layer whose call is in progress. */
export function outermostCaller(): Caller | null {
  let context = current;
  while (context?.outer) context = context.outer;
  return context?.layer ?? null;
}
