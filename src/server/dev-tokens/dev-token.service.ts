import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { ServerConfig } from '../config.js';
import { SERVER_CONFIG } from '../server-config.providers.js';

/** A token, and when it ends, in milliseconds since 1970. */
export interface DevToken {
  readonly token: string;
  readonly expiresAt: number;
}

const LIFETIME_S = 3_600;
const MAX_WORD_LENGTH = 60;

/** Signs tokens for development, for every room. The same name is the same user, also after a restart. */
@Injectable()
export class DevTokenService {
  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly jwt: JwtService,
  ) {}

  /** @throws Error where the server has no secret to sign with. */
  issue(givenName: string): DevToken {
    const { signing } = this.config;
    if (!signing) throw new Error('expected a secret to sign tokens with, got none: set JWT_SECRET');
    const name = givenName.trim();
    const exp = Math.floor(Date.now() / 1000) + LIFETIME_S;
    const { secret, issuer, audience } = signing;
    const roomsClaim = this.config.realtime.auth?.roomsClaim;
    const token = this.jwt.sign(
      { sub: subjectOf(name), name, exp, ...(roomsClaim ? { [roomsClaim]: ['*'] } : {}) },
      { secret, algorithm: 'HS256', ...(issuer ? { issuer } : {}), ...(audience ? { audience } : {}) },
    );
    return { token, expiresAt: exp * 1000 };
  }
}

/** `dev-` and the name as one lower-case word; the prefix keeps it apart from the users of a real issuer. */
function subjectOf(name: string): string {
  const word = name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
  // Normalising can make a name longer than an id may be; a cut must not leave half of a surrogate pair.
  const short = Array.from(word).slice(0, MAX_WORD_LENGTH).join('');
  return `dev-${short || createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}
