import { errorCodeTable } from '../../protocol/error-codes.js';
import type { ErrorCode, ErrorCodeRow } from '../../protocol/error-codes.js';
import { BrokerUnavailableError, FrameError } from '../realtime.errors.js';

/** An `error` frame's content, and whether what caused it must be logged whole. */
export interface FrameFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryMs?: number | undefined;
  readonly unexpected: boolean;
}

const codeByStatus = new Map<number, ErrorCode>(
  Object.entries(errorCodeTable).flatMap(([code, row]) =>
    'status' in row ? [[row.status, code as ErrorCode] as const] : [],
  ),
);

/**
 * Says how an exception is told to a client: FrameErrors as they are, HttpExceptions by their status, WsExceptions of
 * Nest's guards as `forbidden`; whatever else is `internal`, told in one word.
 */
export function failureOf(error: unknown): FrameFailure {
  if (error instanceof FrameError) {
    return { code: error.code, message: error.message, retryMs: error.retryMs, unexpected: false };
  }
  if (error instanceof BrokerUnavailableError) {
    return { code: 'unavailable', message: 'the message could not be handed on: send it again', unexpected: false };
  }
  const code = codeByStatus.get(httpStatusOf(error) ?? 0);
  if (code) return { code, message: httpMessageOf(error), unexpected: false };
  if (isNestsForbidden(error)) return { code: 'forbidden', message: 'forbidden', unexpected: false };
  return { code: 'internal', message: 'internal', unexpected: true };
}

/** The HTTP status that stands for an error code, where there is one. */
export function statusOf(code: ErrorCode): number | undefined {
  const row: ErrorCodeRow = errorCodeTable[code];
  return row.status;
}

/** The status of an HttpException. Known by its shape: an application may have another copy of Nest than we. */
export function httpStatusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { getStatus } = error as { getStatus?: unknown };
  if (typeof getStatus !== 'function') return undefined;
  const status = (getStatus as () => unknown).call(error);
  return typeof status === 'number' ? status : undefined;
}

/** What an HttpException says: of a ValidationPipe, the field and the rule, never the value (CL5). */
export function httpMessageOf(error: unknown): string {
  const { getResponse } = error as { getResponse?: () => unknown };
  const response = getResponse?.call(error);
  const message =
    typeof response === 'object' && response !== null ? (response as { message?: unknown }).message : response;
  const text = Array.isArray(message) ? message.join('; ') : message;
  return (typeof text === 'string' ? text : (error as Error).message).slice(0, 500);
}

/** What Nest throws on a frame when a guard says `false`. */
function isNestsForbidden(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { getError } = error as { getError?: unknown };
  return typeof getError === 'function' && error.message === 'Forbidden resource';
}
