/** Attention layers. Every value exported here is a layer class. */
export {};
