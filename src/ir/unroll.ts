/** A scan written out turn by turn: for loops too short to be worth one, and for engines that have none. */
import { instantiate } from "./body.ts";
import * as b from "./build.ts";
import type { Scan } from "./loops.ts";
import type { Value } from "./value.ts";

/** One element of the first axis. */
export function elementAt(x: Value, index: number): Value {
  const rest = x.shape.slice(1);
  const zeros = rest.map(() => 0);
  return b.reshape(b.slice(x, [index, ...zeros], [index + 1, ...rest]), rest);
}

/** The results of a scan, without the loop. */
export function unrollScan(inputs: readonly Value[], { body, length, reverse, carries, sequences }: Scan): Value[] {
  let carried = inputs.slice(0, carries);
  const sequence = inputs.slice(carries, carries + sequences);
  const captured = inputs.slice(carries + sequences);
  const rows: Value[][] = body.outputs.slice(carries).map(() => []);
  for (let turn = 0; turn < length; turn++) {
    const at = reverse ? length - 1 - turn : turn;
    const results = instantiate(body, [...carried, ...sequence.map((s) => elementAt(s, at)), ...captured]);
    carried = results.slice(0, carries);
    results.slice(carries).forEach((y, i) => {
      rows[i]![at] = b.reshape(y, [1, ...y.shape]);
    });
  }
  const stacks = rows.map((row, i) => {
    const y = body.outputs[carries + i]!;
    return row.length > 0 ? b.concat(row, 0) : b.full(0, [0, ...y.shape], y.dtype);
  });
  return [...carried, ...stacks];
}
