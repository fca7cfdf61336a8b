import type { ClientRoom, RealtimeClient, WebSocketConstructor } from '../../../src/client/index.js';
import { SeededRandom } from '../seeded-random.js';
import type { Tell } from './entries.js';

/** Who takes part in a ledger, in words that travel into a page. */
export interface ParticipantSpec {
  readonly name: string;
  /** The gateway's, through this client's own network. */
  readonly url: string;
  readonly rooms: readonly string[];
  readonly seed: number;
  readonly tokenLivesMs: number;
  /** Whether it has another token when it is asked while connected. Otherwise its token does expire (4001). */
  readonly refreshes: boolean;
}

/** What a participant needs of the place where it runs. */
export interface ParticipantPlace {
  readonly RealtimeClient: typeof RealtimeClient;
  readonly WebSocket: WebSocketConstructor;
  readonly token: (name: string, livesMs: number) => string | Promise<string>;
  readonly tell: Tell;
}

interface Talk {
  message: { text: string };
}
type TalkRoom = ClientRoom<Talk>;

/** Longest frame's text beside its name: some frames take several packets, so that a cut falls into them. */
const LONGEST_PADDING = 6_000;
/** Part of the spread that CC2 allows: a soak is to cut often, not to wait. */
const HASTE = 0.05;

/** An application with a client: talks in its rooms, and tells everything that it is told. Runs in a browser too. */
export class Participant {
  readonly #client: RealtimeClient<Talk>;
  readonly #rooms: TalkRoom[];
  readonly #random: SeededRandom;
  #sent = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #token = '';

  constructor(
    private readonly spec: ParticipantSpec,
    private readonly place: ParticipantPlace,
  ) {
    this.#random = new SeededRandom(spec.seed);
    const jitter = new SeededRandom(spec.seed + 1);
    this.#client = new place.RealtimeClient(spec.url, {
      WebSocket: tellingFrames(place.WebSocket, spec.name, place.tell),
      token: () => this.#takeToken(),
      connectTimeoutMs: 3_000,
      random: () => jitter.next() * HASTE,
    });
    this.#tellStates();
    this.#rooms = spec.rooms.map((room) => this.#enter(room));
  }

  /** Talks from now on: mostly a frame now and then, sometimes some at once. */
  talk(): void {
    const frames = this.#random.below(8) === 0 ? this.#random.between(3, 8) : 1;
    for (let n = 0; n < frames; n += 1) this.#say(this.#random.pick(this.#rooms));
    this.#timer = setTimeout(() => this.talk(), this.#random.between(50, 300));
  }

  /** Says nothing new; what was said still has to arrive. */
  hush(): void {
    clearTimeout(this.#timer);
  }

  /** Says one frame more in each of its rooms. */
  lastWords(): void {
    for (const room of this.#rooms) this.#say(room);
  }

  close(): void {
    this.hush();
    this.#client.close();
  }

  #tellStates(): void {
    const { tell } = this.place;
    const client = this.spec.name;
    this.#client.on('state', (state) => {
      if (state.status === 'connected') tell({ kind: 'connected', client });
      else if (state.status === 'disconnected') {
        const { code, reason, retryAt } = state;
        tell({ kind: 'disconnected', client, code, reason, comesBack: retryAt !== undefined });
      }
    });
    this.#client.on('error', ({ code, message }) =>
      tell({ kind: 'crashed', client, message: `error frame ${code}: ${message}` }),
    );
  }

  #enter(name: string): TalkRoom {
    const { tell } = this.place;
    const place = { client: this.spec.name, room: name };
    const room = this.#client.room(name);
    room.on('joined', ({ cursor, recovered }) => tell({ kind: 'joined', ...place, cursor, recovered }));
    room.on('gap', ({ seen, cursor }) => tell({ kind: 'gap', ...place, seen, cursor }));
    room.on('left', ({ reason }) => tell({ kind: 'left', ...place, reason }));
    room.on('message', ({ id = '', offset = 0, text }) => tell({ kind: 'seen', ...place, id, offset, text }));
    return room;
  }

  #say(room: TalkRoom): void {
    const id = crypto.randomUUID();
    const place = { client: this.spec.name, room: room.name, id };
    const padding = this.#random.below(10) === 0 ? this.#random.below(LONGEST_PADDING) : 0;
    const text = `${this.spec.name} ${(this.#sent += 1)}${'.'.repeat(padding)}`;
    this.place.tell({ kind: 'sent', ...place, text });
    room.send('message', { text }, { id }).then(
      ({ offset = 0 }) => this.place.tell({ kind: 'acknowledged', ...place, offset }),
      (error: unknown) =>
        this.place.tell({ kind: 'rejected', ...place, code: (error as { code?: string }).code ?? String(error) }),
    );
  }

  /** A fresh one for each attempt, and while connected another one only where this client refreshes. */
  async #takeToken(): Promise<string> {
    const { name, tokenLivesMs, refreshes } = this.spec;
    const connected = this.#client.state.status === 'connected';
    if (connected) this.place.tell({ kind: 'refreshed', client: name });
    if (!connected || refreshes) this.#token = await this.place.token(name, tokenLivesMs);
    return this.#token;
  }
}

/** A WebSocket class that tells what a client does for its application: when a frame goes out again, and when it was refused. */
function tellingFrames(Base: WebSocketConstructor, client: string, tell: Tell): WebSocketConstructor {
  const sent = new Set<string>();
  return class extends Base {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      // Both the browser's and that of `ws` are event targets.
      (this as unknown as EventTarget).addEventListener('message', (event) => {
        const frame = JSON.parse((event as MessageEvent<string>).data) as Record<string, string>;
        const { type, room = '', id, code = '' } = frame;
        if (type === 'error' && id !== undefined && sent.has(id)) tell({ kind: 'refused', client, room, id, code });
      });
    }

    override send(data: string): void {
      const { type, room, id } = JSON.parse(data) as Record<string, string>;
      if (type === 'message' && room !== undefined && id !== undefined) {
        if (sent.has(id)) tell({ kind: 'resent', client, room, id });
        sent.add(id);
      }
      super.send(data);
    }
  };
}
