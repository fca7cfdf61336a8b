import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import type { AckFrame, JoinedFrame, MessageFrame, WelcomeFrame } from '../../src/protocol/index.js';
import { TestClient } from '../../src/testing/index.js';
import type { AnyFrame, TestClientOptions } from '../../src/testing/index.js';
import { mint } from './tokens.js';
import type { MintOptions, TokenClaims } from './tokens.js';

jest.setTimeout(30_000);

/** How somebody comes to the chat. */
export interface VisitOptions extends TestClientOptions {
  /** Claims besides `sub` and `name`. */
  readonly claims?: TokenClaims;
  readonly expiresInMs?: number;
  /** Which server, where the chat has several. Default: the first. */
  readonly pod?: number;
}

/** Somebody in a room, with the frames that began it. */
export interface Visit {
  readonly client: TestClient;
  readonly welcome: WelcomeFrame;
  readonly joined: JoinedFrame;
}

/** The chat of a server, seen from outside: URLs and a secret. Rooms are fresh for each test, clients are cleaned up. */
export class Chat {
  private readonly clients: TestClient[] = [];

  constructor(
    readonly urls: readonly string[],
    readonly secret: string,
    private readonly now: () => number = Date.now,
  ) {}

  get url(): string {
    return this.urlOf(0);
  }

  urlOf(pod: number): string {
    const url = this.urls[pod % this.urls.length];
    if (url === undefined) throw new Error('expected a URL of a server');
    return url.replace(/\/$/, '');
  }

  /** A token for a user whose name is the beginning of the id, up to the first `-`. */
  token(sub: string, claims: TokenClaims = {}, options: MintOptions = {}): string {
    return mint(this.secret, { sub, name: sub.split('-')[0], ...claims }, { now: this.now(), ...options });
  }

  /** Connects with a token of the user, unless the options bring one; a room makes it `/ws/chat/<room>`. */
  async connect(room: string | undefined, sub: string | undefined, options: VisitOptions = {}): Promise<TestClient> {
    const { claims, expiresInMs, pod = 0, ...rest } = options;
    const lasting = expiresInMs === undefined ? {} : { expiresInMs };
    const client = await TestClient.connect(`${this.urlOf(pod)}${pathOf(room)}`, {
      ...(sub === undefined ? {} : { token: this.token(sub, claims, lasting) }),
      ...rest,
    });
    this.clients.push(client);
    return client;
  }

  /** Connects, and takes `welcome` and the `joined` of the path's room. */
  async visit(room: string, sub: string | undefined, options: VisitOptions = {}): Promise<Visit> {
    const client = await this.connect(room, sub, options);
    const welcome = await client.next('welcome');
    return { client, welcome, joined: await joinedIn(client, room) };
  }

  /** {@link visit}, for tests that need the client alone. */
  async enter(room: string, sub: string | undefined, options: VisitOptions = {}): Promise<TestClient> {
    return (await this.visit(room, sub, options)).client;
  }

  /** Connects without a room, and takes `welcome`. */
  async lobby(sub: string | undefined, options: VisitOptions = {}): Promise<TestClient> {
    const client = await this.connect(undefined, sub, options);
    await client.next('welcome');
    return client;
  }

  /** Ends every client that this chat made. */
  async cleanUp(): Promise<void> {
    const clients = this.clients.splice(0);
    for (const client of clients) client.destroy();
    await Promise.all(clients.map((client) => client.closed()));
  }
}

export function pathOf(room: string | undefined): string {
  return room === undefined ? '/ws/chat' : `/ws/chat/${encodeURIComponent(room)}`;
}

/** A room that nobody was in. */
export function freshRoom(): string {
  return `room-${randomUUID()}`;
}

/** A user whom nobody saw; the name is what stands before the first `-`. */
export function freshUser(name = 'user'): string {
  return `${name}-${randomUUID()}`;
}

/** Takes the next `joined` of a room. */
export function joinedIn(client: TestClient, room: string): Promise<JoinedFrame> {
  return client.next<JoinedFrame>(
    named(`"joined" of ${room}`, (frame) => frame.type === 'joined' && frame.room === room),
  );
}

/** Says something, and gives the `ack`. */
export async function say(client: TestClient, text: string, more: Record<string, unknown> = {}): Promise<AckFrame> {
  const answer = await client.request<AckFrame>({ type: 'message', text, ...more });
  if (answer.type !== 'ack') throw new Error(`expected the ack of "${text}", got ${JSON.stringify(answer)}`);
  return answer;
}

/** Says so many things one after the other: `1`, `2`, … */
export async function sayMany(client: TestClient, count: number, more: Record<string, unknown> = {}): Promise<void> {
  for (let i = 1; i <= count; i += 1) await say(client, String(i), more);
}

/** Takes the next frame that was said with a text. */
export function heard(client: TestClient, text: string): Promise<MessageFrame> {
  return client.next<MessageFrame>(named(`text "${text}"`, (frame) => frame['text'] === text));
}

/** The stored frames of a room that came so far, in order. */
export function storedIn(client: TestClient, room: string): AnyFrame[] {
  return client.received.filter((frame) => frame.room === room && typeof frame.offset === 'number');
}

export function offsetsIn(client: TestClient, room: string): number[] {
  return storedIn(client, room).map((frame) => frame.offset ?? 0);
}

/** Whole numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** The two parts of a cursor. */
export function partsOf(cursor: string): { epoch: string; offset: number } {
  const [epoch = '', offset = ''] = cursor.split('.');
  return { epoch, offset: Number(offset) };
}

/** Gives a predicate a name for the messages of waits that end. */
export function named<Test extends (frame: AnyFrame) => boolean>(name: string, test: Test): Test {
  test.toString = () => name;
  return test;
}
