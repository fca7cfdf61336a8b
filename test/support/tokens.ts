import { createHmac } from 'node:crypto';

/** Who a token is for, and what else it says. `exp` is made from `expiresInMs` where it does not stand here. */
export type TokenClaims = Readonly<Record<string, unknown>>;

export interface MintOptions {
  /** Default: an hour. */
  readonly expiresInMs?: number;
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly now?: number;
  readonly algorithm?: 'HS256' | 'HS384' | 'HS512';
}

/** Makes a JWT. A claim that is `undefined` is left out. */
export function mint(secret: string, claims: TokenClaims, options: MintOptions = {}): string {
  const now = options.now ?? Date.now();
  const seconds = Math.floor((now + (options.expiresInMs ?? 3_600_000)) / 1000);
  const algorithm = options.algorithm ?? 'HS256';
  const head = encode({ alg: algorithm, typ: 'JWT' });
  const body = encode({ iat: Math.floor(now / 1000) - 1, exp: seconds, ...claims });
  const hash = `sha${algorithm.slice(2)}`;
  return `${head}.${body}.${createHmac(hash, secret).update(`${head}.${body}`).digest('base64url')}`;
}

/** A token that says `alg: none` and has no signature. */
export function mintUnsigned(claims: TokenClaims): string {
  const exp = Math.floor(Date.now() / 1000) + 3_600;
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode({ exp, ...claims })}.`;
}

/** The same token with a signature that is not its own. */
export function forge(token: string): string {
  const [head = '', body = ''] = token.split('.');
  return `${head}.${body}.${createHmac('sha256', 'not the key').update(token).digest('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
