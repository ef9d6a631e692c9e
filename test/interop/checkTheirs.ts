/**
 * Loads every archive that make_theirs.py wrote, and compares: `tsx test/interop/checkTheirs.ts DIR`. One line per file;
 * the last line says how many passed and failed; the exit code is 1 when one failed.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as keras from "../../src/node.ts";
import { type ArchiveFacts, checkModel, Mismatch } from "./archiveFacts.ts";

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: tsx test/interop/checkTheirs.ts DIR");
const archives = (await readdir(folder)).filter((file) => file.endsWith(".keras")).sort();
let passed = 0;
for (const file of archives) {
  keras.utils.clearSession();
  try {
    const facts = JSON.parse(await readFile(join(folder, file.replace(/keras$/, "json")), "utf8")) as ArchiveFacts;
    const model = await keras.models.loadModel(join(folder, file));
    console.log(`ok    ${file}: ${(await checkModel(model, facts)).join(", ")}`);
    passed++;
  } catch (error) {
    const { name, message } = error as Error;
    console.log(`FAIL  ${file}: ${error instanceof Mismatch ? "" : `${name}: `}${message}`);
  }
}
if (archives.length === 0) console.log(`no .keras file in ${folder}`);
console.log(`${passed} passed, ${archives.length - passed} failed`);
process.exitCode = passed > 0 && passed === archives.length ? 0 : 1;
