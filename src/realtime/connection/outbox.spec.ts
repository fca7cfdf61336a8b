import { Duplex } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { Outbox } from './outbox.js';
import { encodeTextMessage, PING } from './ws-frame.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A socket whose peer reads what it is told to: `read()` lets go of what was written and of what follows. */
function slowSocket() {
  const written: Buffer[] = [];
  let reads = false;
  let release: () => void = () => undefined;
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk);
      if (reads) done();
      else release = done;
    },
  });
  const read = (): void => {
    reads = true;
    release();
  };
  return { socket, written, read };
}

const openSocket = { extensions: '', readyState: 1, OPEN: 1 } as WebSocket;
const message = (n: number, bytes = 1_000): Buffer => encodeTextMessage(Buffer.alloc(bytes, String(n)));

describe('Outbox', () => {
  it('keeps the shared Buffers for a reader that stands still, and copies nothing for it', async () => {
    const { socket, written } = slowSocket();
    const outbox = new Outbox(openSocket, socket);
    let pushed = 0;
    for (let n = 0; n < 1_000; n += 1) {
      const one = message(n % 10, 20_000);
      outbox.push(one);
      pushed += one.length;
      await turn();
    }
    expect(written).toHaveLength(1);
    expect(socket.writableLength).toBeLessThan(25_000);
    expect(outbox.pendingBytes).toBeGreaterThanOrEqual(pushed); // Pings stand between.
  });

  it('gives a reader that reads on everything that waited, in the order of push, in small writes', async () => {
    const { socket, written, read } = slowSocket();
    const outbox = new Outbox(openSocket, socket);
    const all = Array.from({ length: 300 }, (_, n) => message(n % 10));
    for (const one of all) {
      outbox.push(one);
      await turn();
    }
    read();
    while (outbox.pendingBytes > 0) await turn();
    const frames = Buffer.concat(written).toString('latin1').replaceAll(PING.toString('latin1'), '');
    expect(frames).toBe(Buffer.concat(all).toString('latin1'));
    expect(Math.max(...written.slice(1).map(({ length }) => length))).toBeLessThan(20_000);
  });

  it('writes what waited before the chunk of a replay, and before it closes', async () => {
    const { socket, written, read } = slowSocket();
    const outbox = new Outbox(openSocket, socket);
    for (const n of [1, 2, 3]) {
      outbox.push(message(n, 20_000));
      await turn();
    }
    const sent = outbox.writeChunk([{ payload: Buffer.alloc(100, '4'), prefix: '4' }]);
    outbox.push(message(5));
    outbox.close();
    read();
    await sent;
    const order = Buffer.concat(written)
      .toString('latin1')
      .match(/(\d)\1{50}/g);
    expect([...new Set(order)].map((text) => text[0])).toEqual(['1', '2', '3', '4', '5']);
    expect(outbox.pendingBytes).toBe(0);
  });
});
