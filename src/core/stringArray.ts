/** Storage of string tensors: strings in row-major order, with what code for typed arrays asks of its storage. */

/** An array of strings. They live on the host only; no engine computes with them. */
export class StringArray extends Array<string> {
  /** Results of `map` and `filter` may hold anything. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** `start` to `end`; a copy, unlike that of a typed array. */
  subarray(start = 0, end = this.length): StringArray {
    return StringArray.from(this.slice(start, end)) as StringArray;
  }

  set(values: ArrayLike<string>, offset = 0): void {
    for (let i = 0; i < values.length; i++) this[offset + i] = values[i]!;
  }
}
