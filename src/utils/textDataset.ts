/** `keras.utils`: text files in folders. */
import { checkOptions, describe } from "../core/errors.ts";
import { tensor } from "../runtime/tensor.ts";
import {
  DIRECTORY_OPTIONS,
  type DirectoryOptions,
  type FromDirectory,
  filesToDataset,
  needFiles,
} from "./indexDirectory.ts";

export interface TextDirectoryOptions extends DirectoryOptions {
  /** Characters of a text after which the rest is left out. @defaultValue all */
  maxLength?: number | null;
}

/**
 * Texts of the `.txt` files in a folder, whose folders are the classes, as batches of `[texts, labels]`, or of texts alone
 * with `labels: null`.
 *
 * @returns A dataset with `classNames` and `filePaths`; two of them for subset "both".
 * @throws RangeError, TypeError for options that do not fit, or when there are no files.
 * @see keras/src/utils/text_dataset_utils.py (Keras 3.x): same classes, labels and order of files, split and shuffled too
 *   (NumPy's); when iterated over, a shuffled dataset has the order of `Dataset.shuffle`
 */
export const textDatasetFromDirectory = (async (directory: string, options: TextDirectoryOptions = {}) => {
  const where = "textDatasetFromDirectory";
  checkOptions(where, options, [...DIRECTORY_OPTIONS, "maxLength"]);
  const { maxLength = null } = options;
  if (maxLength !== null && (!Number.isInteger(maxLength) || maxLength < 1)) {
    throw new RangeError(`${where}: expected \`maxLength\` to be a positive integer. Received: ${describe(maxLength)}`);
  }
  const files = needFiles(where);
  return filesToDataset(where, directory, [".txt"], options, async (path) => {
    const bytes = await files.read(path);
    // TensorFlow counts bytes here; a character that is cut in two becomes "�".
    return tensor(new TextDecoder().decode(maxLength === null ? bytes : bytes.subarray(0, maxLength)));
  });
}) as FromDirectory<TextDirectoryOptions>;
