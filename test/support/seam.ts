import { randomUUID } from 'node:crypto';
import { parseCursor } from '../../src/protocol/index.js';
import type { AckFrame, JoinedFrame } from '../../src/protocol/index.js';
import { TestClient } from '../../src/testing/index.js';
import type { AnyFrame } from '../../src/testing/index.js';
import { named } from './chat.js';
import { SeededRandom } from './seeded-random.js';

export interface SeamOptions {
  /** The pods, `ws://host:port` each. The reader comes back to another one each time; every pod has a writer. */
  readonly urls: readonly string[];
  /** Makes a token for a user. */
  readonly mint: (sub: string) => string;
  /** How often the reader is cut off. */
  readonly cuts: number;
  /** Publishes of one writer that wait for their ack at once. Default 4. */
  readonly pipelined?: number;
  /** Default: a room of its own. */
  readonly room?: string;
  /** Decides where the cuts fall, so that a run that failed can be repeated. Default 1. */
  readonly seed?: number;
  /** How long one step may take. Default 10,000. */
  readonly timeoutMs?: number;
}

export interface SeamResult {
  /** Stored frames; every one of them was seen exactly once, in order. */
  readonly published: number;
  readonly cuts: number;
  /** Cuts that fell before `joined`, between two frames of a replay, or while live. */
  readonly cutBeforeJoined: number;
  readonly cutInReplay: number;
  readonly cutLive: number;
}

/**
 * Writers that never stop, and a reader that is cut off and comes back with its cursor again and again, as RC6 has it.
 * Resolves when the reader has seen every stored frame once, in order; rejects with the first frame that proves otherwise.
 */
export async function runSeam(options: SeamOptions): Promise<SeamResult> {
  const room = options.room ?? `seam-${randomUUID()}`;
  const writers = await Promise.all(options.urls.map((_url, pod) => Writer.start(options, room, pod)));
  const reader = new Reader(options, room);
  try {
    await reader.begin();
    for (const writer of writers) writer.write();
    for (let cut = 0; cut < options.cuts; cut += 1) await reader.comeAndBeCut(cut);
    const tops = await Promise.all(writers.map((writer) => writer.stop()));
    const top = Math.max(...tops);
    await reader.readUpTo(top, options.cuts);
    return { published: top, cuts: options.cuts, ...reader.where };
  } finally {
    reader.end();
    for (const writer of writers) writer.end();
  }
}

class Writer {
  private writing = false;
  private done: Promise<unknown> = Promise.resolve();
  private top = 0;

  private constructor(
    private readonly client: TestClient,
    private readonly options: SeamOptions,
  ) {}

  static async start(options: SeamOptions, room: string, pod: number): Promise<Writer> {
    const client = await open(options, room, pod, `writer-${pod}-${randomUUID()}`);
    await client.next('welcome');
    return new Writer(client, options);
  }

  write(): void {
    this.writing = true;
    this.done = Promise.all(Array.from({ length: this.options.pipelined ?? 4 }, () => this.loop()));
    this.done.catch(() => undefined); // Told by stop().
  }

  /** @returns the highest offset that was acknowledged. */
  async stop(): Promise<number> {
    this.writing = false;
    await this.done;
    return this.top;
  }

  end(): void {
    this.writing = false;
    this.client.destroy();
  }

  private async loop(): Promise<void> {
    while (this.writing) {
      const id = randomUUID();
      let answer = await this.client.request<AckFrame & { code?: string; retryMs?: number }>({
        type: 'message',
        id,
        text: id,
      });
      while (answer.code === 'rate_limited') {
        await new Promise((resolve) => setTimeout(resolve, answer.retryMs));
        answer = await this.client.request({ type: 'message', id, text: id });
      }
      if (answer.offset === undefined) throw new Error(`expected an ack with an offset, got ${JSON.stringify(answer)}`);
      this.top = Math.max(this.top, answer.offset);
    }
  }
}

