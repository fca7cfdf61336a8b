import type { Identity } from './identity.js';
import { RoomPolicy } from './room-policy.js';
import type { RoomTarget } from './room-policy.js';

export interface ClaimRoomPolicyOptions {
  /** Name of the claim. Default `rooms`. */
  readonly claim?: string;
}

/** More patterns than a token has room for; and longer ones than any address. */
const MAX_PATTERNS = 1_000;
const MAX_PATTERN_LENGTH = 256;

/**
 * Lets an identity into the rooms that a claim of its token names, to read and to publish: `rooms: ["general", "team-*"]`.
 *
 * `*` stands for any characters of a name, none included. A pattern without a slash names rooms of every namespace,
 * one with a slash those of one: `chat/team-*`. Upper and lower case differ.
 *
 * A claim that is missing or is no list of texts opens nothing, nor does a list of more than 1,000 or with a text of more
 * than 256 characters. Who has no token has no claims.
 */
export class ClaimRoomPolicy extends RoomPolicy {
  private readonly claim: string;

  constructor({ claim = 'rooms' }: ClaimRoomPolicyOptions = {}) {
    super();
    this.claim = claim;
  }

  mayJoin({ claims }: Identity, room: RoomTarget): boolean {
    // A claim that is named like something every object has is no claim.
    const patterns: unknown = Object.hasOwn(claims, this.claim) ? claims[this.claim] : undefined;
    return isPatterns(patterns) && patterns.some((pattern) => matches(pattern, room));
  }

  mayPublish(identity: Identity, room: RoomTarget): boolean {
    return this.mayJoin(identity, room);
  }
}

function isPatterns(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_PATTERNS &&
    value.every((pattern) => typeof pattern === 'string' && pattern.length <= MAX_PATTERN_LENGTH)
  );
}

function matches(pattern: string, { namespace, name }: RoomTarget): boolean {
  const slash = pattern.indexOf('/');
  if (slash < 0) return matchesName(pattern, name);
  return matchesName(pattern.slice(0, slash), namespace) && matchesName(pattern.slice(slash + 1), name);
}

/**
 * A name has no slash, so a star can't reach over one. No regular expression, which a pattern could make slow: the pieces
 * between the stars are looked for from left to right, and the leftmost place for each leaves most to those that follow.
 */
function matchesName(pattern: string, name: string): boolean {
  const [first = '', ...pieces] = pattern.split('*');
  const last = pieces.pop();
  if (last === undefined) return pattern === name;
  if (first.length + last.length > name.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const piece of pieces) {
    const found = name.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
