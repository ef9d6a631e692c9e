/** What nested layer calls share: the training flag and who is outermost. */

export interface CallContext {
  /** Explicit `training` of the enclosing call, or `null` when nobody said. */
  readonly training: boolean | null;
}

let current: CallContext | null = null;

/** Context of the call in progress, or `null` outside any. */
export const callContext = (): CallContext | null => current;

export function withCallContext<T>(context: CallContext, fn: () => T): T {
  const outer = current;
  current = context;
  try {
    return fn();
  } finally {
    current = outer;
  }
}
