/** Vocabularies in files, a term per line. */
import { describe, SerializationError } from "../../core/errors.ts";
import { platform } from "../../core/platform.ts";
import { inSafeMode } from "../../serialization/deserialize.ts";

const LINES = '`vocabulary: text.trimEnd().split("\\n")`';

/**
 * The lines of a file; all of them are terms, special tokens are none of its business.
 *
 * @param where - The layer, for messages.
 * @throws Error in browsers; SerializationError for a file that cannot be read, and while a model file is loaded: it could
 *   name any file of the machine; RangeError for an empty line.
 */
export function readVocabularyFile(path: string, where: string): string[] {
  if (inSafeMode()) {
    throw new SerializationError(
      `${where}: the config asks for the vocabulary file ${describe(path)}, and a config must not open files. If you trust it, pass ` +
        "`safeMode: false`",
    );
  }
  const { files } = platform();
  if (!files) {
    throw new Error(
      `${where}: there are no files in a browser. Fetch its text, \`await (await fetch(url)).text()\`, and pass the lines: ${LINES}. ` +
        `Received: vocabulary=${describe(path)}`,
    );
  }
  const text = new TextDecoder("utf-8").decode(files.readSync(path));
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new RangeError(`${where}: the vocabulary is empty. Received: the empty file ${path}`);
  const empty = lines.indexOf("");
  if (empty < 0) return lines;
  throw new RangeError(
    `${where}: a file of terms has one per line. Received: an empty line, number ${empty + 1} of ${path}. Remove it; the mask and ` +
      "the token for unknown terms do not belong into the file",
  );
}
