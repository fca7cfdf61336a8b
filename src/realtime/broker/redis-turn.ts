import { turnEnd } from '../turn-end.js';

/** What commands are written to: a socket. */
export interface CommandStream {
  /** How often it is corked. */
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
}

/**
 * What is written to a stream in this turn of the event loop leaves together at its end, in the order of the calls: a
 * write of its own for each command costs more than making it.
 */
export function gatherTurn(stream: CommandStream): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  turnEnd.ends({ end: () => stream.uncork() });
}
