import { createFrameId } from '../frame-id.js';
import type { WebSocketLike } from '../transport.js';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** What a {@link VirtualSocket} sees of its tab. */
export interface SocketHost {
  sent(socket: VirtualSocket, text: string): void;
  closed(socket: VirtualSocket, code: number | undefined): void;
}

/** One tab's end of a WebSocket that the tabs share: to the tab's client it is a WebSocket like any other. */
export class VirtualSocket implements WebSocketLike {
  /** Never used again: what comes late for a socket of before finds nobody. */
  readonly id = createFrameId();
  readyState = CONNECTING;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;

  constructor(
    readonly url: string,
    /** Holds the token of this tab: it never leaves it. */
    readonly protocols: string[],
    private readonly host: SocketHost,
  ) {}

  get isConnecting(): boolean {
    return this.readyState === CONNECTING;
  }

  /** Where the user's own room goes on for this tab (HS6). */
  get me(): string | undefined {
    return new URL(this.url).searchParams.get('me') ?? undefined;
  }

  send(text: string): void {
    if (this.readyState === OPEN) this.host.sent(this, text);
  }

  close(code?: number): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.host.closed(this, code);
  }

  /** A frame from the server, or from the hub in its place. The first one is `welcome`. */
  receive(text: string): void {
    if (this.readyState === CLOSED) return;
    this.readyState = OPEN;
    (this.onmessage as ((event: { data: string }) => void) | null)?.({ data: text });
  }

  /** It ended from the other side. */
  end(code: number, reason: string): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    (this.onclose as ((event: { code: number; reason: string }) => void) | null)?.({ code, reason });
  }
}
