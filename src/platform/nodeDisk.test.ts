/** Disks that refuse: what the system answers is imitated, because tests may run as a user whom nothing is refused. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type * as Promises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";

const refuse = vi.hoisted(() => ({ on: "open" as "open" | "write", code: "" }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof Promises>();
  const error = () => Object.assign(new Error(`${refuse.code}: refused`), { code: refuse.code });
  const open = async (...args: Parameters<typeof real.open>) => {
    if (refuse.on === "open") throw error();
    const file = await real.open(...args);
    file.writeFile = () => Promise.reject(error());
    return file;
  };
  return { ...real, open };
});

vi.resetModules(); // the setup file has loaded the module with the real file system
const { nodePlatform } = await import("./node.ts");

it.each([
  ["write", "ENOSPC", "the disk of FOLDER is full. Free some space or choose another folder. (ENOSPC)"],
  ["open", "EACCES", "no permission for it. Choose another folder or change the permissions of FOLDER. (EACCES)"],
  ["open", "EROFS", "the disk of FOLDER is read-only. Choose another folder. (EROFS)"],
] as const)("explains %s failing with %s, and the old file survives", async (on, code, words) => {
  const folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
  const path = join(folder, "model.keras");
  writeFileSync(path, "old");
  Object.assign(refuse, { on, code });
  const message = await nodePlatform.files!.writeAtomic(path, Uint8Array.of(1)).then(
    () => "",
    (error: Error) => error.message,
  );
  expect(message).toContain(`cannot write ${path}: `);
  expect(message).toContain(words.replace("FOLDER", folder));
  expect(message).toContain("The file that was there before is unchanged.");
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder)).toEqual(["model.keras"]);
  rmSync(folder, { recursive: true });
});
