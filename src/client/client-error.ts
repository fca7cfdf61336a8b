import type { ErrorCode } from '../protocol/index.js';

/**
 * Why a call on a room was not fulfilled: a code of the protocol's table, or one of the client's own.
 *
 * | code | what it means |
 * |---|---|
 * | `outcome_unknown` | It was sent and no answer came in time: it may be stored or not. |
 * | `outbox_full` | The room keeps as many unacknowledged sends, or bytes of them, as it may. Nothing was sent. |
 * | `dropped` | Newer sends took its place in a full outbox (`whenFull: 'drop-oldest'`). Nothing was sent. |
 * | `other_user` | Another user is connected now than the one who sent it. Nothing was sent. |
 * | `disconnected` | The connection was refused for good or closed. Nothing was sent. |
 * | `left` | The room was left. Nothing was sent. |
 * | `timeout` | A question (`history`, `presence`) had no answer in time. |
 */
export type ClientErrorCode =
  ErrorCode | 'outcome_unknown' | 'outbox_full' | 'dropped' | 'other_user' | 'disconnected' | 'left' | 'timeout';

/** What the promises of a room reject with. */
export class RealtimeClientError extends Error {
  override readonly name = 'RealtimeClientError';

  constructor(
    readonly code: ClientErrorCode,
    message: string,
    /** Earliest moment for another try, in milliseconds from the answer, where the server said one. */
    readonly retryMs?: number,
    /** Of `outcome_unknown`: what was said at last, where something was. */
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
