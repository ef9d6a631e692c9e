/** Which classes of an object are the user's, and what they define: the rest is what this library has. */
import { classItself, isBuiltin } from "../serialization/registry.ts";

const bases = new WeakSet<object>();

/** Says that a class is here to be extended. Only classes that are no part of files need it. */
export function isBase(cls: object): void {
  bases.add(cls);
}

/** Classes of the user that an object is of, nearest first. */
export function userClasses(object: object): object[] {
  const classes: object[] = [];
  for (let c: unknown = object.constructor; typeof c === "function" && c !== Function.prototype; ) {
    const cls = classItself(c);
    if (isBuiltin(c) || bases.has(cls)) break;
    classes.push(cls);
    c = Object.getPrototypeOf(cls);
  }
  return classes;
}

/** Whether a class of the user, or the object itself, has a method of its own in place of the library's. */
export const overrides = (object: object, method: string): boolean =>
  Object.hasOwn(object, method) ||
  userClasses(object).some((cls) => Object.hasOwn((cls as { prototype: object }).prototype, method));
