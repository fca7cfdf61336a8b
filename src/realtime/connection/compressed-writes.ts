import type { WebSocket } from 'ws';
import { payloadOf, PING } from './ws-frame.js';

/**
 * The way out of a connection with permessage-deflate: each message is compressed for it alone, by `ws`, which hands it
 * to the socket when it is done. Order: that of the calls, pings included.
 */
export class CompressedWrites {
  /** Messages that are being compressed or that the kernel does not have yet. */
  private underWay = 0;
  private listeners: (() => void)[] = [];

  private constructor(private readonly ws: WebSocket) {}

  /** @returns `undefined`: nothing is compressed. */
  static of(ws: WebSocket): CompressedWrites | undefined {
    return ws.extensions === '' ? undefined : new CompressedWrites(ws);
  }

  /** Bytes that the kernel does not have yet, of messages that wait to be compressed as they are. */
  get pendingBytes(): number {
    return this.ws.bufferedAmount;
  }

  get isDrained(): boolean {
    return this.underWay === 0;
  }

  /** Calls the listener when the kernel has everything, or the connection is gone. */
  onceDrained(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Sends what `encodeTextMessage` made, or a {@link PING}. */
  write(message: Buffer): void {
    if (message === PING) return this.ws.ping();
    this.underWay += 1;
    this.ws.send(payloadOf(message), { binary: false }, () => {
      this.underWay -= 1;
      if (this.underWay > 0) return;
      for (const listener of this.listeners.splice(0)) listener();
    });
  }
}
