import { createPublicKey } from 'node:crypto';

/** Turns the text of a setting into its value. @throws ExpectedError where the text is none. */
export type Reader<T> = (text: string) => T;

/** What a reader says about a text that it can't read: the end of a sentence that begins with "expected". */
export class ExpectedError extends Error {
  constructor(readonly expected: string) {
    super(expected);
    this.name = 'ExpectedError';
  }
}

/** Longest delay that a timer of Node can have; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** What is told apart from a misspelt word: a name of `proxy-addr`, an IPv4 or an IPv6 address, with or without a mask. */
const NETWORK =
  /^(loopback|linklocal|uniquelocal|\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?|[0-9a-f:.]*:[0-9a-f:.]*(\/\d{1,3})?)$/i;
const ORIGIN = /^https?:\/\/[^/?#@\s]+$/i;
/** Kinds of keys that tokens can be checked with. */
const USABLE_KEYS: ReadonlySet<string | undefined> = new Set(['rsa', 'rsa-pss', 'ec']);
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g;

/** Any text. */
export const text: Reader<string> = (given) => given;

/** A whole number in decimal digits. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): Reader<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  return (given) => {
    const value = /^\d+$/.test(given) ? Number(given) : NaN;
    if (!(Number.isSafeInteger(value) && value >= min && value <= max)) {
      throw new ExpectedError(`a whole number ${range}`);
    }
    return value;
  };
}

/** Milliseconds that a timer can wait. */
export const timerMs: Reader<number> = wholeNumber(0, MAX_TIMER_MS);

/** Milliseconds between two pings, or none. Answers to more than 10 a second would pass for a flood (CL7). */
export const heartbeatMs: Reader<number> = (given) => {
  const value = timerMs(given);
  if (value > 0 && value < 100) throw new ExpectedError('0 or a whole number from 100');
  return value;
};

export const flag: Reader<boolean> = (given) => {
  if (given !== 'true' && given !== 'false') throw new ExpectedError('true or false');
  return given === 'true';
};

/** Whom a proxy may be: the peer, so many hops, or networks. What an address is, the library says. */
export const trustProxy: Reader<boolean | number | readonly string[]> = (given) => {
  if (given === 'true' || given === 'false') return given === 'true';
  if (/^\d+$/.test(given)) return wholeNumber(0, 32)(given);
  const networks = list(given);
  if (!networks.every((one) => NETWORK.test(one))) {
    throw new ExpectedError('true, false, a number of hops, or networks such as loopback,10.0.0.0/8');
  }
  return networks;
};

/** One of some words. */
export function oneOf<const T extends string>(...words: readonly T[]): Reader<T> {
  return (given) => {
    const found = words.find((word) => word === given);
    if (found === undefined) throw new ExpectedError(`one of ${words.join(', ')}`);
    return found;
  };
}

/** Words separated by commas; spaces around them don't count. */
export const list: Reader<readonly string[]> = (given) => {
  const words = given.split(',').map((word) => word.trim());
  if (words.includes('')) throw new ExpectedError('a comma-separated list without empty places');
  return words;
};

/** Keys that open what operators use. Too long to be guessed, and such that they can stand in a header. */
export const adminKeys: Reader<readonly string[]> = (given) => {
  const keys = list(given);
  if (!keys.every((key) => /^[\x21-\x7e]{32,}$/.test(key))) {
    throw new ExpectedError('32 or more visible ASCII characters (openssl rand -base64 32)');
  }
  return keys;
};

/** Origins as browsers send them, or `*`. */
export const origins: Reader<readonly string[]> = (given) => {
  const words = list(given);
  for (const word of words) {
    if (word !== '*' && !(ORIGIN.test(word) && URL.canParse(word))) {
      throw new ExpectedError('a comma-separated list of origins such as https://example.org or http://localhost:8080');
    }
  }
  return words;
};

/** The name of the process's environment. A near spelling of `production` must not open what is meant for development. */
export const nodeEnv: Reader<string> = (given) => {
  if (given !== 'production' && /^(prod|live)/i.test(given))
    throw new ExpectedError('production, in full and in lower case');
  return given;
};

export const redisUrl: Reader<string> = (given) => {
  if (!/^rediss?(\+cluster|\+sentinel)?:\/\/[^/\s]/.test(given)) {
    throw new ExpectedError(
      'a URL that begins with redis:// or rediss://, or with redis+cluster:// or redis+sentinel:// and several hosts',
    );
  }
  return given;
};

export const redisPrefix: Reader<string> = (given) => {
  if (!/^[A-Za-z0-9:_-]*$/.test(given)) throw new ExpectedError('only A-Z a-z 0-9 : _ -');
  return given;
};

/** Where something is fetched from. */
export const httpUrl: Reader<string> = (given) => {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new ExpectedError('a URL that begins with https:// or http://, without user and password');
  }
  return url.href;
};

/** One or several public keys as PEM; `\n` stands for a line break, so that a key fits on one line. */
export const publicKeys: Reader<readonly string[]> = (given) => {
  const pem = given.replaceAll('\\n', '\n');
  const blocks = pem.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0 || pem.replace(PEM_BLOCK, '').trim() !== '') {
    throw new ExpectedError('a public key as PEM, from -----BEGIN to -----END, with \\n for its line breaks');
  }
  for (const block of blocks) checkPublicKey(block);
  return blocks;
};

function checkPublicKey(pem: string): void {
  // Node would make a public key out of a private one without a word, and the private key would lie where it needn't.
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(pem)) throw new ExpectedError('a public key, not a private one');
  let kind: string | undefined;
  try {
    kind = createPublicKey(pem).asymmetricKeyType;
  } catch {
    // Node's own words name OpenSSL's routines and help nobody.
    throw new ExpectedError('a public key that can be read; check that its lines are whole');
  }
  if (!USABLE_KEYS.has(kind)) throw new ExpectedError(`an RSA or EC key, not one of kind ${kind ?? 'unknown'}`);
}
