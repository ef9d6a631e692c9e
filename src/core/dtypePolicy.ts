/** Which dtype a layer computes in and which its weights have: one dtype, a mixture for mixed precision, or one by path. */
import { callable } from "./callable.ts";
import { floatx } from "./config.ts";
import { type DType, isFloat, standardizeDType } from "./dtype.ts";
import { checkOptions, DTypeError, describe } from "./errors.ts";
import { isPlainObject } from "./tree.ts";

const MIXED: Readonly<Record<string, DType>> = { mixed_float16: "float16", mixed_bfloat16: "bfloat16" };

/** A policy by name, the policy itself, or its config as files have it. */
export type DTypePolicyLike = string | DTypePolicy | Readonly<Record<string, unknown>>;

class DTypePolicyBase {
  static readonly className: string = "DTypePolicy";
  static readonly modulePath: string = "keras";

  readonly #name: string;
  readonly computeDtype: DType;
  readonly variableDtype: DType;

  constructor(name: string | null = null) {
    const given: unknown = name ?? dtypePolicy().forPath(null).name;
    if (typeof given !== "string") {
      throw new DTypeError(`DTypePolicy: expected the name of a dtype or policy. Received: ${describe(given)}`);
    }
    const mixed = Object.hasOwn(MIXED, given) ? MIXED[given]! : null;
    if (!mixed && given.includes("_from_")) refuseQuantized("DTypePolicy", describe(given));
    this.computeDtype = mixed ?? standardizeDType(given);
    this.variableDtype = mixed ? "float32" : this.computeDtype;
    this.#name = mixed ? given : this.computeDtype;
  }

  get name(): string {
    return this.#name;
  }

  /** The policy of a layer at a path, `null` for one that has none yet. */
  forPath(_path: string | null): DTypePolicyBase {
    return this;
  }

  getConfig(): Record<string, unknown> {
    return { name: this.name };
  }

  static fromConfig(config: Readonly<Record<string, unknown>>): DTypePolicyBase {
    return new DTypePolicyBase((config.name ?? null) as string | null);
  }

  toString(): string {
    return `<DTypePolicy "${this.name}">`;
  }
}

/**
 * A dtype policy: `"float32"` and every other dtype computes and stores in that dtype; `"mixed_float16"` and
 * `"mixed_bfloat16"` compute in 16 bits with float32 weights.
 *
 * @param name - @defaultValue the name of the global policy
 * @throws DTypeError for any other name.
 * @example
 * DTypePolicy("mixed_bfloat16").computeDtype; // "bfloat16"
 * @see keras/src/dtype_policies/dtype_policy.py (Keras 3.x): same names; no quantized policies.
 */
export const DTypePolicy = callable(DTypePolicyBase);
export type DTypePolicy = DTypePolicyBase;

function refuseQuantized(where: string, received: string): never {
  throw new DTypeError(
    `${where}: quantized policies are not supported. Received: ${received}. ` +
      'Save the model with an unquantized policy such as "float32"',
  );
}

/** Options of {@link DTypePolicyMap}. */
export interface DTypePolicyMapOptions {
  /** The policy of layers whose path no key fits. @defaultValue the global policy */
  defaultPolicy?: DTypePolicyLike | null;
  /** Policies by path. @defaultValue none */
  policyMap?: Readonly<Record<string, DTypePolicyLike>> | null;
}

const MAP = "DTypePolicyMap";
const MAP_OPTIONS = ["defaultPolicy", "policyMap"];

interface Entry {
  readonly policy: DTypePolicy;
  readonly pattern: RegExp;
}

class DTypePolicyMapBase extends DTypePolicyBase {
  static override readonly className = MAP;
  static override readonly modulePath = "keras.dtype_policies";

  readonly defaultPolicy: DTypePolicy;
  /** As it was given, for files. */
  readonly #given: string | DTypePolicy | null;
  readonly #entries = new Map<string, Entry>();

  constructor(
    defaultPolicy: DTypePolicyLike | DTypePolicyMapOptions | null = null,
    options: Pick<DTypePolicyMapOptions, "policyMap"> = {},
  ) {
    const named = isPlainObject(defaultPolicy) && MAP_OPTIONS.some((key) => key in defaultPolicy);
    const all: DTypePolicyMapOptions = named
      ? { ...options, ...defaultPolicy }
      : { ...options, defaultPolicy: defaultPolicy as DTypePolicyLike | null };
    checkOptions(MAP, all, MAP_OPTIONS);
    const { defaultPolicy: given = null, policyMap = null } = all;
    const policy = given === null ? dtypePolicy().forPath(null) : singlePolicy("`defaultPolicy`", given);
    super(policy.name);
    this.defaultPolicy = policy;
    this.#given = given === null || typeof given === "string" ? given : policy;
    if (policyMap !== null && !isPlainObject(policyMap)) {
      throw new TypeError(
        `${MAP}: expected \`policyMap\` to be an object of policies. Received: ${describe(policyMap)}`,
      );
    }
    for (const [key, value] of Object.entries(policyMap ?? {})) this.set(key, value);
  }

  override get name(): string {
    return `map_${this.defaultPolicy.name}`;
  }

