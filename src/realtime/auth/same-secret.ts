import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Says whether what somebody gave is one of the secrets, in a time that tells nothing about any of them: their hashes are
 * compared, which have one length, and all of them, also after one was found. An empty text is none.
 */
export function isOneOfSecrets(given: unknown, secrets: readonly string[]): boolean {
  if (typeof given !== 'string' || given === '') return false;
  const hash = hashOf(given);
  let found = false;
  for (const secret of secrets) {
    const same = timingSafeEqual(hash, hashOf(secret));
    found ||= same;
  }
  return found;
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
