import {
  ForbiddenException,
  Inject,
  Injectable,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { REALTIME_OPTIONS } from '../realtime.tokens.js';
import type { ResolvedOptions } from '../realtime.options.js';
import { FrameError } from '../realtime.errors.js';
import type { Claims } from './identity.js';
import { JwtVerifier } from './jwt-verifier.service.js';
import { allowsAnonymous } from './room-policy.js';
import { findToken } from './token-finder.js';

/** Where the handshake tells guards which namespace is asked for. */
export const HANDSHAKE_NAMESPACE: unique symbol = Symbol.for('rookery:handshake-namespace');

type HandshakeRequest = IncomingMessage & { user?: Claims; [HANDSHAKE_NAMESPACE]?: string };

/**
 * Lets in who has a valid JWT (HS2, HS9), and puts its claims on `request.user`. Without a token only where
 * `auth.allowAnonymous` opens the namespace. A token that is there and invalid is refused, never downgraded; one that
 * can't be checked now, because the issuer of its key does not answer, is answered 503.
 */
@Injectable()
export class JwtHandshakeGuard implements CanActivate {
  constructor(
    @Inject(REALTIME_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(JwtVerifier) private readonly verifier: JwtVerifier | undefined,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<HandshakeRequest>();
    const { auth } = this.options;
    const token = findToken(request, auth.jwt?.cookie);
    if (token === undefined) {
      if (allowsAnonymous(auth.allowAnonymous, request[HANDSHAKE_NAMESPACE] ?? '')) return true;
      throw new UnauthorizedException(
        'expected a token: Authorization header, subprotocol "bearer.<jwt>" or query "token"',
      );
    }
    if (!this.verifier) throw new ForbiddenException('no key is configured to check tokens with: set auth.jwt');
    try {
      request.user = await this.verifier.verify(token);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      if (error.code === 'unavailable') throw new ServiceUnavailableException(error.message);
      throw new UnauthorizedException(error.message);
    }
    return true;
  }
}
