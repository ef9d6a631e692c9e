/** Archives of families of models: saving them here with the facts beside them, and checking those that Python Keras saved. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ModelBase } from "../../src/models/model.ts";
import * as keras from "../../src/node.ts";
import {
  type ArchiveFacts,
  checkModel,
  encodeTensors,
  encodeVariables,
  Mismatch,
  rows,
  type Tolerances,
  trainSteps,
  type VariableFact,
} from "./archiveFacts.ts";
import type { Family } from "./models.ts";

const BATCH_SIZE = 16;
const STEPS_BEFORE = 2;
const STEPS_AFTER = 3;

/** Keras numbers variables without a name as it likes. */
const withoutAutomaticName = ({ name, path, value }: VariableFact) =>
  /^variable(_\d+)?$/.test(name) ? { value } : { name, path, value };

const optimizerState = async (model: ModelBase) =>
  model.optimizer ? (await encodeVariables(model.optimizer.variables)).map(withoutAutomaticName) : null;

/** Builds, trains a few steps and saves a model; further steps give what Python Keras is to come to. */
async function saveFamily(name: string, family: Family, folder: string, stateAfter: boolean): Promise<void> {
  keras.utils.clearSession();
  const model: ModelBase = family.build();
  const x = await encodeTensors(family.x);
  const y = family.y === null ? null : await encodeTensors(family.y);
  const data = family.compile && y !== null ? { x, y, batch_size: BATCH_SIZE } : null;
  if (family.compile) model.compile(family.compile());
  if (data) await trainSteps(model, data, STEPS_BEFORE);
  family.beforeSave?.(model);
  await model.save(join(folder, `${name}.keras`));
  const inputs = await encodeTensors(rows(x, 0, 5));
  const facts = {
    inputs,
    predictions: await encodeTensors(await model.predict(rows(x, 0, 5) as never, { verbose: 0 })),
    weights: await encodeVariables(model.weights),
    optimizer_variables: await optimizerState(model),
    train: data && {
      ...data,
      losses: (await trainSteps(model, data, STEPS_AFTER)).map((logs) => logs.loss),
      ...(stateAfter ? { optimizer_variables: await optimizerState(model) } : {}),
    },
  };
  await writeFile(join(folder, `${name}.json`), JSON.stringify(facts));
}

/** @param stateAfter - Whether the optimizer's state after the further steps is among the facts. */
export async function saveFamilies(
  families: Readonly<Record<string, Family>>,
  folder: string,
  stateAfter = false,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, family] of Object.entries(families)) await saveFamily(name, family, folder, stateAfter);
}

/**
 * Loads every archive in a folder and compares; one line per file, the last line says how many passed and failed.
 *
 * @param beforeLoad - Called with the name of each before it is loaded.
 */
export async function checkFolder(
  folder: string,
  tolerances?: Tolerances,
  beforeLoad: (name: string) => void = () => undefined,
): Promise<void> {
  const archives = (await readdir(folder)).filter((file) => file.endsWith(".keras")).sort();
  let passed = 0;
  for (const file of archives) {
    keras.utils.clearSession();
    beforeLoad(file.replace(".keras", ""));
    try {
      const facts = JSON.parse(await readFile(join(folder, file.replace(/keras$/, "json")), "utf8")) as ArchiveFacts;
      const model = await keras.models.loadModel(join(folder, file));
      console.log(`ok    ${file}: ${(await checkModel(model, facts, tolerances)).join(", ")}`);
      passed++;
    } catch (error) {
      const { name, message } = error as Error;
      console.log(`FAIL  ${file}: ${error instanceof Mismatch ? "" : `${name}: `}${message}`);
    }
  }
  if (archives.length === 0) console.log(`no .keras file in ${folder}`);
  console.log(`${passed} passed, ${archives.length - passed} failed`);
  process.exitCode = passed > 0 && passed === archives.length ? 0 : 1;
}
