/** Files of a folder with their classes, as `keras.utils` finds, orders, shuffles and splits them. */
import { describe } from "../core/errors.ts";
import { type FileSystem, platform } from "../core/platform.ts";
import { Dataset } from "../data/dataset.ts";
import { makeDefaultSeed } from "../random/seedGenerator.ts";
import { type Tensor, tensorFromHost } from "../runtime/tensor.ts";
import { numpyShuffle } from "./numpyRandom.ts";

export type LabelMode = "int" | "binary" | "categorical" | null;

export interface DirectoryOptions {
  /** `"inferred"` from the folders in the folder, a class number per file in the order of paths, or none. @defaultValue `"inferred"` */
  labels?: "inferred" | readonly number[] | null;
  /** Numbers (int32), one number of 0 or 1 (float32), or one-hot rows (float32). @defaultValue `"int"` */
  labelMode?: LabelMode;
  /** The classes in the order of their numbers. @defaultValue names of the folders, sorted */
  classNames?: readonly string[] | null;
  /** `null` for files one by one. @defaultValue `32` */
  batchSize?: number | null;
  /** @defaultValue `true` */
  shuffle?: boolean;
  /** For shuffling and splitting. */
  seed?: number | null;
  /** Fraction for validation. */
  validationSplit?: number | null;
  /** Which part to return; `"both"` returns two datasets. */
  subset?: "training" | "validation" | "both" | null;
  /** Whether to follow links to folders. @defaultValue `false` */
  followLinks?: boolean;
  /** Whether to print how many files there are. @defaultValue `true` */
  verbose?: boolean;
}

export const DIRECTORY_OPTIONS = [
  "labels",
  "labelMode",
  "classNames",
  "batchSize",
  "shuffle",
  "seed",
  "validationSplit",
  "subset",
  "followLinks",
  "verbose",
] as const;

/** A dataset of files. */
export interface DirectoryDataset<T> extends Dataset<T> {
  /** `null` without labels. */
  readonly classNames: readonly string[] | null;
  readonly filePaths: readonly string[];
}

/** Options with which there are no labels. */
type Unlabelled = { labels: null } | { labelMode: null };
/** Options with which there are. */
interface Labelled {
  labels?: "inferred" | readonly number[];
  labelMode?: Exclude<LabelMode, null>;
}
/** Options with which one dataset comes back. */
interface OnePart {
  subset?: "training" | "validation" | null;
}
type Pair<T> = [T, T];

/**
 * A function from a folder to the datasets of its files. Elements are `[content, label]`, or contents alone with
 * `labels: null` or `labelMode: null`; where the type of the options does not tell, either.
 */
export interface FromDirectory<O extends DirectoryOptions> {
  (directory: string, options: O & Unlabelled & OnePart): Promise<DirectoryDataset<Tensor>>;
  (directory: string, options: O & Unlabelled & { subset: "both" }): Promise<Pair<DirectoryDataset<Tensor>>>;
  (directory: string, options?: O & Labelled & OnePart): Promise<DirectoryDataset<[Tensor, Tensor]>>;
  (directory: string, options: O & Labelled & { subset: "both" }): Promise<Pair<DirectoryDataset<[Tensor, Tensor]>>>;
  (directory: string, options: O & { subset: "both" }): Promise<Pair<DirectoryDataset<[Tensor, Tensor] | Tensor>>>;
  (directory: string, options: O): Promise<DirectoryDataset<[Tensor, Tensor] | Tensor>>;
}

interface Index {
  readonly paths: readonly string[];
  readonly labels: readonly number[] | null;
  readonly classNames: readonly string[] | null;
}

/** The file system. @throws Error in browsers. */
export function needFiles(where: string): FileSystem {
  const { files } = platform();
  if (files) return files;
  throw new Error(
    `${where}: there are no folders in a browser. Use keras.data.Dataset.fromGenerator over the user's files`,
  );
}

/** Code points in order, as Python sorts text. */
const byCodePoint = (a: string, b: string): number => {
  const [x, y] = [[...a], [...b]];
  const at = x.findIndex((char, i) => char !== y[i]);
  if (at < 0) return x.length - y.length;
  return y[at] === undefined ? 1 : x[at]!.codePointAt(0)! - y[at]!.codePointAt(0)!;
};

