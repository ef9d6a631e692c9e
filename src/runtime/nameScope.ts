/** The stack of names under which variables are created: `model/dense/kernel`. */

const stack: string[] = [];

/** Runs `fn` with `name` appended to the current scope. */
export function nameScope<T>(name: string, fn: () => T): T {
  stack.push(name);
  try {
    return fn();
  } finally {
    stack.pop();
  }
}

/** The current scope as a path, empty outside any. */
export const currentPath = (): string => stack.join("/");
