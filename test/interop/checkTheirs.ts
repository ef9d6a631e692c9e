/**
 * Loads every archive that make_theirs.py wrote, and compares: `tsx test/interop/checkTheirs.ts DIR`. One line per file;
 * the last line says how many passed and failed; the exit code is 1 when one failed.
 */
import { checkFolder } from "./familyFiles.ts";

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: tsx test/interop/checkTheirs.ts DIR");
await checkFolder(folder);
