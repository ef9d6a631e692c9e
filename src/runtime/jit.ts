/** `keras.jit`: a function of tensors as compiled functions, one per combination of what it is called with. */
import { backendName } from "../backend/registry.ts";
import { isPlainObject, mapStructure, type Nested } from "../core/tree.ts";
import { type CompiledFunction, compileFunction, tensorBuffer, tensorFromDevice } from "./compiledFunction.ts";
import { evaluate, isComputed } from "./evaluate.ts";
import { Tensor } from "./tensor.ts";
import { activeTrace } from "./trace.ts";

/** The signature of arguments: shape and dtype of tensors, which are data; the value of everything else. */
function describeArgument(value: unknown): string {
  if (value instanceof Tensor) return `${value.dtype}[${value.shape}]`;
  if (Array.isArray(value)) return `[${value.map(describeArgument).join(",")}]`;
  if (isPlainObject(value)) {
    return `{${Object.keys(value)
      .sort()
      .map((k) => `${JSON.stringify(k)}:${describeArgument(value[k])}`)
      .join(",")}}`;
  }
  if (typeof value === "object" && value !== null) return `object#${identityOf(value)}`;
  if (typeof value === "function") return `function#${identityOf(value)}`;
  if (typeof value === "string") return JSON.stringify(value);
  return Object.is(value, -0) ? "number -0" : `${typeof value} ${String(value)}`;
}

const identities = new WeakMap<object, number>();
let nextIdentity = 0;

function identityOf(value: object): number {
  let id = identities.get(value);
  if (id === undefined) {
    id = nextIdentity++;
    identities.set(value, id);
  }
  return id;
}

/** How many signatures a compiled function keeps; the least recently used one is freed. */
const MAX_SIGNATURES = 64;

/**
 * Compiles a function of tensors: it runs once per combination of argument shapes and dtypes on placeholders, and after
 * that as one program. It may read and assign variables (weights, optimizer state, metrics, seeds).
 *
 * What `fn` does besides tensor work (printing, counting) happens only while it is traced. Arguments that are not tensors
 * (numbers, strings, flags) are part of the signature: another value compiles again, so pass changing numbers as tensors.
 * Called while another function is traced, it becomes part of that one.
 *
 * @returns An async function with the same arguments and result, its tensors computed.
 * @example
 * const step = keras.jit((x, y) => {
 *   const [loss, grads] = keras.valueAndGrad(() => lossFn(y, model(x)), model.trainableVariables)();
 *   optimizer.apply(grads, model.trainableVariables);
 *   return loss;
 * });
 * const loss = await step(x, y);
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that only assigns variables returns nothing
export function jit<A extends unknown[], R extends Nested<Tensor> | void>(
  fn: (...args: A) => R,
): (...args: A) => Promise<R> {
  const compiled = new Map<string, Promise<{ run: CompiledFunction; pack: (flat: Tensor[]) => R }>>();
  const name = fn.name || "jit";
  return async (...args: A): Promise<R> => {
    if (activeTrace()) return fn(...args);
    const { tensors, rebuild } = splitArguments(args);
    const signature = `${backendName()} ${describeArgument(args)}`;
    let entry = compiled.get(signature);
    if (entry)
      compiled.delete(signature); // moved to the end: most recently used
    else {
      entry = (async () => {
        let structure: R | undefined;
        const run = await compileFunction(
          (inputs) => {
            structure = fn(...(rebuild(inputs) as A));
            refusePromises(structure, name);
            return flattenTensors(structure);
          },
          tensors.map((t) => ({ shape: t.shape, dtype: t.dtype })),
          name,
        );
        const pack = (flat: Tensor[]): R => {
          let next = 0;
          return mapStructure(
            (leaf) => (leaf instanceof Tensor ? flat[next++]! : leaf),
            structure as Nested<unknown>,
          ) as R;
        };
        return { run, pack };
      })();
    }
    compiled.set(signature, entry);
    if (compiled.size > MAX_SIGNATURES) {
      const [oldest, evicted] = compiled.entries().next().value!;
      compiled.delete(oldest);
      evicted.then(
        ({ run }) => run.dispose(),
        () => undefined,
      );
    }
    const { run, pack } = await entry.catch((error: unknown) => {
      compiled.delete(signature);
      throw error;
    });
    const given = tensors.map((t) => t.node);
    if (!isComputed(given)) await evaluate(given);
    const results = await run.run(tensors.map(tensorBuffer));
    return pack(results.map((buffer) => tensorFromDevice(buffer)));
  };
}

/** @throws TypeError when a function that is traced once did some of its work later. */
function refusePromises(structure: unknown, name: string): void {
  mapStructure(
    (leaf) => {
      if (!(leaf instanceof Promise)) return leaf;
      leaf.catch(() => undefined); // it may have awaited a traced tensor; one error is enough
      throw new TypeError(
        `jit: expected \`${name}\` to be synchronous, for it is traced once. Received: a promise among its results. ` +
          "Compute with ops, call plain functions, and read results (`await tensor.data()`) outside",
      );
    },
    structure as Nested<unknown>,
  );
}

function flattenTensors(structure: unknown): Tensor[] {
  const out: Tensor[] = [];
  mapStructure(
    (leaf) => {
      if (leaf instanceof Tensor) out.push(leaf);
      return leaf;
    },
    structure as Nested<unknown>,
  );
  return out;
}

function splitArguments(args: readonly unknown[]): {
  tensors: Tensor[];
  rebuild: (tensors: readonly Tensor[]) => unknown;
} {
  const tensors = flattenTensors(args);
  const rebuild = (replacement: readonly Tensor[]): unknown => {
    let next = 0;
    return mapStructure((leaf) => (leaf instanceof Tensor ? replacement[next++]! : leaf), args as Nested<unknown>);
  };
  return { tensors, rebuild };
}
