/**
 * The benchmark: ours beside its rivals in one run.
 *
 *     npm run bench:setup                             # once: installs the rivals into .bench/
 *     npm run bench
 *     npm run bench -- --job predict-1 --quick        # two rounds only; --job may be repeated
 *     npm run bench -- --json results.json --data DIR # DIR holds MNIST's IDX files
 *     npm run bench -- --cifar10 DIR                  # DIR holds CIFAR-10's binary files
 *     npm run bench -- --imdb DIR                     # DIR holds imdb_train.tsv.gz: label, stars, id, review
 *
 * Every figure comes from a process of its own. The subjects take turns, round by round, in an order that rotates, so
 * that a machine that slows down slows all of them. Absolute times drift on shared machines: quote the ratios.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { parseArgs } from "node:util";
import { directoriesOf, missingData } from "./data.ts";
import { JOBS } from "./jobs/index.ts";
import type { Job, Measure } from "./jobs/job.ts";
import {
  type Entry,
  formatReason,
  formatTable,
  type Machine,
  type SubjectResult,
  summarize,
  toJson,
  type Unmeasured,
} from "./report.ts";
import { ask, compileOurs, OURS, SUBJECTS, type SubjectName } from "./subjects/subject.ts";

const TIMEOUT_MS = 15 * 60_000;

const { values: flags } = parseArgs({
  options: {
    job: { type: "string", multiple: true },
    subject: { type: "string", multiple: true },
    json: { type: "string" },
    data: { type: "string" },
    cifar10: { type: "string" },
    imdb: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});

const named = pick("job", flags.job, JOBS, (job) => job.name);
const jobs = flags.job ? named : named.filter((job) => !job.onlyWhenNamed);
const subjects = pick("subject", flags.subject, SUBJECTS, (name) => name);
const rounds = flags.rounds === undefined ? null : positiveInteger("--rounds", flags.rounds);
const directories = directoriesOf(flags);

const machine: Machine = {
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()}`,
};
console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}\n`);

if (subjects.includes(OURS)) await compileOurs();
const versions = new Map<SubjectName, Unmeasured | string>();
for (const name of subjects) {
  const version = await findVersion(name);
  versions.set(name, version);
  console.log(`${name.padEnd(16)}  ${typeof version === "string" ? version : formatReason(version)}`);
}

const entries: Entry[] = [];
for (const job of jobs) {
  const results = await measure(job);
  job.measures.forEach((figure, i) => {
    const { name, what, unit, better } = figure;
    const quotients = figure.ratios === undefined ? {} : { ratios: figure.ratios };
    const entry: Entry = { job: name, what, unit, better, ...quotients, subjects: results[i]!, machine };
    entries.push(entry);
    console.log(`\n${formatTable(entry)}`);
  });
  if (
    subjects.includes(OURS) &&
    (job.subjects?.includes(OURS) ?? true) &&
    results.some((figures) => !("median" in figures[OURS]!))
  )
    process.exitCode = 1;
  // After every job: an interrupted run keeps what it measured.
  if (flags.json) writeFileSync(flags.json, toJson(entries));
}

/** What is installed, or that it is not. */
async function findVersion(name: SubjectName): Promise<string | Unmeasured> {
  const answer = await ask(name, "version", {}, 60_000);
  if ("values" in answer) return String(answer.values.version);
  return name === OURS
    ? { error: answer.error }
    : { missing: `not installed; run "npm run bench:setup" (${answer.error})` };
}

/** The results of a job's measures, in their order. */
async function measure(job: Job): Promise<Partial<Record<SubjectName, SubjectResult>>[]> {
  const asked = subjects.filter((name) => job.subjects?.includes(name) ?? true);
  const results = job.measures.map((): Partial<Record<SubjectName, SubjectResult>> => ({}));
  const runs = new Map<string, number[]>();
  const notes = new Map<string, string>();
  const fail = (name: SubjectName, result: Unmeasured) => {
    for (const subjects of results) subjects[name] = result;
  };
  for (const name of asked) {
    const version = versions.get(name)!;
    if (typeof version !== "string") fail(name, version);
  }
  const error = job.data && missingData(job.data, directories);
  if (error) {
    for (const name of asked) if (!results[0]![name]) fail(name, { error });
    return results;
  }
  const count = rounds ?? (flags.quick ? job.rounds.quick : job.rounds.normal);
  for (let round = 0; round < count; round++) {
    for (let turn = 0; turn < asked.length; turn++) {
      const name = asked[(turn + round) % asked.length]!;
      if (results[0]![name]) continue;
      progress(`${job.name}: round ${round + 1} of ${count}, ${name}`);
      const version = versions.get(name) as string;
      const parameters = { ...job.parameters(name, flags.quick), ...(job.data ? { data: directories[job.data] } : {}) };
      const answer = await ask(name, job.task, parameters, TIMEOUT_MS);
      if ("error" in answer) {
        fail(name, { error: answer.error, version });
        continue;
      }
      const context = { subject: name, parameters, startedAt: answer.startedAt };
      try {
        job.measures.forEach((figure: Measure, i) => {
          const key = `${i} ${name}`;
          runs.set(key, [...(runs.get(key) ?? []), figure.read(answer.values, context)]);
          const note = figure.note?.(answer.values, context);
          if (note) notes.set(key, note);
        });
      } catch (error) {
        fail(name, { error: (error as Error).message, version });
      }
    }
  }
  progress("");
  return results.map((failed, i) =>
    Object.fromEntries(
      asked.map((name): [SubjectName, SubjectResult] => {
        const key = `${i} ${name}`;
        const note = notes.get(key);
        const version = versions.get(name) as string;
        return [name, failed[name] ?? { ...summarize(runs.get(key)!), version, ...(note ? { note } : {}) }];
      }),
    ),
  );
}

/** One line that is written over, for people who watch; nothing when the output is a file. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

/** The items that a flag names, in the order of the table; all when it names none. */
function pick<T>(flag: string, asked: string[] | undefined, all: readonly T[], nameOf: (item: T) => string): T[] {
  const names = asked?.flatMap((text) => text.split(","));
  const known = all.map(nameOf);
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) refuse(`--${flag}: expected one of ${known.join(", ")}. Received: "${unknown}"`);
  return all.filter((item) => !names || names.includes(nameOf(item)));
}

function positiveInteger(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) refuse(`${flag}: expected a positive integer. Received: "${text}"`);
  return value;
}

/** Ends the command with a sentence instead of a stack: what was typed is wrong, not the program. */
function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}
