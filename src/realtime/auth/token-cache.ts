import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Claims } from './identity.js';

interface Known {
  /** JSON: each caller gets claims of its own, which guards of the application may change. */
  readonly claims: string;
  /** Milliseconds since 1970; `Infinity` without `exp`. */
  readonly expiresAt: number;
  /** Which keys it was checked by. */
  readonly keys: number;
}

/**
 * Tokens that were found valid, until they expire: after a cut thousands of clients come back with the ones they had.
 * Holds hashes of them, never the tokens. Bounded: the ones that were not seen for the longest time go first.
 */
export class TokenCache {
  private readonly known: LRUCache<string, Known> | undefined;

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
   * @param keys Number of the set of keys that tokens are checked by now: by another one it was not checked.
   * @returns what it claims, a fresh copy; `undefined` where it must be checked.
   */
  get(token: string, keys: number): Claims | undefined {
    if (!this.known) return undefined;
    const hash = hashOf(token);
    const found = this.known.get(hash);
    if (!found) return undefined;
    const isGood = found.keys === keys && Date.now() < found.expiresAt + this.toleranceMs;
    if (isGood) return JSON.parse(found.claims) as Claims;
    this.known.delete(hash);
    return undefined;
  }

  /** It was checked, and is valid. */
  put(token: string, claims: Claims, keys: number): void {
    const expiresAt = typeof claims['exp'] === 'number' ? claims['exp'] * 1_000 : Number.POSITIVE_INFINITY;
    this.known?.set(hashOf(token), { claims: JSON.stringify(claims), expiresAt, keys });
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
