import type { WebSocket } from 'ws';
import { CloseCode, formatCloseReason } from '../../protocol/close-codes.js';
import { RealtimeUsageError } from '../realtime.errors.js';
import { farewell } from './farewells.js';

/** How long a peer may take to answer our close frame before its socket is destroyed. RFC 6455, section 7.1.1. */
const CLOSE_TIMEOUT_MS = 2_000;
/** How long a reader who holds too much may take to read why it is closed. */
const DISMISSAL_MS = 200;
const MAX_REASON_BYTES = 123;

/** How this side closes a connection. */
export class Closing {
  readonly reason: string;
  /** After how many milliseconds the other side is to come back; 0: as it likes. */
  readonly retryMs: number;

  /**
   * @param retryMs Stands in the reason.
   * @throws RealtimeUsageError bad_usage — the code may not be sent, or the reason is longer than 123 bytes.
   */
  constructor(
    readonly code: number,
    word: string,
    retryMs?: number,
  ) {
    this.reason = formatCloseReason(word, retryMs);
    this.retryMs = retryMs ?? 0;
    checkClose(code, this.reason);
  }

  /** A reader that is too slow does not get what was sent before. */
  get isOfSlowReader(): boolean {
    return this.code === CloseCode.slowConsumer;
  }

  /** Sends the close frame. @param soon What the reader holds is to be free soon, whether its peer reads or not. */
  begin(ws: WebSocket, soon: boolean): void {
    const timeoutMs = soon ? DISMISSAL_MS : CLOSE_TIMEOUT_MS;
    if (this.isOfSlowReader) farewell(() => this.send(ws, timeoutMs));
    else this.send(ws, timeoutMs);
  }

  private send(ws: WebSocket, timeoutMs: number): void {
    ws.resume();
    ws.close(this.code, this.reason);
    setTimeout(() => ws.terminate(), timeoutMs).unref();
  }
}

function checkClose(code: number, reason: string): void {
  const ofStandard = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  if (!Number.isInteger(code) || !(ofStandard || (code >= 3000 && code <= 4999))) {
    throw new RealtimeUsageError(`expected a close code of 1000–1014 or 3000–4999, got ${String(code)}`);
  }
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw new RealtimeUsageError(`expected a close reason of at most ${MAX_REASON_BYTES} bytes (RFC 6455, 5.5)`);
  }
}
