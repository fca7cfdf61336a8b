import type { ErrorCode } from '../protocol/error-codes.js';

/** Base of the errors that carry a stable code. The message says what was expected, what came, what to do. */
export abstract class RealtimeError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The broker did not take it, or did not answer in time. `unavailable`: the same frame may be sent again. */
export class BrokerUnavailableError extends RealtimeError {
  readonly code = 'unavailable';
}

/** Something is configured so that the application must not start. */
export class RealtimeConfigError extends RealtimeError {
  readonly code = 'bad_config';
}

/** An address, a type or an option that a caller in the application passed can't be used. */
export class RealtimeUsageError extends RealtimeError {
  readonly code = 'bad_usage';
}

/** Answers a frame with an `error` of this code. What a handler throws to say a code of its own choice. */
export class FrameError extends RealtimeError {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly retryMs?: number,
  ) {
    super(message);
  }
}
