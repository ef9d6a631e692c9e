/** What the source of the user's classes says about their constructors. Where it does not tell, the answer is the careful one. */
import { userClasses } from "./userClass.ts";

const sourceOf = (cls: object): string => Function.prototype.toString.call(cls);

const cached = <T>(find: (cls: object) => T): ((cls: object) => T) => {
  const known = new WeakMap<object, { readonly value: T }>();
  return (cls) => {
    const entry = known.get(cls) ?? { value: find(cls) };
    known.set(cls, entry);
    return entry.value;
  };
};

/** Whether a class has a constructor of its own that may use what it is called with. */
const usesArguments = cached((cls) => {
  const source = sourceOf(cls);
  if (!/^class\b/.test(source)) return true;
  const others = source.replace(/\bconstructor\s*\(\s*\)/g, "");
  return /\bconstructor\b/.test(others) || (others !== source && /\barguments\b/.test(others));
});

/** Whether an object may have been made with arguments that its class does not hand on as they are. */
export const takesArguments = (object: object): boolean => userClasses(object).some(usesArguments);

/** Classes of the user below the one that says what the object's config is; of these, arguments may be missing in it. */
export function classesWithoutConfig(object: object): object[] {
  if (Object.hasOwn(object, "getConfig")) return [];
  const classes = userClasses(object);
  const owner = classes.findIndex((cls) => Object.hasOwn((cls as { prototype: object }).prototype, "getConfig"));
  return (owner < 0 ? classes : classes.slice(0, owner)).some(usesArguments) ? classes : [];
}

/** Source of a class split at its constructor. */
const split = cached((cls): { readonly constructor: string; readonly rest: string } => {
  const source = sourceOf(cls);
  const start = source.search(/\bconstructor\s*\(/);
  if (start < 0) return { constructor: "", rest: source };
  const end = endOfBody(source, start);
  return { constructor: source.slice(start, end), rest: source.slice(0, start) + source.slice(end) };
});

/** Name of the first parameter of a class's constructor, `null` where that is a pattern or there is none. */
export const firstParameter = (cls: object): string | null =>
  /^constructor\s*\(\s*([\w$]+)/.exec(split(cls).constructor)?.[1] ?? null;

/** Where the method that begins at `start` ends; strings and comments may hold brackets. */
function endOfBody(source: string, start: number): number {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|[(){}[\]]/g;
  token.lastIndex = start;
  let depth = 0;
  for (let match = token.exec(source); match; match = token.exec(source)) {
    const [text] = match;
    if ("({[".includes(text)) depth++;
    else if (")}]".includes(text) && --depth === 0 && text === "}") return token.lastIndex;
  }
  return source.length;
}

/** What a constructor does so that others cannot see what it keeps: private fields, hidden properties, maps by object. */
export function hidesState(object: object): string | null {
  for (const cls of userClasses(object).filter(usesArguments)) {
    const { constructor: own, rest } = split(cls);
    // Methods that it calls, and setters, may hide what they are given.
    const passesOn = /\bthis\s*\.\s*(?!addWeight\b)[\w$]+\s*\(/.test(own) || /\b(set|accessor)\s+[\w$[]/.test(rest);
    const source = passesOn ? own + rest : own;
    if (/\.\s*#|__privateAdd|__privateSet|_?classPrivateField/.test(source)) return "private fields (#)";
    if (/\bdefinePropert/.test(source)) return "hidden properties";
    if (/\bWeakMap\b|\.\s*(set|add)\(\s*this\b/.test(source)) return "places outside of the object";
  }
  return null;
}

/** Whether a function is written in a class, but not in its constructor: then it sees no arguments, only `this`. */
export function seesNoArguments(fn: object, owner: object): boolean {
  const source = sourceOf(fn);
  return userClasses(owner).some((cls) => {
    const { constructor: inside, rest } = split(cls);
    return rest.includes(source) && !inside.includes(source);
  });
}
