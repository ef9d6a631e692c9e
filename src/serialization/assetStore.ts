/** Where an object's files (vocabularies) are put when an archive is written, and taken from when one is read. */
export interface AssetStore {
  set(name: string, bytes: Uint8Array): void;
  /** The file's bytes, or `null` when there is none of that name. */
  get(name: string): Uint8Array | null;
}
