/** The types of layers: classes that need no `new`, instances that are called, results of the kind of the inputs (D3). */
import { callable } from "../core/callable.ts";
import type { KerasTensor, Result } from "../ops/kerasTensor.ts";
import type { Config } from "../ops/operation.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Variable } from "../runtime/variable.ts";
import type { CustomObjectsArgument } from "../serialization/registry.ts";

/** Leaf types of a structure. */
export type Leaf<A> = A extends KerasTensor | Tensor | Variable | ArrayBufferView | number | boolean
  ? A
  : A extends readonly (infer U)[]
    ? Leaf<U>
    : A extends Readonly<Record<string, infer U>>
      ? Leaf<U>
      : A;

/** Symbolic tensors where a structure has tensors. */
type Symbolic<S> = S extends Tensor
  ? KerasTensor
  : S extends readonly unknown[] | Readonly<Record<string, unknown>>
    ? { -readonly [K in keyof S]: Symbolic<S[K]> }
    : S;

/**
 * `(this: never, ...args: LooseArguments): LooseResult` is a signature that no code can call, as nothing is a `this` of type `never`.
 * Beside the one that is meant it lets TypeScript compare models by all but what they give: any model is a `Model`, as in Keras.
 */
// biome-ignore lint/suspicious/noExplicitAny: only `any` fits every signature
export type LooseArguments = any[];
// biome-ignore lint/suspicious/noExplicitAny: as above
export type LooseResult = any;

type IsAny<T> = 0 extends 1 & T ? true : false;
/** Whether a structure holds a symbolic tensor. */
export type IsSymbolic<A> = [Extract<Leaf<A>, KerasTensor>] extends [never] ? false : true;

/** What a layer gives for inputs A: the structure that its `call` states, with tensors of the kind of the inputs. */
// biome-ignore lint/suspicious/noExplicitAny: layers state their own arguments
type Output<L, A> = L extends { call(...args: any[]): infer R }
  ? IsAny<R> extends true
    ? Result<Leaf<A>>
    : IsSymbolic<A> extends true
      ? Symbolic<R>
      : R
  : Result<Leaf<A>>;

type CallParameters<L> = L extends { call: (...args: infer P) => unknown } ? P : unknown[];

/** Whether a parameter stands for options: an object that is no tensor, no function and no list. */
type IsOptions<T> =
  IsAny<T> extends true
    ? false
    : [NonNullable<T>] extends [Tensor | readonly unknown[] | AnyFunction | string | number | boolean]
      ? false
      : [NonNullable<T>] extends [object]
        ? true
        : false;

/** Options as they may be passed: symbolic tensors where `call` gets tensors. */
type Passed<T> = [keyof T] extends [never]
  ? object
  : [keyof T] extends [keyof CommonOptions]
    ? CommonOptions
    : { readonly [K in keyof T as K extends keyof CommonOptions ? never : K]: PassedOption<T[K]> } & CommonOptions;
type PassedOption<T> =
  IsAny<T> extends true ? T : [Extract<Leaf<NonNullable<T>>, Tensor>] extends [never] ? T : unknown;

/** Options that all calls take. */
export interface CommonOptions {
  /** Whether the layer behaves as in training (dropout, batch statistics). */
  readonly training?: boolean | null | undefined;
  /** Which positions of the input are real. */
  readonly mask?: unknown;
}

/** What follows the first input: further inputs, of which their types are not looked at; then options, as `call` states them. */
type More<P extends readonly unknown[]> = number extends P["length"]
  ? LooseArguments
  : Required<P> extends readonly [unknown, ...infer Rest]
    ? MoreInputs<Rest>
    : [options?: CommonOptions];
type MoreInputs<Rest extends readonly unknown[]> = Rest extends readonly [infer First, ...infer Others]
  ? IsOptions<First> extends true
    ? Others extends readonly []
      ? [options?: Passed<First>, none?: CommonOptions]
      : [input?: unknown, ...more: MoreInputs<Others>]
    : [input?: unknown, ...more: MoreInputs<Others>]
  : [options?: CommonOptions];

/** What may follow the first input in a call of a layer. */
export type CallMore<L> = More<CallParameters<L>>;

/** A call of a layer: symbolic in gives symbolic out, numbers in give tensors. */
export interface LayerCall {
  /** @param more - Further inputs; options such as `{ training: true }` come last. */
  <A>(inputs: A, ...more: CallMore<this>): Output<this, A>;
}

// biome-ignore lint/suspicious/noExplicitAny: any function
type AnyFunction = ((...args: any[]) => unknown) | (abstract new (...args: any[]) => unknown);
// biome-ignore lint/suspicious/noExplicitAny: a class of any constructor is what TypeScript's own mixins ask for here
type AnyClass = abstract new (...args: any[]) => object;

/** Instances of a layer class, with what calling them gives. */
export type LayerInstance<C extends AnyClass, Call = LayerCall> = InstanceType<C> & Call;

/** `fromConfig` of a class and of the classes that extend it: each makes its own objects. */
export interface FromConfig<Instance extends object> {
  fromConfig<T extends object>(
    this: new (
      ...args: never[]
    ) => T,
    config: Config,
    customObjects?: CustomObjectsArgument,
  ): T;
  // Overloads are compared loosely: a subclass may write a `fromConfig` of its own that is not generic.
  fromConfig(config: Config, customObjects?: CustomObjectsArgument): Instance;
}

/** A layer class that works without `new`, can be extended, and whose instances are functions. */
export type LayerClass<C extends AnyClass, Call = LayerCall> = {
  new (...args: ConstructorParameters<C>): LayerInstance<C, Call>;
  (...args: ConstructorParameters<C>): LayerInstance<C, Call>;
} & FromConfig<LayerInstance<C, Call>> &
  Omit<C, "prototype" | "fromConfig">;

/**
 * The public face of a layer class. `Call` states what a call gives when that is not one tensor.
 *
 * @example
 * export const Dense = layerClass(DenseBase);
 * export type Dense = InstanceType<typeof Dense>;
 */
export function layerClass<C extends AnyClass, Call = LayerCall>(cls: C): LayerClass<C, Call> {
  return callable(cls) as unknown as LayerClass<C, Call>;
}
