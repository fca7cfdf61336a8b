import { createPublicKey, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import type { JwtVerifyOptions } from '@nestjs/jwt';
import type { JWTVerifyOptions } from 'jose';
import type { JwtOptions } from '../realtime.options.js';
import { SystemClock } from '../clock.js';
import { FrameError, RealtimeConfigError } from '../realtime.errors.js';
import type { Claims } from './identity.js';
import { RemoteKeys } from './remote-keys.js';
import type { RemoteKeysParts } from './remote-keys.js';
import { TokenCache } from './token-cache.js';

const HMAC = ['HS256', 'HS384', 'HS512'];
const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];
/** Only with keys by URL: the library that checks by keys that stand in the options does not have it. */
const EDWARDS = ['EdDSA', 'Ed25519'];
const ALL = [...HMAC, ...ASYMMETRIC, ...EDWARDS];
const INVALID = 'invalid token';

interface Key {
  /** Holds the key as an object: parsed from text at each token, a secret would be tried as a PEM first (0.5 ms). */
  readonly jwt: JwtService;
  readonly algorithms: NonNullable<JwtVerifyOptions['algorithms']>;
}

/** Checks tokens: signature by any of the keys, algorithm, `exp`, `nbf`, `iss`, `aud`. */
export class JwtVerifier {
  private readonly keys: readonly Key[];
  private readonly remote: { readonly keys: RemoteKeys; readonly algorithms: string[] } | undefined;
  private readonly cache: TokenCache;
  private readonly claims: Pick<JwtVerifyOptions, 'clockTolerance' | 'issuer' | 'audience'>;

  /**
   * @param needsSubject Whether a token without `sub` is refused; not where the application maps claims itself (HS9).
   * @param parts What fetching `jwksUri` needs. Default: the machine's clock, and nobody is told.
   * @throws RealtimeConfigError bad_config — no key, one that can't be read, or an algorithm that fits none.
   */
  constructor(
    private readonly options: JwtOptions,
    private readonly needsSubject = true,
    parts: Omit<RemoteKeysParts, 'uri'> = { clock: new SystemClock() },
  ) {
    this.keys = keysOf(options);
    const { jwksUri: uri } = options;
    if (uri) {
      const algorithms = fitting([...ASYMMETRIC, ...EDWARDS], options, 'jwksUri');
      this.remote = { keys: new RemoteKeys({ ...parts, uri }), algorithms };
    }
    if (this.keys.length === 0 && !this.remote) {
      throw new RealtimeConfigError('auth.jwt: expected at least one "secret", "publicKey" or "jwksUri", got none');
    }
    const toleranceMs = options.clockToleranceMs ?? 5_000;
    this.cache = new TokenCache(options.cacheSize ?? 10_000, toleranceMs);
    this.claims = {
      clockTolerance: toleranceMs / 1000,
      ...(options.issuer === undefined ? {} : { issuer: listOf(options.issuer) as [string] }),
      ...(options.audience === undefined ? {} : { audience: listOf(options.audience) as [string] }),
    };
  }

  /** Begins to fetch the keys of `jwksUri`. Without it they are fetched for the first token. */
  start(): void {
    this.remote?.keys.start();
  }

  /** Ends the fetching of keys. */
  close(): void {
    this.remote?.keys.close();
  }

  /**
   * Says what a token claims.
   *
   * @throws FrameError unauthenticated — it is not valid; the message says why, and nothing of the token.
   * @throws FrameError unavailable — its key is not among those that are known, and `jwksUri` does not answer: try again.
   */
  async verify(token: string): Promise<Claims> {
    return this.cache.claimsOf(token, this.remote?.keys.generation ?? 0, this.check);
  }

