/** `keras.utils.clearSession`: a fresh start for names and, unless a seed was set, for nothing else. */
import { resetNames } from "../core/names.ts";

/** Restarts automatic names: the next `Dense` is `dense` again. Models and weights that exist stay usable. */
export function clearSession(): void {
  resetNames();
}
