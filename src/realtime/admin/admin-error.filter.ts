import { Catch, Inject } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RealtimeEvents } from '../realtime.events.js';
import { adminFailureOf } from './admin-error.js';

/** Answers a failed call with `{code, message, retryMs?}`. What nobody expected is logged whole and told in one word. */
@Catch()
export class AdminErrorFilter implements ExceptionFilter {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(RealtimeEvents) private readonly events: RealtimeEvents,
  ) {}

  catch(error: unknown, context: ArgumentsHost): void {
    const { httpAdapter } = this.host;
    const response = context.switchToHttp().getResponse<unknown>();
    const { status, code, message, retryMs, unexpected } = adminFailureOf(error);
    if (unexpected) this.events.emit('taskFailed', { task: 'admin API', error });
    if (httpAdapter.isHeadersSent(response)) return;
    if (status === 401) httpAdapter.setHeader(response, 'WWW-Authenticate', 'Bearer');
    if (retryMs !== undefined) httpAdapter.setHeader(response, 'Retry-After', String(Math.ceil(retryMs / 1_000)));
    httpAdapter.reply(response, { code, message, ...(retryMs === undefined ? {} : { retryMs }) }, status);
  }
}
