/** Tokens and their indices, after the indices of the mask and of what is out of the vocabulary. */
import { describe } from "../../core/errors.ts";
import type { Token } from "./tokenRows.ts";

/** What stands before the tokens. */
export interface SpecialTokens {
  readonly maskToken: Token | null;
  readonly oovToken: Token | null;
  /** Whether the mask has an index of its own, 0. */
  readonly maskIndexed: boolean;
  readonly oovCount: number;
}

/** The tokens that a full vocabulary begins with. */
export const specialTokens = ({ maskToken, oovToken, maskIndexed, oovCount }: SpecialTokens): (Token | null)[] => [
  ...(maskIndexed ? [maskToken] : []),
  ...new Array<Token | null>(oovCount).fill(oovToken),
];

const SHOWN = 5;
const list = (tokens: readonly (Token | null)[]): string =>
  tokens.slice(0, SHOWN).map(describe).join(", ") +
  (tokens.length > SHOWN ? `, and ${tokens.length - SHOWN} more` : "");

/**
 * The tokens proper of a vocabulary that may begin with the special ones.
 *
 * @throws RangeError for an empty one, for tokens that occur twice, and for special tokens elsewhere than at the start.
 */
export function ownTokens(
  vocabulary: readonly Token[],
  special: SpecialTokens,
  invert: boolean,
  where: string,
): { tokens: readonly Token[]; hadSpecial: boolean } {
  if (vocabulary.length === 0) {
    throw new RangeError(
      `${where}: the vocabulary is empty. Give at least one term, or learn them: \`await layer.adapt(data)\``,
    );
  }
  const first = specialTokens(special);
  const hadSpecial = first.every((token, i) => vocabulary[i] === token) && vocabulary.length >= first.length;
  const tokens = hadSpecial ? vocabulary.slice(first.length) : vocabulary;
  const seen = new Set<Token>();
  const repeated = new Set(tokens.filter((token) => seen.size === seen.add(token).size));
  if (repeated.size > 0) {
    throw new RangeError(
      `${where}: every term of a vocabulary may occur once. Repeated: ${list([...repeated])}. Remove the duplicates: [...new Set(terms)]`,
    );
  }
  const reserved: [what: string, token: Token | null][] = [["mask", special.maskToken]];
  // What stands for unknown terms matters only on the way back.
  if (invert) reserved.push(["OOV", special.oovToken]);
  for (const [what, token] of reserved) {
    if (token === null || !seen.has(token)) continue;
    throw new RangeError(
      `${where}: the ${what} token ${describe(token)} stands at index ${vocabulary.lastIndexOf(token)} of the vocabulary. Leave ` +
        `special tokens out, or put them at the start in precisely this order: ${list(first)}`,
    );
  }
  return { tokens, hadSpecial };
}

/** A vocabulary as a table in both directions. */
export class VocabularyTable {
  readonly tokens: readonly Token[];
  readonly #start: number;
  readonly #indices: Map<Token, number>;

  /** @param start - Index of the first token. */
  constructor(tokens: readonly Token[], start: number) {
    this.tokens = tokens;
    this.#start = start;
    this.#indices = new Map(tokens.map((token, i) => [token, start + i]));
  }

  indexOf(token: Token): number | undefined {
    return this.#indices.get(token);
  }

  tokenAt(index: number): Token | undefined {
    return this.tokens[index - this.#start];
  }
}
