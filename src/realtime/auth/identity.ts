import { randomUUID } from 'node:crypto';

/** What a token or a guard says about somebody: the claims of a JWT, or the `user` that a guard put on the request. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who the handshake proved (HS9). */
export interface Identity {
  /** 1–128 characters. Of an anonymous connection: `anon-` and something random. */
  readonly id: string;
  /** What others see: at most 64 characters, none of them a control character. */
  readonly name: string;
  readonly claims: Claims;
  readonly anonymous: boolean;
  /** Milliseconds since 1970. Absent: for as long as the connection lives. */
  readonly expiresAt?: number;
}

const MAX_ID_LENGTH = 128;
const MAX_NAME_LENGTH = 64;

/** Makes a name fit to be shown: control characters are taken out, 64 characters at most. Empty where nothing is left. */
export function cleanName(name: unknown): string {
  if (typeof name !== 'string') return '';
  // Cc and the characters that reorder text; a cut must not leave half of a surrogate pair.
  const printable = name.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '').trim();
  if (printable === name && name.length <= MAX_NAME_LENGTH) return name; // The claims hold it too: no second copy.
  return Array.from(printable).slice(0, MAX_NAME_LENGTH).join('');
}

/**
 * Makes an identity out of claims: `id` is `sub` (else `id`, which is what many guards call it), `name` is `name`, else
 * `preferred_username`, else the id. `exp`, in seconds as JWT has it, becomes `expiresAt`.
 *
 * @returns undefined where the claims name nobody.
 */
export function identityOf(
  claims: Claims,
  mapped?: { id: string; name?: string; expiresAt?: number },
): Identity | undefined {
  const id = mapped ? mapped.id : (claims['sub'] ?? claims['id'] ?? claims['userId']);
  const text = typeof id === 'number' ? String(id) : id;
  if (typeof text !== 'string' || text.length === 0 || text.length > MAX_ID_LENGTH) return undefined;
  // Half of a surrogate pair is the same three bytes, whichever half it is: two users would share a room.
  if (Buffer.from(text).toString() !== text) return undefined;
  const name = mapped ? cleanName(mapped.name) : cleanName(claims['name']) || cleanName(claims['preferred_username']);
  const expiresAt = mapped?.expiresAt ?? (typeof claims['exp'] === 'number' ? claims['exp'] * 1000 : undefined);
  return {
    id: text,
    name: name || cleanName(text) || 'user',
    claims,
    anonymous: false,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** Makes an identity for somebody who showed no token. The name may be empty: then the first frame gives it (HS9). */
export function anonymousIdentity(name: string): Identity {
  return { id: `anon-${randomUUID()}`, name, claims: {}, anonymous: true };
}
