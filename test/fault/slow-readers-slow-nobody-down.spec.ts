import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import type { JoinedFrame } from '../../src/protocol/index.js';
import type { AnyFrame } from '../../src/testing/index.js';
import { freshRoom, freshUser, pathOf, partsOf, range } from '../support/chat.js';
import { ServerProcess } from '../support/server-process.js';
import { mint } from '../support/tokens.js';
import { until, within } from '../support/within.js';

const isDeep = process.env['ROOKERY_DEEP'] === '1';
const [GOOD, SLOW] = isDeep ? [200, 2_000] : [10, 40];
const MIB = 2 ** 20;
const TOTAL_BYTES = isDeep ? 128 * MIB : 16 * MIB;
/** What a server may take beside what is queued for its readers. */
const SLACK_BYTES = 64 * MIB;
const FRAME_BYTES = 50_000;
/** The kernel holds some megabytes for a reader before the server holds anything. */
const MOST_FRAMES = 1_000;
const AT_ONCE = 20;
const WAIT_MS = 60_000;

jest.setTimeout(15 * 60_000); // Every wait below has an end of its own.

const SECRET = randomBytes(32).toString('base64url');
let server: ServerProcess;
const readers: Reader[] = [];

afterEach(async () => {
  for (const { ws } of readers.splice(0)) ws.terminate();
  await server.stop();
});

it(`${SLOW} who read nothing are closed with 4002 and recover; ${GOOD} beside them miss nothing; the memory is bounded`, async () => {
  server = await ServerProcess.start({
    JWT_SECRET: SECRET,
    MESSAGES_PER_SECOND: '0',
    HISTORY_SIZE: String(MOST_FRAMES),
    MAX_BUFFERED_TOTAL_BYTES: String(TOTAL_BYTES),
  });
  const room = freshRoom();
  const good = await enterAll(room, GOOD);
  const slow = await enterAll(room, SLOW);
  for (const { ws } of slow) ws.pause();

  const before = server.residentBytes;
  let most = 0;
  let published = 0;
  while (closedAsSlow() < SLOW && published < MOST_FRAMES) {
    await good[0]!.say('x'.repeat(FRAME_BYTES));
    published += 1;
    most = Math.max(most, server.residentBytes - before);
  }
  process.stderr.write(`slow readers: ${published} frames; grown by ${Math.round(most / MIB)} MiB at most\n`);
  // A peer that reads nothing answers no close frame: its end is told a moment later.
  await until('all slow ones are closed', () => closedAsSlow() === SLOW, WAIT_MS);
  expect(most).toBeLessThan(TOTAL_BYTES + SLACK_BYTES);

  for (const { ws, offsets } of good) {
    await until('a good one has them all', () => offsets.length >= published, WAIT_MS);
    expect(offsets).toEqual(range(1, published));
    expect(ws.readyState).toBe(WebSocket.OPEN);
  }
  for (let start = 0; start < SLOW; start += AT_ONCE) {
    await Promise.all(slow.slice(start, start + AT_ONCE).map((reader) => comesBack(room, reader, published)));
  }
});

/** What it had before it was closed, and what it gets on its return: everything, once and in order. */
async function comesBack(room: string, reader: Reader, published: number): Promise<void> {
  reader.ws.resume();
  // The close frame stands behind what the kernel took; who reads it too late sees only that the socket ended.
  expect([4002, 1006]).toContain(await within('the close', reader.closed, WAIT_MS));
  const seen = reader.offsets.length;
  expect(reader.offsets).toEqual(range(1, seen));
  const { cursor } = await reader.joined;
  const back = new Reader(room, `${partsOf(cursor).epoch}.${seen}`);
  expect((await within('joined', back.joined, WAIT_MS)).recovered).toBe(true);
  await until('it has the rest', () => back.offsets.length >= published - seen, WAIT_MS);
  expect(back.offsets).toEqual(range(seen + 1, published));
  back.ws.terminate();
}

/** How many the server closed with 4002. */
function closedAsSlow(): number {
  return server.events('disconnected').filter(({ code }) => code === 4002).length;
}

async function enterAll(room: string, count: number): Promise<Reader[]> {
  const all: Reader[] = [];
  while (all.length < count) {
    const group = range(1, Math.min(AT_ONCE, count - all.length)).map(() => new Reader(room));
    await Promise.all(group.map(({ joined }) => within('joined', joined, WAIT_MS)));
    all.push(...group);
  }
  return all;
}

/** Somebody in the room, by offsets alone: thousands who kept what they read would fill the test's own memory. */
class Reader {
  readonly ws: WebSocket;
  readonly offsets: number[] = [];
  readonly joined: Promise<JoinedFrame>;
  readonly closed: Promise<number>;
  private enter: (frame: JoinedFrame) => void = () => undefined;
  private acknowledged: () => void = () => undefined;

  constructor(
    private readonly room: string,
    since?: string,
  ) {
    const query = since === undefined ? '' : `?since=${since}`;
    this.ws = new WebSocket(`${server.wsUrl}${pathOf(room)}${query}`, {
      headers: { authorization: `Bearer ${mint(SECRET, { sub: freshUser() })}` },
      perMessageDeflate: false,
    });
    readers.push(this);
    this.joined = new Promise((resolve, reject) => {
      this.enter = resolve;
      this.ws.on('error', reject);
    });
    this.joined.catch(() => undefined); // Told to whoever waits for it; a socket that breaks later is told by `closed`.
    this.closed = new Promise((resolve) => this.ws.once('close', resolve));
    this.ws.on('message', (data: Buffer) => this.receive(JSON.parse(data.toString()) as AnyFrame));
  }

  /** Resolves when the server has it. */
  async say(text: string): Promise<void> {
    const acknowledged = new Promise<void>((resolve) => {
      this.acknowledged = resolve;
    });
    this.ws.send(JSON.stringify({ type: 'message', id: randomUUID(), text }));
    await within('the ack', acknowledged, WAIT_MS);
  }

  private receive(frame: AnyFrame): void {
    if (frame.room !== this.room && frame.type !== 'ack') return; // That of the user's own room.
    if (frame.type === 'joined') this.enter(frame as unknown as JoinedFrame);
    else if (frame.type === 'ack') this.acknowledged();
    else if (frame.offset !== undefined) this.offsets.push(frame.offset);
  }
}
