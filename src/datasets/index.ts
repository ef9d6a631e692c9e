/** `keras.datasets`: data sets that are downloaded once and kept in the cache that Python Keras uses too. */
export * as cifar10 from "./cifar10.ts";
export * as mnist from "./mnist.ts";
