import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { isNestedDeeper } from '../../protocol/codec.js';
import { MAX_FRAME_DEPTH } from '../../protocol/names.js';
import { isOneOfSecrets } from '../auth/same-secret.js';
import { clientAddress, networkOf, proxyTrust } from '../gateway/proxy-trust.js';
import type { ProxyTrust } from '../gateway/proxy-trust.js';
import { FrameError } from '../realtime.errors.js';
import type { RealtimeParts } from '../realtime.parts.js';
import { REALTIME_PARTS } from '../realtime.tokens.js';
import { AdminError } from './admin-error.js';
import { ADMIN_KEYS } from './admin.tokens.js';
import { FailedAttempts } from './failed-attempts.js';

/**
 * Lets in whoever shows the key, as `Authorization: Bearer`: no cookie, no query, so a page of another site can't act for
 * an operator. Who fails is answered 401, and 429 after five times within a minute. The right key is let in always: it is
 * too long to be guessed, and nobody may lock operators out by failing on purpose from their address.
 */
@Injectable()
export class AdminGuard implements CanActivate {
  private readonly attempts = new FailedAttempts();
  private readonly trust: ProxyTrust;

  constructor(
    @Inject(REALTIME_PARTS) private readonly parts: RealtimeParts,
    @Inject(ADMIN_KEYS) private readonly keys: readonly string[],
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {
    this.trust = proxyTrust(parts.options.handshake.trustProxy);
  }

  /** @throws FrameError unauthenticated, rate_limited, invalid_payload · AdminError unsupported_media_type */
  canActivate(context: ExecutionContext): true {
    const http = context.switchToHttp();
    const request = http.getRequest<IncomingMessage & { body?: unknown }>();
    const { httpAdapter } = this.host;
    httpAdapter.setHeader(http.getResponse(), 'Cache-Control', 'no-store');
    httpAdapter.setHeader(http.getResponse(), 'X-Content-Type-Options', 'nosniff');
    if (!isOneOfSecrets(keyOf(request), this.keys)) throw this.refusal(clientAddress(request, this.trust));
    if (request.method !== 'GET' && request.method !== 'HEAD') checkBody(request);
    return true;
  }

  private refusal(ip: string): FrameError {
    const waitMs = this.attempts.count(networkOf(ip), this.parts.clock.now());
    const tooOften = waitMs > 0;
    const error = tooOften
      ? new FrameError('rate_limited', 'too many attempts without the key', waitMs)
      : new FrameError('unauthenticated', 'expected the admin key: Authorization: Bearer <key>');
    this.parts.events.emit('adminRefused', { status: tooOften ? 429 : 401, code: error.code, ip });
    return error;
  }
}

function keyOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** A form of another site can't send JSON; and validators go down as deep as the body does. */
function checkBody({ headers, body }: IncomingMessage & { body?: unknown }): void {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new AdminError(415, 'unsupported_media_type', 'expected Content-Type: application/json');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new FrameError('invalid_payload', 'expected a JSON object as the body');
  }
  if (isNestedDeeper(body, MAX_FRAME_DEPTH)) {
    throw new FrameError('invalid_payload', `expected a body that is nested at most ${MAX_FRAME_DEPTH} deep`);
  }
}
