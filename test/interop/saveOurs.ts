/**
 * Builds, trains a few steps and saves every family of models, with what check_ours.py compares beside each archive:
 * `tsx test/interop/saveOurs.ts DIR`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ModelBase } from "../../src/models/model.ts";
import * as keras from "../../src/node.ts";
import { encodeTensors, encodeVariables, rows, trainSteps, type VariableFact } from "./archiveFacts.ts";
import { type Family, families } from "./models.ts";

const BATCH_SIZE = 16;
const STEPS_BEFORE = 2;
const STEPS_AFTER = 3;

/** Keras numbers variables without a name as it likes. */
const withoutAutomaticName = ({ name, path, value }: VariableFact) =>
  /^variable(_\d+)?$/.test(name) ? { value } : { name, path, value };

async function save(name: string, family: Family, folder: string): Promise<void> {
  keras.utils.clearSession();
  const model: ModelBase = family.build();
  const x = await encodeTensors(family.x);
  const y = family.y === null ? null : await encodeTensors(family.y);
  const data = family.compile && y !== null ? { x, y, batch_size: BATCH_SIZE } : null;
  if (family.compile) model.compile(family.compile());
  if (data) await trainSteps(model, data, STEPS_BEFORE);
  await model.save(join(folder, `${name}.keras`));
  const inputs = await encodeTensors(rows(x, 0, 5));
  const facts = {
    inputs,
    predictions: await encodeTensors(await model.predict(rows(x, 0, 5) as never, { verbose: 0 })),
    weights: await encodeVariables(model.weights),
    optimizer_variables: model.optimizer
      ? (await encodeVariables(model.optimizer.variables)).map(withoutAutomaticName)
      : null,
    train: data && {
      ...data,
      losses: (await trainSteps(model, data, STEPS_AFTER)).map((logs) => logs.loss),
    },
  };
  await writeFile(join(folder, `${name}.json`), JSON.stringify(facts));
}

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: tsx test/interop/saveOurs.ts DIR");
await mkdir(folder, { recursive: true });
for (const [name, family] of Object.entries(families())) await save(name, family, folder);
