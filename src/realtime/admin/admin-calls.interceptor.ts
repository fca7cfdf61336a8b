import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { tap } from 'rxjs';
import type { Observable } from 'rxjs';
import { clientAddress, proxyTrust } from '../gateway/proxy-trust.js';
import type { ProxyTrust } from '../gateway/proxy-trust.js';
import type { RealtimeParts } from '../realtime.parts.js';
import { REALTIME_PARTS } from '../realtime.tokens.js';
import { isAddress } from '../rooms/address.js';
import { adminFailureOf } from './admin-error.js';

type Request = IncomingMessage & { body?: unknown; query?: unknown };

const MAX_USER_ID_LENGTH = 128;

/** Tells who did what by the admin API, for log and metrics: never a payload. */
@Injectable()
export class AdminCalls implements NestInterceptor {
  private readonly trust: ProxyTrust;

  constructor(@Inject(REALTIME_PARTS) private readonly parts: RealtimeParts) {
    this.trust = proxyTrust(parts.options.handshake.trustProxy);
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const startedAt = performance.now();
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const tell = (status: number, code?: string): void =>
      this.parts.events.emit('adminCalled', {
        method: request.method ?? '',
        action: context.getHandler().name,
        status,
        ...(code === undefined ? {} : { code }),
        ip: clientAddress(request, this.trust),
        ...aboutWhom(request),
        durationMs: Math.round(performance.now() - startedAt),
      });
    return next.handle().pipe(
      tap({
        complete: () => tell(http.getResponse<ServerResponse>().statusCode),
        error: (error: unknown) => {
          const { status, code } = adminFailureOf(error);
          tell(status, code);
        },
      }),
    );
  }
}

/** The room and the user that a call names, where they are what they should be. */
function aboutWhom({ method, body, query }: Request): { address?: string; userId?: string } {
  const { room, user } = ((method === 'GET' ? query : body) ?? {}) as { room?: unknown; user?: unknown };
  return {
    ...(typeof room === 'string' && isAddress(room) ? { address: room } : {}),
    ...(typeof user === 'string' ? { userId: user.slice(0, MAX_USER_ID_LENGTH) } : {}),
  };
}