/** Matching files of a folder and those inside of it: folder by folder in the order of their paths. */
async function walk(
  files: FileSystem,
  root: string,
  formats: readonly string[],
  followLinks: boolean,
): Promise<string[]> {
  const folders: { path: string; names: string[] }[] = [];
  const visit = async (path: string): Promise<void> => {
    const entries = await files.list(path);
    const isMatch = (name: string): boolean => formats.some((format) => name.toLowerCase().endsWith(format));
    const names = entries.filter((e) => e.kind === "file" && isMatch(e.name)).map((e) => e.name);
    folders.push({ path, names: names.sort(byCodePoint) });
    for (const { name, kind, isLink } of entries) {
      if (kind === "folder" && (followLinks || !isLink)) await visit(files.join(path, name));
    }
  };
  await visit(root);
  folders.sort((a, b) => byCodePoint(a.path, b.path));
  return folders.flatMap(({ path, names }) => names.map((name) => files.join(path, name)));
}

/** @see keras/src/utils/dataset_utils.py `index_directory` (Keras 3.x) */
async function indexDirectory(
  where: string,
  folder: string,
  formats: readonly string[],
  options: DirectoryOptions,
): Promise<Index> {
  const files = needFiles(where);
  const { labels = "inferred", classNames = null, followLinks = false } = options;
  if (labels !== "inferred") {
    if (classNames) throw new TypeError(`${where}: \`classNames\` goes with labels: "inferred" only`);
    const paths = await walk(files, folder, formats, followLinks);
    if (labels === null) return { paths, labels: null, classNames: null };
    if (labels.length !== paths.length) {
      throw new RangeError(
        `${where}: expected one label per file. Received: ${labels.length} labels; there are ${paths.length} files in ${folder}`,
      );
    }
    const names = [...new Set(labels)].sort((a, b) => a - b).map(String);
    return { paths, labels, classNames: names };
  }
  const entries = await files.list(folder);
  const found = entries.filter((e) => e.kind === "folder" && !e.name.startsWith(".")).map((e) => e.name);
  found.sort(byCodePoint);
  const unknown = classNames?.find((name) => !found.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(
      `${where}: \`classNames\` has ${describe(unknown)}, which is no folder in ${folder}. Folders: ${found.join(", ")}`,
    );
  }
  const names = classNames ?? found;
  const perClass = await Promise.all(names.map((name) => walk(files, files.join(folder, name), formats, followLinks)));
  return { paths: perClass.flat(), labels: perClass.flatMap((list, i) => list.map(() => i)), classNames: names };
}

function checkDirectoryOptions(where: string, options: DirectoryOptions): void {
  const {
    labels = "inferred",
    labelMode = "int",
    validationSplit = null,
    subset = null,
    shuffle = true,
    seed = null,
  } = options;
  if (labels !== "inferred" && labels !== null && !Array.isArray(labels)) {
    throw new TypeError(
      `${where}: expected \`labels\` to be "inferred", null or a list of numbers. Received: ${describe(labels)}`,
    );
  }
  if (!["int", "binary", "categorical", null].includes(labelMode)) {
    throw new RangeError(
      `${where}: expected \`labelMode\` to be "int", "binary", "categorical" or null. Received: ${describe(labelMode)}`,
    );
  }
  if (validationSplit !== null && !(validationSplit > 0 && validationSplit < 1)) {
    throw new RangeError(
      `${where}: expected \`validationSplit\` to be between 0 and 1. Received: ${describe(validationSplit)}`,
    );
  }
  if ((validationSplit === null) !== (subset === null)) {
    throw new TypeError(
      `${where}: \`validationSplit\` and \`subset\` go together. Received: ${describe(validationSplit)} and ${describe(subset)}`,
    );
  }
  if (!["training", "validation", "both", null].includes(subset)) {
    throw new RangeError(
      `${where}: expected \`subset\` to be "training", "validation" or "both". Received: ${describe(subset)}`,
    );
  }
  if (validationSplit && shuffle && seed === null) {
    throw new TypeError(
      `${where}: give a \`seed\` with \`validationSplit\` and shuffling, so that the two parts share no file; or shuffle: false`,
    );
  }
}

