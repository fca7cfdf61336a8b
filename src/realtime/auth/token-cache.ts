import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { Claims } from './identity.js';

/**
 * Tokens that were found valid, until they expire: after a cut thousands of clients come back with the ones they had.
 * Holds hashes of them, never the tokens, and nothing of what they claim: whoever comes back brings that along.
 * Bounded: the ones that were not seen for the longest time go first.
 */
export class TokenCache {
  /** By hash: `exp` as it stands in the token, `Infinity` without. Whole seconds take no room beside their place in the list. */
  private readonly known: LRUCache<string, number> | undefined;
  /** Which keys those were checked by. */
  private keys = 0;

  /**
   * @param size Most tokens. 0: none is remembered.
   * @param toleranceMs How far clocks may differ, as where `exp` is checked first.
   */
  constructor(
    size: number,
    private readonly toleranceMs: number,
  ) {
    this.known = size === 0 ? undefined : new LRUCache({ max: size });
  }

  /**
   * Says what a token claims, to each caller in objects of its own, which guards of the application may change.
   *
   * @param keys Number of the set of keys that tokens are checked by now: what another one checked is forgotten.
   * @param check Checks a token that is not known. What it throws is thrown on, and nothing is remembered.
   */
  async claimsOf(token: string, keys: number, check: (token: string) => Promise<Claims>): Promise<Claims> {
    const { known } = this;
    if (!known) return check(token);
    if (keys !== this.keys) {
      known.clear();
      this.keys = keys;
    }
    const id = hash('sha256', token, 'binary'); // 32 characters of one byte each.
    if (this.isGood(known.get(id))) {
      const claims = payloadOf(token);
      if (claims !== undefined) return claims as Claims;
    }
    const claims = await check(token);
    // Other keys may have come meanwhile. And a text that we read differently from who checked it is checked each time.
    if (keys === this.keys && isDeepStrictEqual(payloadOf(token), claims)) known.set(id, expiryOf(claims));
    return claims;
  }

  private isGood(expiry: number | undefined): boolean {
    return expiry !== undefined && Date.now() < expiry * 1_000 + this.toleranceMs;
  }
}

function expiryOf({ exp }: Claims): number {
  return typeof exp === 'number' ? exp : Number.POSITIVE_INFINITY;
}

/** What stands in the middle of `header.payload.signature`; `undefined`: no JSON. */
function payloadOf(token: string): unknown {
  const payload = token.slice(token.indexOf('.') + 1, token.lastIndexOf('.'));
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined; // Whether that is a token says who checks it.
  }
}