/** The client of RC6: what it knows of the room is its cursor. */
class Reader {
  readonly where = { cutBeforeJoined: 0, cutInReplay: 0, cutLive: 0 };
  private readonly ids = new Set<string>();
  private client: TestClient | undefined;
  private epoch = '';
  private offset = 0;
  private readonly chance: SeededRandom;

  constructor(
    private readonly options: SeamOptions,
    private readonly room: string,
  ) {
    this.chance = new SeededRandom(options.seed ?? 1);
  }

  /** The first visit gives the cursor to begin with. */
  async begin(): Promise<void> {
    const joined = await this.come(0);
    this.take(joined, undefined);
    this.end();
  }

  async comeAndBeCut(turn: number): Promise<void> {
    const since = this.cursor;
    this.client = await open(this.options, this.room, turn, 'reader', since);
    if (this.chance.below(10) === 0) {
      // Whatever came by now is lost with the connection: a client processes nothing before `joined`.
      this.where.cutBeforeJoined += 1;
      this.end();
      return;
    }
    const joined = await joinedOf(this.client, this.room);
    this.take(joined, since);
    const live = this.chance.below(2) === 0;
    const frames = live ? 8 + this.chance.below(40) : this.chance.below(8);
    for (let n = 0; n < frames; n += 1) this.process(await this.nextStored());
    if (live) this.where.cutLive += 1;
    else this.where.cutInReplay += 1;
    this.end();
  }

  async readUpTo(top: number, turn: number): Promise<void> {
    const since = this.cursor;
    this.take(await this.come(turn, since), since);
    while (this.offset < top) this.process(await this.nextStored());
    this.end();
  }

  end(): void {
    this.client?.destroy();
    this.client = undefined;
  }

  private get cursor(): string {
    return `${this.epoch}.${this.offset}`;
  }

  private async come(turn: number, since?: string): Promise<JoinedFrame> {
    this.client = await open(this.options, this.room, turn, 'reader', since);
    return joinedOf(this.client, this.room);
  }

  private take(joined: JoinedFrame, since: string | undefined): void {
    const cursor = parseCursor(joined.cursor);
    if (!cursor) throw new Error(`expected a cursor, got ${joined.cursor}`);
    if (since !== undefined && (joined.recovered !== true || cursor.offset !== this.offset)) {
      throw new Error(`came back with ${since}, expected to be recovered there, got ${JSON.stringify(joined)}`);
    }
    this.epoch = cursor.epoch;
    this.offset = cursor.offset;
  }

  private nextStored(): Promise<AnyFrame> {
    const match = (frame: AnyFrame): boolean =>
      frame.room === this.room && (frame.offset !== undefined || frame.type === 'joined');
    return this.client!.next(named(`stored frame ${this.offset + 1}`, match), this.options.timeoutMs ?? 10_000);
  }

  private process(frame: AnyFrame): void {
    if (frame.offset !== this.offset + 1) {
      throw new Error(
        `after offset ${this.offset} expected ${this.offset + 1}, got ${JSON.stringify(frame).slice(0, 300)}`,
      );
    }
    if (this.ids.has(frame.id ?? ''))
      throw new Error(`the frame ${frame.id} came twice, the second time as ${frame.offset}`);
    this.ids.add(frame.id ?? '');
    this.offset = frame.offset;
  }
}

function open(options: SeamOptions, room: string, pod: number, sub: string, since?: string): Promise<TestClient> {
  const url = options.urls[pod % options.urls.length];
  return TestClient.connect(`${url}/ws/chat/${room}`, {
    token: options.mint(sub),
    timeoutMs: options.timeoutMs ?? 10_000,
    ...(since === undefined ? {} : { since }),
  });
}

function joinedOf(client: TestClient, room: string): Promise<JoinedFrame> {
  return client.next<JoinedFrame>(
    named(`joined of ${room}`, (frame) => frame.type === 'joined' && frame.room === room),
  );
}
