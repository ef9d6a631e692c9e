/** What a job says about itself: what is asked of each subject, how often, and which figures are read from the answers. */
import type { SubjectName } from "../subjects/subject.ts";

/** Data sets that jobs read from files. */
export type DataSet = "mnist" | "cifar10" | "imdb";

export interface Job {
  readonly name: string;
  /** The task that every subject's process knows. */
  readonly task:
    | "fit"
    | "predict"
    | "startup"
    | "memory"
    | "fitImages"
    | "predictImages"
    | "trainCifar10"
    | "fitSequences"
    | "predictSequences"
    | "trainImdb"
    | "customDense"
    | "handWrittenLoop"
    | "traceLayers";
  /** Whom it is for. @defaultValue all */
  readonly subjects?: readonly SubjectName[];
  /** Times that all subjects are run in turn. */
  readonly rounds: Readonly<{ normal: number; quick: number }>;
  /** The data set whose directory is among the parameters of its task. */
  readonly data: DataSet | null;
  /** Whether it runs only where `--job` names it: it takes long, and its figure is not a time. @defaultValue `false` */
  readonly onlyWhenNamed?: boolean;
  /** Parameters of the task for a subject, beside the directory of the data. */
  parameters(subject: SubjectName, quick: boolean): object;
  readonly measures: readonly Measure[];
}

/** One figure of a job: a table of its own and an entry of its own in the JSON. */
export interface Measure {
  readonly name: string;
  /** One line for the reader of the table. */
  readonly what: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** `false` for figures around zero, of which a quotient says nothing. @defaultValue `true` */
  readonly ratios?: boolean;
  /** The figure in an answer. */
  read(values: Record<string, unknown>, context: ReadContext): number;
  /** What the reader must know about this subject's figure. */
  note?(values: Record<string, unknown>, context: ReadContext): string | null;
}

export interface ReadContext {
  readonly subject: SubjectName;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** When the process was started, in milliseconds since 1970. */
  readonly startedAt: number;
}

/** A number at a path of keys in an answer. @throws TypeError naming the path when there is none. */
export function numberAt(values: unknown, ...path: string[]): number {
  const found = path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], values);
  if (typeof found !== "number" || !Number.isFinite(found)) {
    throw new TypeError(`expected a number at "${path.join(".")}". Received: ${JSON.stringify(values)?.slice(0, 200)}`);
  }
  return found;
}
