import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Catch, HttpException, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';

/** Statuses whose phrase differs between versions of Node, or is of no use as a code. */
const CODES: Readonly<Record<number, string>> = { 413: 'too_big', 500: 'internal' };

/**
 * Answers a failed request with `{code, message}`. Nest's own answer to an unknown path repeats the whole URL, which
 * may carry a token, and that to a body which is no JSON a piece of the body.
 */
@Catch()
export class HttpErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const query = http.getRequest<IncomingMessage>().url?.split('?', 2)[1];
    const response = http.getResponse<ServerResponse>();
    const status = statusOf(exception);
    if (status >= 500 && !(exception instanceof HttpException)) this.logger.error(exception);
    if (response.headersSent) return;
    const message = messageOf(exception, status);
    const body = {
      code: CODES[status] ?? codeOf(status),
      message: query ? message.replaceAll(`?${query}`, '') : message,
    };
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
    response.end(`${JSON.stringify(body)}\n`);
  }
}

/** Of an HttpException, and of what the parser of bodies throws, which has a status too. */
function statusOf(exception: unknown): number {
  if (exception instanceof HttpException) return exception.getStatus();
  const { status } = (exception ?? {}) as { status?: unknown };
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

function codeOf(status: number): string {
  return (STATUS_CODES[status] ?? 'error').toLowerCase().replace(/[^a-z]+/g, '_');
}

function messageOf(exception: unknown, status: number): string {
  if (isNoJson(exception)) return 'expected JSON as the body';
  if (!(exception instanceof HttpException)) return status === 500 ? 'internal' : codeOf(status).replaceAll('_', ' ');
  const body = exception.getResponse();
  const message = typeof body === 'object' && 'message' in body ? body.message : exception.message;
  return Array.isArray(message) ? message.join('; ') : String(message);
}

/** Nest wraps what the parser of bodies throws, and takes its words. */
function isNoJson(exception: unknown): boolean {
  const cause = exception instanceof HttpException ? exception.cause : undefined;
  return (cause as { type?: unknown } | undefined)?.type === 'entity.parse.failed';
}
