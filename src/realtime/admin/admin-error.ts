import { failureOf, httpStatusOf, statusOf } from '../gateway/frame-failure.js';
import { BrokerUnavailableError, RealtimeUsageError } from '../realtime.errors.js';

/** Answers a call with a status and a code that no frame has. */
export class AdminError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'AdminError';
  }
}

/** How a failed call is answered. */
export interface AdminFailure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryMs?: number | undefined;
  /** Must be logged whole: it is told in one word. */
  readonly unexpected: boolean;
}

const STATUS_BY_CODE: Readonly<Record<string, number>> = { bad_room: 400, too_big: 413, internal: 500 };

/** Says how an exception is told to who called. Never what it carried, never insides. */
export function adminFailureOf(error: unknown): AdminFailure {
  if (error instanceof AdminError) {
    return { status: error.status, code: error.code, message: error.message, unexpected: false };
  }
  if (error instanceof RealtimeUsageError) {
    return { status: 400, code: 'invalid_payload', message: error.message, unexpected: false };
  }
  if (error instanceof BrokerUnavailableError) {
    const message = 'the broker does not answer: try again; a publish with the same id is published once';
    return { status: 503, code: 'unavailable', message, unexpected: false };
  }
  if (httpStatusOf(error) === 413) {
    return { status: 413, code: 'too_big', message: 'the body is too large', unexpected: false };
  }
  const { code, message, retryMs, unexpected } = failureOf(error);
  return { status: statusOf(code) ?? STATUS_BY_CODE[code] ?? 400, code, message, retryMs, unexpected };
}
