import { type Job, numberAt } from "./job.ts";

/**
 * From nothing to the first trained batch: starting the process, loading the library, building and compiling the
 * guide's MLP, one `trainOnBatch` of 64 made-up samples. Caches of the operating system are warm after the first round.
 */
export const startup: Job = {
  name: "startup",
  task: "startup",
  rounds: { normal: 7, quick: 2 },
  data: null,
  parameters: () => ({ batchSize: 64 }),
  measures: [
    {
      name: "startup",
      what: "a fresh process to the end of its first train step of the MLP",
      unit: "ms",
      better: "lower",
      read: (values, { startedAt }) => numberAt(values, "endedAt") - startedAt,
    },
  ],
};
