/** Reviews of films for examples: IMDB's where they lie in a directory, else sentences made up for small runs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { BLAME, PRAISE } from "./filmReviews.ts";
import { small } from "./small.ts";

/** Texts, and for each 1 when it speaks well of the film, else 0. */
export interface Reviews {
  readonly texts: string[];
  readonly labels: number[];
}

const DEFAULT_DIRECTORY = fileURLToPath(new URL("../../../shared/data/text", import.meta.url));

/**
 * Training and test reviews of the "Large Movie Review Dataset" in a directory, made up ones in a small run without a directory.
 * Ends the program with a sentence when there are none.
 */
export function loadReviews(directory?: string): { train: Reviews; test: Reviews } {
  if (small && directory === undefined) {
    console.log("A small run takes made-up reviews of two sentences each.");
    return { train: pairs(0, 18), test: pairs(18, 24) };
  }
  const from = resolve(directory ?? DEFAULT_DIRECTORY);
  const [train, test] = (["train", "test"] as const).map((set) => readTable(from, set) ?? readFolders(from, set));
  if (train && test) return { train, test };
  console.error(
    `There are no IMDB reviews in ${from}. Download https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz, unpack it, ` +
      "and give the path of its folder aclImdb on the command line; or see a small run on made-up reviews with --small.",
  );
  process.exit(1);
}

/** A gzip-compressed table: label, stars, id and text of a review a line. */
function readTable(directory: string, set: string): Reviews | null {
  const path = join(directory, `imdb_${set}.tsv.gz`);
  if (!existsSync(path)) return null;
  const rows = gunzipSync(readFileSync(path)).toString("utf8").trimEnd().split("\n");
  const fields = rows.map((row) => row.split("\t"));
  return { texts: fields.map(([, , , text]) => clean(text!)), labels: fields.map(([label]) => Number(label)) };
}

/** The folders of the archive: a file for each review. */
function readFolders(directory: string, set: string): Reviews | null {
  const folders = ["neg", "pos"].map((name) => join(directory, set, name));
  if (!folders.every((folder) => existsSync(folder))) return null;
  const texts = folders.map((folder) =>
    readdirSync(folder).map((file) => clean(readFileSync(join(folder, file), "utf8"))),
  );
  return { texts: texts.flat(), labels: texts.flatMap((of, label) => of.map(() => label)) };
}

const clean = (text: string): string => text.replaceAll("<br />", " ");

/** Every two of the sentences from one number up to another, of the same kind. */
function pairs(from: number, to: number): Reviews {
  const join = (sentences: readonly string[]): string[] => {
    const part = sentences.slice(from, to);
    return part.flatMap((first, i) => part.filter((_, j) => i !== j).map((second) => `${first} ${second}`));
  };
  const [against, inFavour] = [join(BLAME), join(PRAISE)];
  return {
    texts: [...against, ...inFavour],
    labels: [...against.map(() => 0), ...inFavour.map(() => 1)],
  };
}
