/** What a page or a worker gives the library: the console in place of a terminal, and no files. */
import { BackendError } from "../core/errors.ts";
import type { Platform, Terminal } from "../core/platform.ts";

let line = "";

/** Text waits until its line is complete, because the console can only print whole lines. Colours are left out. */
const terminal: Terminal = {
  columns: null,
  interactive: false,
  write(text) {
    const lines = (line + text).split("\n");
    line = lines.pop()!;
    for (const full of lines) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with that character.
      const plain = full.replace(/\x1b\[[\d;]*m|[\b\r]/g, "");
      if (plain !== "") console.log(plain);
    }
  },
};

/** The platform of browsers; the package's entry for browsers installs it. */
export const browserPlatform: Platform = {
  name: "browser",
  terminal,
  files: null,
  readPackageFile: (specifier) =>
    Promise.reject(new BackendError(`cannot read ${specifier}: in a browser, packages have no files`)),
  environment: () => undefined,
  onInterrupt: () => () => undefined,
  // A message, not a timer: pages delay timers by 4 ms and more.
  yieldToHost: () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    }),
};
