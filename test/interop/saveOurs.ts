/**
 * Builds, trains a few steps and saves every family of models, with what check_ours.py compares beside each archive:
 * `tsx test/interop/saveOurs.ts DIR`.
 */
import { saveFamilies } from "./familyFiles.ts";
import { families } from "./models.ts";

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: tsx test/interop/saveOurs.ts DIR");
await saveFamilies(families(), folder);
