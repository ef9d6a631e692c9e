/** Recurrent layers, their cells, and wrappers over time. Every value exported here is a layer class. */
export {};
