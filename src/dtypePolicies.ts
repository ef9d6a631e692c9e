/** `keras.dtypePolicies`: which dtype layers compute in and which their weights have. */
import { DTypePolicy, type DTypePolicyLike, getPolicy } from "./core/dtypePolicy.ts";
import { describe } from "./core/errors.ts";
import { isPlainObject } from "./core/tree.ts";
import { deserializeObject } from "./serialization/deserialize.ts";
import type { Config, CustomObjects } from "./serialization/registry.ts";
import { serializeObject } from "./serialization/serialize.ts";

export {
  DTypePolicy,
  /** Other name of {@link DTypePolicy}. */
  DTypePolicy as FloatDTypePolicy,
  type DTypePolicyLike,
  DTypePolicyMap,
  type DTypePolicyMapOptions,
} from "./core/dtypePolicy.ts";

/**
 * The policy that a name, a policy, its config, or `null` for the global one, stands for.
 *
 * @throws DTypeError when it is none of these.
 */
export const get = (identifier: DTypePolicyLike | null): DTypePolicy => getPolicy(identifier);

/** A policy's description, as files have it. */
export const serialize = (policy: DTypePolicy): Config => serializeObject(policy) as Config;

/** The policy that {@link serialize} described. `customObjects` has classes of the user by name. */
export function deserialize(config: Config, customObjects: CustomObjects = {}): DTypePolicy {
  if (!isPlainObject(config) || typeof config.class_name !== "string") {
    throw new TypeError(
      `dtypePolicies.deserialize: expected the config of a policy, as \`serialize\` gives it. Received: ${describe(config)}`,
    );
  }
  const isOwn = Object.hasOwn(customObjects, config.class_name) || (config.registered_name ?? null) !== null;
  const policy = isOwn ? deserializeObject(config, { customObjects }) : getPolicy(config);
  if (policy instanceof DTypePolicy) return policy;
  throw new TypeError(
    `dtypePolicies.deserialize: expected the config of a policy. Received: the config of ${describe(policy)}`,
  );
}
