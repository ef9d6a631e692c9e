/** The types of recurrent layers: what their calls give depends on `returnState`. */
import { callable } from "../../core/callable.ts";
import type { Result, TensorLike } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import type { CustomObjects } from "../../serialization/registry.ts";
import type { CallOptions } from "../callArguments.ts";
import type { CommonOptions, Leaf } from "../layerClass.ts";

/** Output and states. */
type WithStates<T, States extends number> = {
  1: [output: T, state: T];
  2: [output: T, h: T, c: T];
}[States & (1 | 2)];

/** States of a call: a tensor, or lists of them. */
type GivenStates = TensorLike | readonly GivenStates[];
/** What follows the sequences: perhaps the states before the first step, then options. */
type RecurrentMore =
  | [options?: RecurrentOptions]
  | [initialState: GivenStates | null | undefined, options?: CommonOptions];
interface RecurrentOptions extends CommonOptions {
  readonly initialState?: unknown;
}

/** A call that gives the output alone. */
export interface OneCall {
  /** @param more - The initial state; options such as `{ mask }` come last. */
  <A>(inputs: A, ...more: RecurrentMore): Result<Leaf<A>>;
}

/** A call that gives the output and the last states. */
interface StatesCall<States extends number> {
  /** @param more - The initial state; options such as `{ mask }` come last. */
  <A>(inputs: A, ...more: RecurrentMore): WithStates<Result<Leaf<A>>, States>;
}

/** A call that gives several tensors, as many as the layers inside say. */
export interface ManyCall {
  /** @param more - The initial state; options such as `{ mask }` come last. */
  <A>(inputs: A, ...more: RecurrentMore): [output: Result<Leaf<A>>, ...more: Result<Leaf<A>>[]];
}

/** A call of a cell: one step. A list of states gives a list, a lone state gives one. */
export interface CellCall {
  /** @param states - The states, in a list, or the only one. */
  <A, const S>(
    inputs: A,
    states: S,
    options?: CallOptions,
  ): [
    output: Result<Leaf<A> | Leaf<S>>,
    states: S extends readonly unknown[]
      ? { -readonly [K in keyof S]: Result<Leaf<A> | Leaf<S>> }
      : Result<Leaf<A> | Leaf<S>>,
  ];
}

/** What calls of a layer with `returnState: S` are. */
export type RecurrentCall<S extends boolean, States extends number> = [S] extends [true]
  ? number extends States
    ? ManyCall
    : StatesCall<States>
  : OneCall;

/** The option that decides it. */
export interface ReturnState<S extends boolean> {
  /** Whether calls give the states after the last step too: `[output, …states]`. @defaultValue `false` */
  returnState?: S;
}

// biome-ignore lint/suspicious/noExplicitAny: a class of any constructor is what TypeScript's own mixins ask for here
type AnyClass = abstract new (...args: any[]) => object;

/**
 * A class of recurrent layers whose first argument, `First`, is option `Name`, and which have `States` states (`number`:
 * it depends).
 */
export type RecurrentClass<C extends AnyClass, Name extends string, First, O, States extends number> = {
  new <S extends boolean = false>(
    first: First | (O & { [K in Name]: First } & ReturnState<S>),
    options?: O & ReturnState<S>,
  ): InstanceType<C> & RecurrentCall<S, States>;
  <S extends boolean = false>(
    first: First | (O & { [K in Name]: First } & ReturnState<S>),
    options?: O & ReturnState<S>,
  ): InstanceType<C> & RecurrentCall<S, States>;
  fromConfig(config: Config, customObjects?: CustomObjects): InstanceType<C> & OneCall;
} & Omit<C, "prototype" | "fromConfig">;

/** The public face of a class of recurrent layers. */
export function recurrentClass<C extends AnyClass, R>(cls: C): R {
  return callable(cls) as unknown as R;
}
