/** Text from files, addresses, bytes and streams, piece by piece: a file may be larger than memory. */
import { describe } from "../core/errors.ts";
import { platform } from "../core/platform.ts";

/** A path (in Node), an address, bytes, a `File` or `Blob`, or pieces of text or bytes, such as a stream's. */
export type TextSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>;

type Pieces = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

async function fetched(where: string, address: string): Promise<Pieces> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (cause) {
    throw new Error(`${where}: cannot read ${address}. Received: ${(cause as Error).message}`, { cause });
  }
  if (!response.ok || !response.body) {
    throw new Error(
      `${where}: cannot read ${address}. Received: HTTP ${response.status} ${response.statusText}`.trim(),
    );
  }
  return pieces(response.body);
}

/** A stream's pieces; not every browser can iterate over streams. */
async function* pieces(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

async function open(where: string, source: TextSource): Promise<Pieces> {
  if (typeof source === "string" || source instanceof URL) {
    const { files } = platform();
    const address = String(source);
    return files && !/^[a-z]+:\/\//i.test(address) ? files.readPieces(address) : fetched(where, address);
  }
  if (source instanceof Uint8Array) return [source];
  if (source instanceof ArrayBuffer) return [new Uint8Array(source)];
  if (source instanceof Blob) return pieces(source.stream());
  if (typeof source === "object" && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source)) {
    return source;
  }
  throw new TypeError(
    `${where}: expected a path, a URL, bytes, a Blob, or pieces of text or bytes. Received: ${describe(source)}`,
  );
}

/** The text of a source, in pieces that are decoded from UTF-8; a byte order mark is left out. */
export async function* textPieces(where: string, source: TextSource): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of await open(where, source)) {
    yield typeof piece === "string" ? piece : decoder.decode(piece, { stream: true });
  }
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}

/** The lines of a source, without their ends (`\n`, `\r\n`). */
export async function* textLines(source: TextSource): AsyncGenerator<string> {
  let line = "";
  for await (const piece of textPieces("fromTextLines", source)) {
    const lines = (line + piece).split("\n");
    line = lines.pop()!;
    for (const full of lines) yield full.endsWith("\r") ? full.slice(0, -1) : full;
  }
  if (line !== "") yield line.endsWith("\r") ? line.slice(0, -1) : line;
}
