import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../protocol/names.js';
import { offeredSubprotocols } from '../auth/token-finder.js';
import { refuseByHttp } from './handshake-response.js';
import type { Refusal } from './refusal.js';

/** How long a peer may take to answer the close frame of its refusal. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Refuses upgrades with the face that the other side can read (HS4): a close code, or an HTTP answer. */
export class RefusalWriter {
  /** Those who were told by a close frame, until they have answered or their time is over. */
  private readonly parting = new Set<WebSocket>();

  constructor(
    private readonly wss: WebSocketServer,
    private readonly face: 'auto' | 'close' | 'http',
  ) {}

  write(request: IncomingMessage, socket: Duplex, head: Buffer, refusal: Refusal): void {
    const { status, code, message, close, response } = refusal;
    socket.on('error', () => undefined); // The client is gone: there is nobody to be told.
    const readsCloses = request.headers.origin !== undefined || offeredSubprotocols(request).includes(SUBPROTOCOL);
    if (!close || this.face === 'http' || (this.face === 'auto' && !readsCloses)) {
      return refuseByHttp(socket, status, code, message, response.recorded);
    }
    this.wss.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => undefined); // Refused already; what the peer does wrong changes nothing.
      ws.close(close.code, close.reason);
      setTimeout(() => ws.terminate(), CLOSE_TIMEOUT_MS).unref();
      this.parting.add(ws);
      ws.on('close', () => this.parting.delete(ws));
    });
  }

  /** Waits for no answer any more. */
  end(): void {
    for (const ws of this.parting) ws.terminate();
  }
}
