/** Sizes of files, for people to read. */
import { gzipSync } from "node:zlib";

/** What a browser has to fetch, as it is and compressed. @returns all compressed bytes */
export function printSizes(title, files) {
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
  const row = (name, [size, zipped]) =>
    console.log(`  ${kilobytes(size).padStart(9)}  ${kilobytes(zipped).padStart(8)} gzip  ${name}`);
  console.log(`${title}:`);
  const total = [0, 0];
  for (const [name, bytes] of files) {
    const sizes = [bytes.length, gzipSync(bytes, { level: 9 }).length];
    sizes.forEach((size, i) => {
      total[i] += size;
    });
    row(name, sizes);
  }
  row("in all", total);
  return total[1];
}
