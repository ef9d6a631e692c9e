/** What `adapt` counts, and the order in which counted tokens enter a vocabulary. */
import type { Rows, Token } from "./tokenRows.ts";

/** Compares text by code points, as UTF-8 bytes compare; JavaScript's own order is that of UTF-16 units. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [xPair, yPair] = [x >= 0xd800 && x < 0xe000, y >= 0xd800 && y < 0xe000];
    if (xPair !== yPair) return xPair ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

const compareTokens = (a: Token, b: Token): number =>
  typeof a === "string" ? compareText(a, b as string) : a - (b as number);

/** Counts of tokens, and of the documents (rows) that they occur in. */
export class TokenCounts {
  readonly #counts = new Map<Token, number>();
  readonly #documents = new Map<Token, number>();
  readonly #countsDocuments: boolean;
  #documentCount = 0;

  /** @param countsDocuments - Whether `inverseDocumentFrequency` will be asked for. */
  constructor(countsDocuments: boolean) {
    this.#countsDocuments = countsDocuments;
  }

  get size(): number {
    return this.#counts.size;
  }

  add({ rows }: Rows<Token>): void {
    for (const row of rows) {
      for (const token of row) this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1);
      if (!this.#countsDocuments) continue;
      for (const token of new Set(row)) this.#documents.set(token, (this.#documents.get(token) ?? 0) + 1);
    }
    this.#documentCount += rows.length;
  }

  /** The most frequent tokens, the greater first where counts are equal; without those in `except`. */
  mostFrequent(limit: number | null, except: readonly (Token | null)[]): Token[] {
    const left = [...this.#counts].filter(([token]) => !except.includes(token));
    left.sort(([a, countA], [b, countB]) => countB - countA || compareTokens(b, a));
    return left.slice(0, limit ?? left.length).map(([token]) => token);
  }

  /** Inverse document frequency, `ln(1 + documents / (1 + documents with the token))`. */
  inverseDocumentFrequency(token: Token): number {
    return Math.fround(Math.log(1 + this.#documentCount / (1 + (this.#documents.get(token) ?? 0))));
  }
}