  /** Number of keys. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whether there is this very key. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /**
   * The policy for a path: of the same key, else of the one key that fits it as a pattern, else the default policy.
   *
   * @throws RangeError when several keys fit.
   */
  get(path: string): DTypePolicy {
    const exact = this.#entries.get(path);
    if (exact) return exact.policy;
    const fitting = [...this.#entries].filter(([, { pattern }]) => pattern.test(path));
    if (fitting.length > 1) {
      throw new RangeError(
        `${MAP}: several keys fit the path "${path}": ${fitting.map(([key]) => `"${key}"`).join(", ")}. ` +
          "Change them so that one does, or give the path a key of its own",
      );
    }
    return fitting[0]?.[1].policy ?? this.defaultPolicy;
  }

  /** @throws RangeError for a key that is there already: `delete` it before. */
  set(key: string, policy: DTypePolicyLike): this {
    if (this.has(key)) {
      throw new RangeError(`${MAP}: key "${key}" is there already, with ${this.get(key)}. Delete it before setting it`);
    }
    let pattern: RegExp;
    try {
      pattern = new RegExp(`^(?:${key})$`);
    } catch (cause) {
      throw new RangeError(
        `${MAP}: expected a path of layers or a regular expression for it, such as "encoder/.*". Received: ${describe(key)}`,
        { cause },
      );
    }
    this.#entries.set(key, { policy: singlePolicy(`the policy of "${key}"`, policy), pattern });
    return this;
  }

  /** Whether there was such a key. */
  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  *[Symbol.iterator](): IterableIterator<[key: string, policy: DTypePolicy]> {
    for (const [key, { policy }] of this.#entries) yield [key, policy];
  }

  override forPath(path: string | null): DTypePolicy {
    return path === null ? this.defaultPolicy : this.get(path);
  }

  override getConfig(): Record<string, unknown> {
    return { default_policy: this.#given, policy_map: Object.fromEntries(this) };
  }

  static override fromConfig(config: Readonly<Record<string, unknown>>): DTypePolicyMapBase {
    return new DTypePolicyMapBase({
      defaultPolicy: (config.default_policy ?? null) as DTypePolicyLike | null,
      policyMap: (config.policy_map ?? null) as Readonly<Record<string, DTypePolicyLike>> | null,
    });
  }

  override toString(): string {
    const entries = [...this].map(([key, policy]) => `"${key}": "${policy.name}"`);
    return `<DTypePolicyMap "${this.defaultPolicy.name}", {${entries.join(", ")}}>`;
  }
}

function singlePolicy(what: string, given: DTypePolicyLike): DTypePolicy {
  const policy = getPolicy(given);
  if (!(policy instanceof DTypePolicyMapBase)) return policy;
  throw new TypeError(`${MAP}: expected ${what} to be a policy for one layer. Received: ${policy}`);
}

/**
 * Policies by path of the layer, for a model or a layer with parts of different dtypes.
 *
 * Given as the `dtype` of a layer, or to `setDtypePolicy` for all layers made from then on: each layer takes what the map has
 * for its own path, which it gets when it is built: `"encoder/dense"`, as in the paths of its weights. A key is such a path or a
 * regular expression that fits the whole of it. Layers that are built as soon as they are made, such as Dropout, have no path
 * and take the default policy. Works like a `Map`; `get` gives the policy for a path.
 *
 * @param defaultPolicy - The policy where no key fits. @defaultValue the global policy
 * @throws RangeError for a key that is there twice or is no pattern, and from `get` when several keys fit.
 * @example
 * const dtype = DTypePolicyMap("float32", { policyMap: { "mha/.*": "mixed_bfloat16" } });
 * layers.MultiHeadAttention(2, 8, { name: "mha", dtype });
 * @see keras/src/dtype_policies/dtype_policy_map.py (Keras 3.x): a map without a default policy keeps the names of its
 *   policies in files, where Keras forgets them.
 */
export const DTypePolicyMap = callable(DTypePolicyMapBase);
export type DTypePolicyMap = DTypePolicyMapBase;

let global: DTypePolicy | null = null;
let fallback: DTypePolicy | null = null;

/** The policy of layers that name none. @defaultValue the policy of floatx, `"float32"` */
export function dtypePolicy(): DTypePolicy {
  if (global) return global;
  if (fallback?.name !== floatx()) fallback = new DTypePolicy(floatx());
  return fallback!;
}

/** Sets the policy of layers made from now on; `null` returns to floatx. */
export function setDtypePolicy(policy: DTypePolicyLike | null): void {
  global = policy === null ? null : getPolicy(policy);
}

/**
 * The policy that a layer's `dtype` means: a name, a policy, or a policy's config as files have it.
 *
 * @throws DTypeError when it is none of these.
 */
export function getPolicy(policy: DTypePolicyLike | null | undefined): DTypePolicy {
  if (policy === null || policy === undefined) return dtypePolicy();
  if (policy instanceof DTypePolicy) return policy;
  if (typeof policy === "string") {
    const current = dtypePolicy();
    return policy === current.name && !(current instanceof DTypePolicyMapBase) ? current : new DTypePolicy(policy);
  }
  if (isPlainObject(policy)) {
    const config = isPlainObject(policy.config) ? policy.config : policy;
    if (policy.class_name === MAP) return DTypePolicyMapBase.fromConfig(config);
    if ("source_name" in config) refuseQuantized("dtype", describe(policy.class_name ?? config.mode));
    if (typeof config.name === "string") return getPolicy(config.name);
    if (config.name === null) return new DTypePolicy(null);
  }
  throw new DTypeError(
    `dtype: expected a dtype such as "float32", a policy such as "mixed_bfloat16", or a DTypePolicy. Received: ${describe(policy)}`,
  );
}

/** Whether layers of the policy compute in another dtype than their weights have. */
export const isMixed = (policy: DTypePolicy): boolean =>
  policy.computeDtype !== policy.variableDtype && isFloat(policy.computeDtype);
