/**
 * Builds each image model that make_applications.py wrote weights for, loads them and compares the outputs:
 * `tsx test/interop/checkApplications.ts DIR`. One line per model; the last line says how many passed and failed.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Application, ApplicationOptions } from "../../src/applications/index.ts";
import * as keras from "../../src/node.ts";
import { decode, type EncodedArray } from "../../src/testing/fixtures.ts";

interface Facts {
  readonly function: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly images: EncodedArray;
  readonly outputs: EncodedArray;
}

/** Of the largest output: fifty layers of float32 sums in another order. */
const TOLERANCE = 1e-4;

const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

async function check(folder: string, name: string): Promise<string> {
  const facts = JSON.parse(await readFile(join(folder, `${name}.json`), "utf8")) as Facts;
  const functions = keras.applications as unknown as Record<string, Application<ApplicationOptions>>;
  const options = Object.fromEntries(Object.entries(facts.arguments).map(([key, value]) => [camelCase(key), value]));
  const { data, shape, dtype } = decode(facts.images);
  const images = keras.tensor(data as Float32Array, shape, dtype);
  const expected = decode(facts.outputs);
  const target = expected.data as Float32Array;
  const largest = Math.max(...target.map(Math.abs));
  const files = [`${name}.h5`, `${name}.weights.h5`].filter((file) => existsSync(join(folder, file)));
  let worst = 0;
  for (const file of files) {
    keras.utils.clearSession();
    const model = await functions[facts.function]!({ ...options, weights: join(folder, file) });
    const outputs = (await model.predict(images, { verbose: 0 })) as keras.Tensor;
    if (`${outputs.shape}` !== `${expected.shape}`) throw new Error(`${file}: shape (${outputs.shape})`);
    (await outputs.data()).forEach((value, i) => {
      worst = Math.max(worst, Math.abs(Number(value) - target[i]!) / largest);
    });
    if (!(worst < TOLERANCE)) throw new Error(`${file}: outputs differ by ${worst} of the largest, ${largest}`);
  }
  return (
    `${facts.function} from ${files.join(" and ")}, ${expected.data.length} outputs up to ${largest.toPrecision(2)}, ` +
    `largest difference ${worst.toExponential(1)} of that`
  );
}

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: tsx test/interop/checkApplications.ts DIR");
const names = (await readdir(folder)).filter((file) => file.endsWith(".json")).map((file) => file.slice(0, -5));
let passed = 0;
for (const name of names.sort()) {
  try {
    console.log(`ok    ${name}: ${await check(folder, name)}`);
    passed++;
  } catch (error) {
    console.log(`FAIL  ${name}: ${(error as Error).message}`);
  }
}
console.log(`${passed} passed, ${names.length - passed} failed`);
process.exitCode = passed > 0 && passed === names.length ? 0 : 1;
