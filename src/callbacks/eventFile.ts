/**
 * Event files, which TensorBoard reads: records with checksums (TFRecord), each an `Event` of protocol buffers
 * (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto). What the summaries say is in summaries.ts.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { FileSystem } from "../core/platform.ts";

/** A value of a `Summary`. */
export interface Summary {
  readonly tag: string;
  /** The part of TensorBoard that shows it, with what it wants to know. */
  readonly plugin: string;
  readonly content?: string;
  readonly tensor: SummaryTensor;
}

/** A `TensorProto`: numbers as they lie in memory, or strings. */
export interface SummaryTensor {
  readonly dtype: "float32" | "float64" | "string";
  readonly shape: readonly number[];
  readonly values: Uint8Array | readonly (string | Uint8Array)[];
}

const DTYPES = { float32: 1, float64: 2, string: 7 } as const;

const message = (w: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void => {
  w.tag(field, WireType.LengthDelimited).fork();
  write(w);
  w.join();
};
const text = (w: BinaryWriter, field: number, value: string): BinaryWriter =>
  w.tag(field, WireType.LengthDelimited).string(value);
const bytes = (w: BinaryWriter, field: number, value: Uint8Array): BinaryWriter =>
  w.tag(field, WireType.LengthDelimited).bytes(value);

function writeTensor(w: BinaryWriter, { dtype, shape, values }: SummaryTensor): void {
  w.tag(1, WireType.Varint).int32(DTYPES[dtype]);
  message(w, 2, (proto) => {
    for (const size of shape) message(proto, 2, (dim) => void dim.tag(1, WireType.Varint).int64(size));
  });
  if (values instanceof Uint8Array) bytes(w, 4, values);
  else for (const value of values) typeof value === "string" ? text(w, 8, value) : bytes(w, 8, value);
}

function writeSummary(w: BinaryWriter, { tag, plugin, content, tensor }: Summary): void {
  message(w, 1, (value) => {
    text(value, 1, tag);
    message(value, 8, (proto) => writeTensor(proto, tensor));
    message(value, 9, (metadata) =>
      message(metadata, 1, (data) => {
        text(data, 1, plugin);
        if (content !== undefined) text(data, 2, content);
      }),
    );
  });
}

/** An `Event`. @param what - A summary at a step, or the version that a file begins with. */
function event(seconds: number, what: { readonly step: number; readonly summary: Summary } | string): Uint8Array {
  const w = new BinaryWriter();
  w.tag(1, WireType.Bit64).double(seconds);
  if (typeof what === "string") text(w, 3, what);
  else {
    if (what.step !== 0) w.tag(2, WireType.Varint).int64(what.step);
    message(w, 5, (summary) => writeSummary(summary, what.summary));
  }
  return w.finish();
}

// ---------------------------------------------------------------- records

/** CRC-32C (Castagnoli), reflected. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** The checksum of a record, masked as TFRecord wants it: a checksum of data that holds checksums is a weak one. */
export function maskedCrc(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Length (8 bytes), its checksum (4), the data, its checksum (4). */
function record(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return out;
}

// ---------------------------------------------------------------- files

/** Milliseconds after which what is written shows up in the file, so that TensorBoard can follow a run. */
const FLUSH_MS = 1000;

const now = (): number => Date.now() / 1000;

/** An event file in a folder. The file is made with the first events that are put into it. */
export class EventWriter {
  readonly #files: FileSystem;
  readonly #folder: string;
  readonly #path: string;
  #pending: Uint8Array[] = [record(event(now(), "brain.Event:2"))];
  #flushed: number | null = null;

  constructor(files: FileSystem, folder: string) {
    this.#files = files;
    this.#folder = folder;
    // TensorBoard reads files of a folder in the order of their names, which hence begin with the time.
    const name = `events.out.tfevents.${Math.floor(now())}.keras-ts.${crypto.randomUUID()}.v2`;
    this.#path = files.join(folder, name);
  }

  add(step: number, summary: Summary): void {
    this.#pending.push(record(event(now(), { step, summary })));
  }

  /** Whether events have been waiting for a while. */
  get isDue(): boolean {
    return this.#pending.length > 0 && performance.now() - (this.#flushed ?? Number.NEGATIVE_INFINITY) > FLUSH_MS;
  }

  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    if (this.#flushed === null) await this.#files.makeDirectory(this.#folder);
    const all = new Uint8Array(pending.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of pending) {
      all.set(part, at);
      at += part.length;
    }
    await this.#files.append(this.#path, all);
    this.#flushed = performance.now();
  }
}