  private readonly check = async (token: string): Promise<Claims> => {
    let why = INVALID;
    for (const { jwt, algorithms } of this.keys) {
      try {
        return this.checked(await jwt.verifyAsync<Record<string, unknown>>(token, { ...this.claims, algorithms }));
      } catch (error) {
        if (error instanceof FrameError) throw error;
        why = reasonOf(error);
      }
      // The signature is looked at first: another reason is about a token that this key did sign.
      if (why !== INVALID) throw new FrameError('unauthenticated', why);
    }
    if (this.remote) return this.verifyRemotely(token, this.remote);
    throw new FrameError('unauthenticated', why);
  };

  private async verifyRemotely(token: string, { keys, algorithms }: NonNullable<typeof this.remote>): Promise<Claims> {
    try {
      return this.checked(await keys.verify(token, { ...(this.claims as JWTVerifyOptions), algorithms }));
    } catch (error) {
      throw error instanceof FrameError ? error : new FrameError('unauthenticated', reasonOf(error));
    }
  }

  private checked(claims: unknown): Claims {
    if (typeof claims !== 'object' || claims === null) {
      throw new FrameError('unauthenticated', 'expected a token whose payload is an object');
    }
    if ((this.options.requireExpiry ?? true) && typeof (claims as Claims)['exp'] !== 'number') {
      throw new FrameError('unauthenticated', 'expected a token with "exp"');
    }
    if (this.needsSubject && ((claims as Claims)['sub'] ?? undefined) === undefined) {
      throw new FrameError('unauthenticated', 'expected a token with "sub"');
    }
    return claims as Claims;
  }
}

function keysOf(options: JwtOptions): Key[] {
  const unknown = options.algorithms?.find((name) => !ALL.includes(name));
  if (unknown !== undefined) {
    throw new RealtimeConfigError(`auth.jwt.algorithms: expected some of ${ALL.join(' ')}, got ${unknown}`);
  }
  const secrets = listOf(options.secret).map((secret) =>
    keyOf({ secret: secretKey(secret) }, fitting(HMAC, options, 'secret')),
  );
  const publicKeys = listOf(options.publicKey).map((pem) =>
    keyOf({ publicKey: publicKey(pem) }, fitting(ASYMMETRIC, options, 'publicKey')),
  );
  return [...secrets, ...publicKeys];
}

function keyOf(key: { secret: KeyObject } | { publicKey: KeyObject }, algorithms: string[]): Key {
  return { jwt: new JwtService(key), algorithms: algorithms as Key['algorithms'] };
}

/** Those of a kind of key that the options allow. */
function fitting(ofKind: readonly string[], { algorithms }: JwtOptions, name: string): string[] {
  const allowed = ofKind.filter((algorithm) => algorithms?.includes(algorithm) ?? true);
  if (allowed.length > 0) return allowed;
  throw new RealtimeConfigError(`auth.jwt.algorithms: none of them can be used with "${name}"`);
}

function secretKey(secret: string): KeyObject {
  // As an HMAC secret a public key would let everybody sign who knows it, and everybody may.
  if (secret.includes('-----BEGIN')) {
    throw new RealtimeConfigError('auth.jwt.secret: expected a secret, got a PEM: set it as "publicKey"');
  }
  return createSecretKey(Buffer.from(secret));
}

function publicKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new RealtimeConfigError('auth.jwt.publicKey: expected the PEM of a public key, got a text that is none', {
      cause,
    });
  }
}

function listOf(value: string | readonly string[] | undefined): string[] {
  return (typeof value === 'string' ? [value] : [...(value ?? [])]).filter((text) => text !== '');
}

/** What an error of either library says, in words of ours: its own hold what was expected. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  if (/expired|"exp" claim timestamp/.test(message)) return 'the token has expired';
  if (/not active|"nbf" claim timestamp/.test(message)) return 'the token is not valid yet';
  if (/audience|"aud"/.test(message)) return 'the token is for another audience';
  if (/issuer|"iss"/.test(message)) return 'the token is from another issuer';
  if (/no applicable key/.test(message)) return 'the token is signed by a key that the issuer does not publish';
  return INVALID;
}
