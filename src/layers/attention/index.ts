/** Attention layers. Every value exported here is a layer class. */
export { AdditiveAttention } from "./additiveAttention.ts";
export {
  type AdditiveAttentionOptions,
  Attention,
  type AttentionCallOptions,
  type AttentionOptions,
} from "./attention.ts";
export { GroupQueryAttention, type GroupQueryAttentionOptions } from "./groupQueryAttention.ts";
export type { MultiHeadCallOptions } from "./multiHead.ts";
export { MultiHeadAttention, type MultiHeadAttentionOptions } from "./multiHeadAttention.ts";
