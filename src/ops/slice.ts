/** Parts of an index as Python has them, and as files carry them. */

/** `start:stop:step`; `null` for an open end. */
export class Slice {
  readonly start: unknown;
  readonly stop: unknown;
  readonly step: unknown;

  constructor(start: unknown = null, stop: unknown = null, step: unknown = null) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
}

/** `...`: all axes that the other parts of the index do not name. */
export const ELLIPSIS: unique symbol = Symbol("...");
