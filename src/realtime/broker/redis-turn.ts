import { turnEnd } from '../turn-end.js';
import type { Ending } from '../turn-end.js';

/** What commands are written to: a socket. */
export interface CommandStream {
  /** How often it is corked. */
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
}

/** The streams that are corked until the turn of the event loop ends. */
class GatheredStreams implements Ending {
  private streams: CommandStream[] = [];

  add(stream: CommandStream): void {
    stream.cork();
    if (this.streams.push(stream) === 1) turnEnd.ends(this);
  }

  end(): void {
    const { streams } = this;
    this.streams = [];
    for (const stream of streams) stream.uncork();
  }
}

const gathered = new GatheredStreams();

/**
 * What is written to a stream in this turn of the event loop leaves together at its end, in the order of the calls: a
 * write of its own for each command costs more than making it.
 */
export function gatherTurn(stream: CommandStream): void {
  if (stream.writableCorked === 0) gathered.add(stream);
}
