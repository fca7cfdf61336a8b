import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { do_not_optimize as keep } from 'mitata';
import { startApp } from './app.mjs';

const TEXT = JSON.stringify({ type: 'message', id: 'c0ffee00-0000-4000-8000-000000000001', text: 'x'.repeat(64) });
const HEADER = {
  type: 'message',
  room: 'general',
  id: 'c0ffee00-0000-4000-8000-000000000001',
  user: 'alice',
  userId: 'u1',
  timestamp: '2026-11-22T10:00:00.000Z',
};
/** Frames in one go: enough that what belongs to a turn of the event loop is shared as it is under load. */
const BATCH = 64;

/**
 * What is timed. `prepare(root)` imports from the build of that folder and returns `{ run, per, close? }`: what is called,
 * and how many operations one call is.
 */
export const benches = {
  'codec: decode a frame': async (root) => {
    const { decodeFrame } = await built(root, 'protocol/codec.js');
    return { run: () => keep(decodeFrame(TEXT)), per: 1 };
  },
  'codec: encode a frame': async (root) => {
    const { encodeFrame } = await built(root, 'protocol/codec.js');
    const payload = { text: 'x'.repeat(64) };
    return { run: () => keep(encodeFrame(HEADER, payload)), per: 1 };
  },
  'path: match': async (root) => {
    const { PathPattern } = await built(root, 'realtime/gateway/path-pattern.js');
    const pattern = new PathPattern('/ws/chat{/:room}', 'bench');
    return { run: () => keep(pattern.match('/ws/chat/general')), per: 1 };
  },
  'dispatch: a frame in, through the gateway, to its own connection': async (root) => {
    const app = await startApp(root);
    const socket = await app.connect('/ws/chat/own', 'sender');
    const frames = Buffer.concat(Array.from({ length: BATCH }, () => app.clientFrame('{"text":"hi"}')));
    return {
      run: async () => {
        const delivered = socket.delivered(BATCH);
        socket.push(Buffer.from(frames)); // A copy: ws unmasks in place.
        await delivered;
      },
      per: BATCH,
      close: app.close,
    };
  },
  'fan-out: a message to each of 1,000 sockets': (root) => fanOut(root, 1),
  'fan-out: one of 8 messages of a turn to each of 1,000 sockets': (root) => fanOut(root, 8),
};

async function fanOut(root, messages) {
  const app = await startApp(root);
  const members = 1_000;
  const sockets = [];
  for (let i = 0; i < members; i += 1) sockets.push(await app.connect('/ws/chat/big', `user-${i}`));
  return {
    run: async () => {
      const delivered = sockets.at(-1).delivered(messages);
      for (let i = 0; i < messages; i += 1) void app.realtime.to('chat/big').publish('message', { text: 'hi' });
      await delivered;
    },
    per: members * messages,
    close: app.close,
  };
}

function built(root, file) {
  return import(pathToFileURL(join(root, 'dist', file)).href);
}
