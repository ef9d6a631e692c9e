/**
 * Where the time of a job goes: the engine's times of the nodes of our program, by operator and shapes.
 *
 *     npm run bench:profile -- ticket-fit          # the program that took the longest
 *     npm run bench:profile -- ticket-fit --nodes  # every node on its own, in the order in which they run
 *
 * Taking the times costs some of them; what is between the nodes is JavaScript and the engine's own bookkeeping.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { directoriesOf, missingData } from "./data.ts";
import { JOBS } from "./jobs/index.ts";
import { ask, compileOurs, OURS } from "./subjects/subject.ts";

/** An event of Chrome's trace format, as the engine writes them. Times in microseconds. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args: Readonly<{ op_name?: string; input_type_shape?: Shapes; output_type_shape?: Shapes }>;
}
type Shapes = readonly Readonly<Record<string, readonly number[]>>[];

interface Row {
  readonly what: string;
  readonly times: number[];
}

const { values: flags, positionals } = parseArgs({
  options: { nodes: { type: "boolean", default: false } },
  allowPositionals: true,
});
const job = JOBS.find(({ name }) => name === positionals[0]);
if (!job) {
  console.error(`Expected the name of a job: ${JOBS.map(({ name }) => name).join(", ")}. Received: ${positionals[0]}`);
  process.exit(2);
}
const directories = directoriesOf();
const missing = job.data && missingData(job.data, directories);
if (missing) throw new Error(missing);

await compileOurs();
const folder = mkdtempSync(join(tmpdir(), "keras-ts-profile-"));
const parameters = { ...job.parameters(OURS, false), ...(job.data ? { data: directories[job.data] } : {}) };
const answer = await ask(OURS, job.task, parameters, 15 * 60_000, { KERAS_TS_PROFILE: folder });
if ("error" in answer) throw new Error(answer.error);
const traces = readdirSync(folder).map((file) => ({
  file,
  events: JSON.parse(readFileSync(join(folder, file), "utf8")) as TraceEvent[],
}));
rmSync(folder, { recursive: true });

const runsOf = (events: readonly TraceEvent[]): number[] =>
  events.filter(({ name }) => name === "model_run").map(({ dur }) => dur);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, x) => total + x, 0);
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

traces.sort((a, b) => sum(runsOf(b.events)) - sum(runsOf(a.events)));
const { file, events } = traces[0]!;
const runs = runsOf(events).length;
console.log(`${file.replace(/_\d{4}-.*/, "")}: ${runs} runs, ${ms(median(runsOf(events)))} ms each (median)\n`);

// All runs have the same nodes; a node's name is its own.
const nodes = new Map<string, Row>();
for (const { cat, name, dur, args } of events) {
  if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
  const node = nodes.get(name) ?? { what: describe(args), times: [] };
  node.times.push(dur);
  nodes.set(name, node);
}
// Time per run of the program: nodes inside the engine's loops have several calls in it.
let rows = [...nodes.values()].map(({ what, times }) => {
  const calls = times.length / runs;
  return { what, calls, us: median(times) * calls };
});
if (!flags.nodes) {
  const alike = new Map<string, { what: string; calls: number; us: number }>();
  for (const { what, calls, us } of rows) {
    const group = alike.get(what) ?? { what, calls: 0, us: 0 };
    group.calls += calls;
    group.us += us;
    alike.set(what, group);
  }
  rows = [...alike.values()].sort((a, b) => b.us - a.us);
}
const total = sum(rows.map(({ us }) => us));
for (const { what, calls, us } of rows) {
  if (us < total / 500 && !flags.nodes) continue;
  console.log(`${ms(us).padStart(8)} ms ${((100 * us) / total).toFixed(1).padStart(5)} %  ${calls} x ${what}`);
}
console.log(`${ms(total).padStart(8)} ms in nodes`);

function ms(us: number): string {
  return (us / 1000).toFixed(3);
}

/** "MatMul (32, 4) (4, 2) -> (32, 2)". */
function describe({ op_name, input_type_shape = [], output_type_shape = [] }: TraceEvent["args"]): string {
  const list = (shapes: Shapes): string =>
    shapes
      .slice(0, 6)
      .map((shape) => `(${Object.values(shape)[0]!.join(", ")})`)
      .join(" ") + (shapes.length > 6 ? ` and ${shapes.length - 6} more` : "");
  return `${op_name} ${list(input_type_shape)} -> ${list(output_type_shape)}`;
}
