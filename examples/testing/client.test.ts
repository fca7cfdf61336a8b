import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RealtimeClient } from 'rookery/client';
import { WebSocket } from 'ws';
import { startChat, tokenOf } from './support.js';

test('your frontend’s client misses nothing through a cut', async (t) => {
  const server = await startChat();
  t.after(() => server.close());
  const sockets: WebSocket[] = [];
  /** Remembers the sockets, so that a test can cut them. */
  class Cuttable extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  const client = new RealtimeClient(`${server.url}/ws/chat`, { WebSocket: Cuttable, token: () => tokenOf('bob') });
  t.after(() => client.close());
  const room = client.room('general');
  const texts: unknown[] = [];
  const last = new Promise<void>((resolve) =>
    room.on('message', ({ text }) => {
      texts.push(text);
      if (text === 'after') resolve();
    }),
  );
  await room.send('message', { text: 'before' });
  sockets.at(-1)?.terminate();
  await server.realtime.to('chat/general').publish('message', { text: 'meanwhile' });
  await room.send('message', { text: 'after' });
  await last;
  assert.deepEqual(texts, ['before', 'meanwhile', 'after']);
});
