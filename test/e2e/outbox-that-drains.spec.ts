import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { RealtimeClient } from '../../src/client/index.js';
import type { ClientRoom } from '../../src/client/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { advanceUntil } from '../support/advance.js';
import { range } from '../support/chat.js';
import { Standalone } from '../support/standalone.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

const SENDS = 2_000;
/** By the server's defaults, 50 a second after a burst of 100, it can't take less. */
const LEAST_MS = ((SENDS - 100) / 50) * 1_000;
const kinds = process.env['ROOKERY_DEEP'] === '1' ? (['moved', 'real'] as const) : (['moved'] as const);

jest.setTimeout(180_000);

const secret = randomBytes(32).toString('base64url');
let server: Standalone | undefined;
let clients: RealtimeClient[] = [];

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server?.close();
});

describe('2,000 sends at once', () => {
  it.each(kinds)('leave at the rate that a default server allows, none refused, no close (%s time)', async (kind) => {
    const clock = kind === 'moved' ? new ManualClock() : undefined;
    const now = (): number => clock?.now() ?? Date.now();
    server = await Standalone.start({ JWT_SECRET: secret }, clock && { clock });
    const wire = new Wire();
    const writer = enter('writer', wire, clock);
    const reader = enter('reader', wire, clock);
    await until('both are in the room', () => writer.room.status === 'joined' && reader.room.status === 'joined');

    const startedAt = now();
    const sends = range(1, SENDS).map((n) => writer.room.send('message', { text: String(n) }));
    const all = Promise.all(sends);
    const results = await (clock ? advanceUntil(clock, 'every ack', all, { stepMs: 20, withinMs: 60_000 }) : all);

    const tookMs = now() - startedAt;
    expect(wire).toMatchObject({ errors: [], made: 2, closed: 0 });
    expect(results.map(({ offset }) => offset)).toEqual(range(1, SENDS));
    expect(tookMs).toBeGreaterThan(LEAST_MS);
    if (clock) expect(tookMs).toBeLessThan(1.2 * LEAST_MS); // The pace is the server's, not a careful guess far below it.
    await until('the reader has the last one', () => reader.heard.length === SENDS);
    for (const { heard } of [writer, reader]) expect(heard).toEqual(range(1, SENDS).map(String));
  });
});

interface Visitor {
  readonly room: ClientRoom;
  /** The texts that its handler got. */
  readonly heard: string[];
}

function enter(name: string, wire: Wire, clock: ManualClock | undefined): Visitor {
  const token = mint(secret, { sub: name, name });
  const client = new RealtimeClient(`${server?.wsUrl}/ws/chat`, { token, WebSocket: wire.WebSocket, clock });
  clients.push(client);
  const room = client.room('outbox');
  const heard: string[] = [];
  room.on('message', ({ text }) => heard.push(String(text)));
  return { room, heard };
}

/** What a client hides from its application, and mends: error frames, and connections that end. */
class Wire {
  readonly errors: string[] = [];
  made = 0;
  closed = 0;

  readonly WebSocket = ((wire: Wire) =>
    class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        wire.made += 1;
        this.on('close', () => void (wire.closed += 1));
        this.on('message', (data: Buffer) => {
          const text = data.toString();
          if (text.startsWith('{"type":"error"')) wire.errors.push(text);
        });
      }
    })(this);
}
