import { createPublicKey, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import type { JwtVerifyOptions } from '@nestjs/jwt';
import type { JwtOptions } from '../realtime.options.js';
import { FrameError, RealtimeConfigError } from '../realtime.errors.js';
import type { Claims } from './identity.js';

const HMAC = ['HS256', 'HS384', 'HS512'];
const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];

interface Key {
  /** Holds the key as an object: parsed from text at each token, a secret would be tried as a PEM first (0.5 ms). */
  readonly jwt: JwtService;
  readonly algorithms: NonNullable<JwtVerifyOptions['algorithms']>;
}

/** Checks tokens: signature by any of the keys, algorithm, `exp`, `nbf`, `iss`, `aud`. */
export class JwtVerifier {
  private readonly keys: readonly Key[];
  private readonly claims: JwtVerifyOptions;

  /**
   * @param needsSubject Whether a token without `sub` is refused; not where the application maps claims itself (HS9).
   * @throws RealtimeConfigError bad_config — no key, one that can't be read, or an algorithm that fits none.
   */
  constructor(
    private readonly options: JwtOptions,
    private readonly needsSubject = true,
  ) {
    this.keys = keysOf(options);
    if (this.keys.length === 0) {
      throw new RealtimeConfigError('auth.jwt: expected at least one "secret" or "publicKey", got none');
    }
    this.claims = {
      clockTolerance: (options.clockToleranceMs ?? 5_000) / 1000,
      ...(options.issuer === undefined ? {} : { issuer: listOf(options.issuer) as [string] }),
      ...(options.audience === undefined ? {} : { audience: listOf(options.audience) as [string] }),
    };
  }

  /**
   * Says what a token claims.
   *
   * @throws FrameError unauthenticated — it is not valid; the message says why, and nothing of the token.
   */
  async verify(token: string): Promise<Claims> {
    let why = 'invalid token';
    for (const { jwt, algorithms } of this.keys) {
      try {
        const claims = await jwt.verifyAsync<Record<string, unknown>>(token, { ...this.claims, algorithms });
        return this.checked(claims);
      } catch (error) {
        if (error instanceof FrameError) throw error;
        why = reasonOf(error, why);
      }
    }
    throw new FrameError('unauthenticated', why);
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
  const allowed = (all: string[]): string[] => all.filter((name) => options.algorithms?.includes(name) ?? true);
  const unknown = options.algorithms?.find((name) => !HMAC.includes(name) && !ASYMMETRIC.includes(name));
  if (unknown !== undefined) {
    throw new RealtimeConfigError(
      `auth.jwt.algorithms: expected some of ${[...HMAC, ...ASYMMETRIC].join(' ')}, got ${unknown}`,
    );
  }
  const secrets = listOf(options.secret).map((secret) => keyOf({ secret: secretKey(secret) }, allowed(HMAC), 'secret'));
  const publicKeys = listOf(options.publicKey).map((pem) =>
    keyOf({ publicKey: publicKey(pem) }, allowed(ASYMMETRIC), 'publicKey'),
  );
  return [...secrets, ...publicKeys];
}

function keyOf(key: { secret: KeyObject } | { publicKey: KeyObject }, algorithms: string[], name: string): Key {
  if (algorithms.length > 0) return { jwt: new JwtService(key), algorithms: algorithms as Key['algorithms'] };
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

/** What a library's error says about any of the keys; "wrong signature" tells least, so another reason wins. */
function reasonOf(error: unknown, before: string): string {
  const message = error instanceof Error ? error.message : '';
  if (/expired/.test(message)) return 'the token has expired';
  if (/not active/.test(message)) return 'the token is not valid yet';
  if (/audience/.test(message)) return 'the token is for another audience';
  if (/issuer/.test(message)) return 'the token is from another issuer';
  return before;
}
