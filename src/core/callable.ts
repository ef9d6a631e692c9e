/** Classes that can be called without `new`, and instances that can be called like functions (decision D3). */

// biome-ignore lint/suspicious/noExplicitAny: a class of any constructor is what TypeScript's own mixins ask for here
type AnyClass = abstract new (...args: any[]) => object;

/** A class whose constructor also works as a plain function. */
export type Callable<C extends AnyClass> = C & ((...args: ConstructorParameters<C>) => InstanceType<C>);

/**
 * Lets a class be called without `new`. The result can be extended, tested with `instanceof`, and has the class's statics.
 *
 * @example
 * export const Dense = callable(DenseLayer);
 * Dense(64); new Dense(64); class Mine extends Dense {}
 */
export function callable<C extends AnyClass>(original: C): Callable<C> {
  const construct = function (this: unknown, ...args: unknown[]): object {
    return Reflect.construct(original, args, new.target ?? (original as unknown as NewableFunction));
  };
  Object.defineProperty(construct, "name", { value: (original as { className?: string }).className ?? original.name });
  construct.prototype = original.prototype;
  Object.setPrototypeOf(construct, original); // statics, and `super.fromConfig` in subclasses
  return construct as unknown as Callable<C>;
}

/**
 * An instance of `target` that is a function as well. No `Function` constructor is involved, so it works under a strict
 * content security policy. To be returned from a base class's constructor.
 */
export function callableInstance<T extends object>(
  prototype: object,
  invoke: (self: T, args: unknown[]) => unknown,
): T {
  const self = ((...args: unknown[]) => invoke(self, args)) as unknown as T;
  Object.setPrototypeOf(self, prototype);
  Reflect.deleteProperty(self, "length");
  Reflect.deleteProperty(self, "name");
  return self;
}

/**
 * An object without its call signature: in a union with a plain function type, it lets the type checker tell what the parameters
 * of an arrow function are.
 */
export type Uncalled<T> = Pick<T, keyof T>;

/** Base of small objects that are functions with a config: initializers, losses, metrics, schedules. */
export abstract class CallableObject {
  constructor() {
    const self = callableInstance<CallableObject>(new.target.prototype, (object, args) => object.invoke(...args));
    // biome-ignore lint/correctness/noConstructorReturn: the instance must be a function (decision D3)
    return self;
  }

  // biome-ignore lint/suspicious/noExplicitAny: each family of objects states its own signature
  abstract call(...args: any[]): any;

  /** What calling the object does. Families that wrap `call` (losses reduce its values) override it. */
  // biome-ignore lint/suspicious/noExplicitAny: as for `call`
  invoke(...args: any[]): any {
    return this.call(...args);
  }
}
