/** What `addWeight` takes: shape, initializer, options; or the options alone. */
import type * as constraints from "../constraints/index.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { isPlainObject } from "../core/tree.ts";
import type * as initializers from "../initializers/index.ts";
import type * as regularizers from "../regularizers/index.ts";

/** How copies of a weight on several devices become one, in Keras. */
const AGGREGATIONS = ["none", "mean", "sum", "only_first_replica"] as const;

/** Options of `addWeight`. */
export interface WeightOptions {
  name?: string;
  /** @defaultValue `[]` (a scalar) */
  shape?: readonly number[];
  /** @defaultValue glorot_uniform for floats, zeros otherwise */
  initializer?: initializers.InitializerLike | null;
  /** @defaultValue the policy's variable dtype */
  dtype?: string | null;
  /** @defaultValue `true` */
  trainable?: boolean;
  /** @defaultValue `true` */
  autocast?: boolean;
  /** @defaultValue `null` */
  regularizer?: regularizers.RegularizerLike | null;
  /** @defaultValue `null` */
  constraint?: constraints.ConstraintLike | null;
  /** For code from Keras, where it says how copies on several devices become one: here there is one copy. @defaultValue `"none"` */
  aggregation?: (typeof AGGREGATIONS)[number] | null;
  /** For code from Keras, where 8-bit layers set it. Only `false` is supported. @defaultValue `false` */
  overwriteWithGradient?: false;
}

/** `addWeight` as it can be called. */
export type WeightArguments =
  | [options?: WeightOptions]
  | [shape: readonly number[], options?: Omit<WeightOptions, "shape">]
  | [
      shape: readonly number[],
      initializer: initializers.InitializerLike | null,
      options?: Omit<WeightOptions, "shape" | "initializer">,
    ];

const KNOWN = [
  "name",
  "shape",
  "initializer",
  "dtype",
  "trainable",
  "autocast",
  "regularizer",
  "constraint",
  "aggregation",
  "overwriteWithGradient",
] as const;

/** An initializer may be given by its config, which is a plain object too. */
const isOptions = (value: unknown): boolean => isPlainObject(value) && !("class_name" in value);

/**
 * The options that the arguments of `addWeight` amount to.
 *
 * @param where - Who is called, for messages.
 * @throws TypeError for an unknown option, or one that is given twice.
 */
export function weightOptions(where: string, args: readonly unknown[]): WeightOptions {
  const places = ["shape", "initializer"].slice(0, args.slice(0, 2).filter((value) => !isOptions(value)).length);
  const rest = args.slice(places.length);
  const options = (rest[0] ?? {}) as object;
  if (rest.length > 1 || !isOptions(options)) {
    throw new TypeError(
      `${where}: expected a shape, an initializer and one object of options, or the options alone. Received: ` +
        `${args.map(describe).join(", ")}. For example addWeight([3], "zeros", { trainable: false })`,
    );
  }
  checkOptions(where, options, KNOWN);
  const twice = places.find((name) => name in options);
  if (twice) throw new TypeError(`${where}: \`${twice}\` is given twice, by its place and as an option`);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const placed = places.map((name, i) => [name, args[i]]).filter(([, value]) => value !== undefined && value !== null);
  const result = Object.fromEntries([...placed, ...given]) as WeightOptions;
  checkValues(where, result);
  return result;
}

function checkValues(where: string, options: WeightOptions): void {
  const { shape, aggregation, overwriteWithGradient } = options as Record<string, unknown>;
  if (shape !== undefined && shape !== null && !Array.isArray(shape)) {
    throw new TypeError(`${where}: expected \`shape\` to be a list of sizes. Received: ${describe(shape)}`);
  }
  if (aggregation !== undefined && aggregation !== null && !AGGREGATIONS.includes(aggregation as never)) {
    const known = AGGREGATIONS.map(describe).join(", ");
    throw new RangeError(
      `${where}: expected \`aggregation\` to be one of ${known}, or null. Received: ${describe(aggregation)}`,
    );
  }
  if (overwriteWithGradient) {
    throw new TypeError(
      `${where}: \`overwriteWithGradient\` is not supported: in Keras the optimizer then puts the gradient in the weight's ` +
        "place, as 8-bit layers need it for their scales. Optimizers here treat all weights alike; assign the weight in " +
        "`call`, or in a `trainStep` of your own",
    );
  }
}
