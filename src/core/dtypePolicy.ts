/** Which dtype a layer computes in and which its weights have: one dtype, or a mixture for mixed precision. */
import { callable } from "./callable.ts";
import { floatx } from "./config.ts";
import { type DType, isFloat, standardizeDType } from "./dtype.ts";
import { DTypeError, describe } from "./errors.ts";
import { isPlainObject } from "./tree.ts";

const MIXED: Readonly<Record<string, DType>> = { mixed_float16: "float16", mixed_bfloat16: "bfloat16" };

class DTypePolicyBase {
  static readonly className = "DTypePolicy";
  static readonly modulePath = "keras";

  readonly name: string;
  readonly computeDtype: DType;
  readonly variableDtype: DType;

  constructor(name: string) {
    if (typeof name !== "string") {
      throw new DTypeError(`DTypePolicy: expected the name of a dtype or policy. Received: ${describe(name)}`);
    }
    const mixed = Object.hasOwn(MIXED, name) ? MIXED[name]! : null;
    if (!mixed && name.includes("_from_")) {
      throw new DTypeError(
        `DTypePolicy: quantized policies are not supported. Received: ${describe(name)}. ` +
          'Save the model with an unquantized policy such as "float32"',
      );
    }
    this.computeDtype = mixed ?? standardizeDType(name);
    this.variableDtype = mixed ? "float32" : this.computeDtype;
    this.name = mixed ? name : this.computeDtype;
  }

  getConfig(): Record<string, unknown> {
    return { name: this.name };
  }

  static fromConfig(config: Record<string, unknown>): DTypePolicyBase {
    return new DTypePolicyBase(config.name as string);
  }

  toString(): string {
    return `<DTypePolicy "${this.name}">`;
  }
}

/**
 * A dtype policy: `"float32"` and every other dtype computes and stores in that dtype; `"mixed_float16"` and
 * `"mixed_bfloat16"` compute in 16 bits with float32 weights.
 *
 * @throws DTypeError for any other name.
 * @example
 * DTypePolicy("mixed_bfloat16").computeDtype; // "bfloat16"
 * @see keras/src/dtype_policies/dtype_policy.py (Keras 3.x): same names; no quantized policies.
 */
export const DTypePolicy = callable(DTypePolicyBase);
export type DTypePolicy = DTypePolicyBase;

let global: DTypePolicy | null = null;
let fallback: DTypePolicy | null = null;

/** The policy of layers that name none. @defaultValue the policy of floatx, `"float32"` */
export function dtypePolicy(): DTypePolicy {
  if (global) return global;
  if (fallback?.name !== floatx()) fallback = new DTypePolicy(floatx());
  return fallback!;
}

/** Sets the policy of layers made from now on; `null` returns to floatx. */
export function setDtypePolicy(policy: string | DTypePolicy | Record<string, unknown> | null): void {
  global = policy === null ? null : getPolicy(policy);
}

/**
 * The policy that a layer's `dtype` means: a name, a policy, or a policy's config as files have it.
 *
 * @throws DTypeError when it is none of these.
 */
export function getPolicy(policy: string | DTypePolicy | Record<string, unknown> | null | undefined): DTypePolicy {
  if (policy === null || policy === undefined) return dtypePolicy();
  if (policy instanceof DTypePolicy) return policy;
  if (typeof policy === "string") {
    const current = dtypePolicy();
    return policy === current.name ? current : new DTypePolicy(policy);
  }
  if (isPlainObject(policy)) {
    const config = isPlainObject(policy.config) ? policy.config : policy;
    if (policy.class_name === "DTypePolicyMap") {
      throw new DTypeError("dtype: policies per layer (DTypePolicyMap) are not supported; give one policy per layer");
    }
    if (typeof config.name === "string") return getPolicy(config.name);
  }
  throw new DTypeError(
    `dtype: expected a dtype such as "float32", a policy such as "mixed_bfloat16", or a DTypePolicy. Received: ${describe(policy)}`,
  );
}

/** Whether layers of the policy compute in another dtype than their weights have. */
export const isMixed = (policy: DTypePolicy): boolean =>
  policy.computeDtype !== policy.variableDtype && isFloat(policy.computeDtype);
