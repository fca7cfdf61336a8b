import { WebSocket } from 'ws';
import { RealtimeClient } from '../../src/client/index.js';
import type { ClientRoom, GapEvent, WebSocketConstructor } from '../../src/client/index.js';
import type { JoinedFrame } from '../../src/protocol/index.js';
import { partsOf } from './chat.js';
import type { Chat } from './chat.js';
import { until } from './within.js';

/** Longest time until a client that was cut is back: waits between attempts grow. */
const PATIENCE_MS = 40_000;
/** Part of the spread that CC2 allows: a test wants them back soon. */
const HASTE = 0.05;

/** An application with our client in one room, and what it was told. */
export class AppClient {
  readonly seen: { readonly offset: number; readonly text: string }[] = [];
  readonly joins: JoinedFrame[] = [];
  readonly gaps: GapEvent[] = [];
  /** Errors that answered its frames. The client sends again after a temporary one: then later frames may be stored first (OR3). */
  refusals = 0;
  readonly #client: RealtimeClient<{ message: { text: string } }>;
  readonly #room: ClientRoom<{ message: { text: string } }>;

  constructor(chat: Chat, room: string, sub: string, pod = 0) {
    this.#client = new RealtimeClient(`${chat.urlOf(pod)}/ws/chat`, {
      WebSocket: this.#countingSocket(),
      token: () => chat.token(sub),
      random: () => Math.random() * HASTE,
    });
    this.#room = this.#client.room(room);
    this.#room.on('joined', (frame) => this.joins.push(frame));
    this.#room.on('gap', (gap) => this.gaps.push(gap));
    this.#room.on('message', ({ offset = 0, text }) => this.seen.push({ offset, text }));
  }

  #countingSocket(): WebSocketConstructor {
    const count = (): void => void (this.refusals += 1);
    return class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        this.on('message', (data: Buffer) => data.includes('"type":"error"') && count());
      }
    };
  }

  /** Resolves when it was first let into the room. */
  static async enter(chat: Chat, room: string, sub: string, pod = 0): Promise<AppClient> {
    const client = new AppClient(chat, room, sub, pod);
    await until(`${sub} is in ${room}`, () => client.joins.length > 0, PATIENCE_MS);
    return client;
  }

  /** Says it; the client keeps it until it is acknowledged. Resolves with its offset. */
  async say(text: string): Promise<number> {
    const { offset = 0 } = await this.#room.send('message', { text });
    return offset;
  }

  /** Resolves when it was told this. */
  heard(text: string): Promise<void> {
    return until(`"${text}" is heard`, () => this.texts.includes(text), PATIENCE_MS);
  }

  get texts(): string[] {
    return this.seen.map((frame) => frame.text);
  }

  get offsets(): number[] {
    return this.seen.map((frame) => frame.offset);
  }

  /** Offset of the last frame, or of where it joined. */
  get position(): number {
    return partsOf(this.#room.cursor ?? '').offset;
  }

  get isJoined(): boolean {
    return this.#room.status === 'joined';
  }

  close(): void {
    this.#client.close();
  }
}
