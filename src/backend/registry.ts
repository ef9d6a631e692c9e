/** Where engines and the rest of the library meet: registered by the package's entry, started on first use. */
import { BackendError, didYouMean } from "../core/errors.ts";
import type { Backend } from "./contract.ts";

type Factory = () => Promise<Backend>;

const factories = new Map<string, Factory>();
const started = new Map<string, Promise<Backend>>();
const ready = new Map<string, Backend>();
let preferred: string | null = null;

/** Makes a backend available. The first one registered is the default. */
export function registerBackend(name: string, factory: Factory): void {
  factories.set(name, factory);
  preferred ??= name;
}

/** Name of the backend that runs programs. */
export function backendName(): string {
  if (preferred === null)
    throw new BackendError('no backend is registered: import "keras-ts" (its entry registers them)');
  return preferred;
}

/**
 * Chooses the backend for everything computed from now on. Tensors computed before are moved when they are used.
 *
 * @throws BackendError naming the registered backends when `name` is not one of them.
 */
export function setBackend(name: string): void {
  if (!factories.has(name)) {
    const known = [...factories.keys()];
    throw new BackendError(
      `setBackend: no backend "${name}".${didYouMean(name, known)} Registered: ${known.join(", ")}.`,
    );
  }
  preferred = name;
}

/** The chosen backend, started if it was not. */
export function backend(name: string = backendName()): Promise<Backend> {
  let promise = started.get(name);
  if (!promise) {
    const factory = factories.get(name);
    if (!factory) throw new BackendError(`no backend "${name}". Registered: ${[...factories.keys()].join(", ")}.`);
    promise = factory().then(
      (engine) => {
        ready.set(name, engine);
        return engine;
      },
      (cause: unknown) => {
        started.delete(name);
        throw new BackendError(
          `backend "${name}" did not start: ${cause instanceof Error ? cause.message : String(cause)}`,
          {
            cause,
          },
        );
      },
    );
    started.set(name, promise);
  }
  return promise;
}

/** The chosen backend if it has been started, without waiting. */
export const startedBackend = (): Backend | null => (preferred === null ? null : (ready.get(preferred) ?? null));
