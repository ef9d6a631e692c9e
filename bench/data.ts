/** Where the data sets of the jobs lie. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { DataSet } from "./jobs/job.ts";
import { findBatch } from "./subjects/cifar10.mjs";
import { findReviews } from "./subjects/imdb.mjs";
import { findIdx } from "./subjects/mnist.mjs";

const shared = fileURLToPath(new URL("../../shared/data/", import.meta.url));

/** Directories by flags, then by variables of the environment, then beside the checkout. */
export const directoriesOf = (
  flags: Readonly<{ data?: string | undefined; cifar10?: string | undefined; imdb?: string | undefined }> = {},
): Readonly<Record<DataSet, string>> => ({
  mnist: resolve(flags.data ?? process.env.KERAS_TS_BENCH_DATA ?? `${shared}mnist`),
  cifar10: resolve(flags.cifar10 ?? process.env.KERAS_TS_BENCH_CIFAR10 ?? `${shared}cifar10`),
  imdb: resolve(flags.imdb ?? process.env.KERAS_TS_BENCH_IMDB ?? `${shared}text`),
});

/** What to say when a data set is not where it should be, or null. */
export function missingData(set: DataSet, directories: Readonly<Record<DataSet, string>>): string | null {
  const at = directories[set];
  if (set === "mnist" && !findIdx(at)) {
    return `no MNIST in "${at}": download the IDX files and name their directory with --data or KERAS_TS_BENCH_DATA`;
  }
  if (set === "cifar10" && !findBatch(at)) {
    return `no CIFAR-10 in "${at}": download its binary version and name the directory with --cifar10 or KERAS_TS_BENCH_CIFAR10`;
  }
  if (set === "imdb" && !findReviews(at)) {
    return `no IMDB in "${at}": put imdb_train.tsv.gz and imdb_test.tsv.gz (label, stars, id, review a line) there, or name its directory with --imdb or KERAS_TS_BENCH_IMDB`;
  }
  return null;
}
