import type { RealtimeClientError } from './client-error.js';
import { FakeNetwork, FakeSignals, ManualClock } from './client.double.js';
import type { Frame, FakeSocket } from './client.double.js';
import { RealtimeClient } from './realtime-client.js';
import type { RealtimeClientOptions } from './realtime-client.js';
import type { ClientRoom } from './room.js';

/** A client, and a network that exists only in the test. */
export function setUpClient(options: RealtimeClientOptions = {}) {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const client = new RealtimeClient('ws://127.0.0.1/ws/chat', {
    clock,
    signals: new FakeSignals(),
    WebSocket: network.WebSocket,
    random: () => 0,
    token: () => 'jwt',
    ...options,
  });
  return { client, clock, network };
}

/** One that is in `general` from `e.0`. */
export async function setUpJoined(options: RealtimeClientOptions = {}) {
  const { client, clock, network } = setUpClient(options);
  const room = client.room('general');
  const socket = (await network.socket(1)).welcome().joined('general', 'e.0');
  /** Cuts the connection and makes the next one, up to its welcome. */
  const cut = async (): Promise<FakeSocket> => {
    network.sockets.at(-1)?.end();
    clock.advance(250);
    return (await network.socket(network.sockets.length + 1)).welcome();
  };
  return { client, clock, network, room, socket, cut };
}

/** A message in `general` that somebody else sent. */
export const say = (offset: number | undefined, fields: Frame = {}): Frame => ({
  type: 'message',
  room: 'general',
  offset,
  id: `id-${offset}`,
  user: 'bob',
  userId: 'u2',
  text: `text ${offset}`,
  timestamp: '2026-11-22T10:00:00.000Z',
  ...fields,
});

/** What the room's handlers are told from now on. */
export function texts(room: ClientRoom): unknown[] {
  const seen: unknown[] = [];
  room.on('message', (frame) => seen.push(frame['text']));
  return seen;
}

/** How a send ends: `ok 1`, or the error's code. */
export const outcome = (sent: Promise<{ offset?: number }>) =>
  sent.then(
    ({ offset }) => `ok ${offset}`,
    (error: RealtimeClientError) => error.code,
  );