/** The part of an index that is asked for: the validation files are the last ones. */
function partOf(index: Index, split: number | null, subset: string | null): Index {
  if (split === null || subset === null) return index;
  const count = Math.trunc(split * index.paths.length);
  const part = <T>(list: readonly T[]): readonly T[] => {
    if (count === 0) return subset === "training" ? [] : list; // as slices of Python go
    return subset === "training" ? list.slice(0, -count) : list.slice(-count);
  };
  return { ...index, paths: part(index.paths), labels: index.labels && part(index.labels) };
}

function labelOf(label: number, mode: LabelMode, classes: number): Tensor {
  if (mode === "int") return tensorFromHost(Int32Array.of(label), [], "int32");
  if (mode === "binary") return tensorFromHost(Float32Array.of(label), [1], "float32");
  return tensorFromHost(
    Float32Array.from({ length: classes }, (_, i) => Number(i === label)),
    [classes],
    "float32",
  );
}

/**
 * The dataset, or both, of the files in a folder.
 *
 * @param read - Makes an element of a file.
 */
export async function filesToDataset(
  where: string,
  folder: string,
  formats: readonly string[],
  options: DirectoryOptions,
  read: (path: string) => Promise<Tensor>,
): Promise<unknown> {
  checkDirectoryOptions(where, options);
  const { batchSize = 32, shuffle = true, validationSplit = null, subset = null, verbose = true } = options;
  const labelled = options.labels !== null && options.labelMode !== null;
  const found = await indexDirectory(where, folder, formats, labelled ? options : { ...options, labels: null });
  const mode = options.labelMode ?? "int";
  if (labelled && mode === "binary" && found.classNames!.length !== 2) {
    throw new RangeError(
      `${where}: labelMode "binary" needs exactly 2 classes. Received: ${found.classNames!.join(", ") || "none"}`,
    );
  }
  const seed = options.seed ?? makeDefaultSeed();
  const mixed = <L>(list: readonly L[]): readonly L[] => (shuffle ? numpyShuffle(list, seed) : list);
  const index: Index = { ...found, paths: mixed(found.paths), labels: found.labels && mixed(found.labels) };
  const parts = subset === "both" ? ["training", "validation"] : [subset];
  const indices = parts.map((part) => partOf(index, validationSplit, part));
  if (verbose) report(found, indices, parts, validationSplit !== null);
  const datasets = indices.map(({ paths, labels, classNames }, i) => {
    if (paths.length === 0) {
      throw new RangeError(
        `${where}: no ${parts[i] ? `${parts[i]} ` : ""}files found in ${folder}. Allowed formats: ${formats.join(", ")}`,
      );
    }
    const classes = classNames?.length ?? 0;
    const elements = paths.map((path, k) => ({ path, label: labels?.[k] ?? null }));
    const inOrder = Dataset.fromAsyncIterable(elements);
    const staysInOrder = !shuffle || (subset === "both" && parts[i] === "validation");
    const order = staysInOrder ? inOrder : inOrder.shuffle(batchSize === null ? 1024 : batchSize * 8, { seed });
    const dataset = order.map(
      async ({ path, label }) => (label === null ? read(path) : [await read(path), labelOf(label, mode, classes)]),
      { numParallelCalls: 8 },
    );
    const result = batchSize === null ? dataset : dataset.batch(batchSize);
    return Object.assign(result, { classNames, filePaths: paths }) as DirectoryDataset<unknown>;
  });
  return datasets.length === 2 ? [datasets[0]!, datasets[1]!] : datasets[0]!;
}

function report(found: Index, indices: readonly Index[], parts: readonly (string | null)[], isSplit: boolean): void {
  const { write } = platform().terminal;
  const classes = found.classNames ? ` belonging to ${found.classNames.length} classes` : "";
  write(`Found ${found.paths.length} files${classes}.\n`);
  if (!isSplit) return;
  for (const [i, part] of parts.entries()) write(`Using ${indices[i]!.paths.length} files for ${part}.\n`);
}
