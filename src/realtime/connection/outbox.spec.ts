import { Duplex } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import type { WebSocket } from 'ws';
import { Batch } from './batch.js';
import { Outbox } from './outbox.js';
import { encodeTextMessage, PING } from './ws-frame.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A socket whose peer reads what it is told to: `read()` lets go of what was written and of what follows. */
function slowSocket() {
  const written: Buffer[] = [];
  let reads = false;
  let release: () => void = () => undefined;
  const socket = new Duplex({
    highWaterMark: 16 * 1024,
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

const open = { extensions: '', readyState: 1, OPEN: 1 };
const openSocket = open as WebSocket;
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

  describe('a ping (CN1, ADR 0005)', () => {
    const MIB = 1024 * 1024;
    /** Of all that was written: where the pings stand. */
    function pingsIn(written: readonly Buffer[]): number[] {
      const bytes = Buffer.concat(written).toString('latin1');
      return [...bytes.matchAll(new RegExp(PING.toString('latin1'), 'gs'))].map(({ index }) => index);
    }

    /** Answers all that it has sent. @returns how many they were. */
    function owedBy(outbox: Outbox): number {
      let owed = 0;
      while (outbox.ponged()) owed += 1;
      return owed;
    }

    /** Queues a message of 10 kB as a room does for its members, or as whoever sends something to one of them. */
    function sendIn(batches: boolean, outbox: Outbox, n: number): Batch | undefined {
      const bytes = message(n % 10, 10_000);
      const batch = batches ? new Batch(bytes) : undefined;
      if (batch) outbox.follow(batch);
      else outbox.push(bytes);
      return batch;
    }

    it.each([false, true])('stands behind every 2 MiB of what the socket takes, in batches: %s', async (batches) => {
      const { socket, written, read } = slowSocket();
      read();
      const outbox = new Outbox(openSocket, socket);
      for (let n = 0; n < 420; n += 1) {
        sendIn(batches, outbox, n)?.end();
        await turn();
      }
      const [first, second, ...more] = pingsIn(written);
      expect(first).toBeGreaterThanOrEqual(2 * MIB);
      expect(first).toBeLessThan(2.1 * MIB);
      expect(second).toBeGreaterThanOrEqual(4 * MIB);
      expect([more, owedBy(outbox)]).toEqual([[], 2]);
    });

    it.each([false, true])(
      'stands behind every 64 KiB of what waits for the socket, in batches: %s',
      async (batches) => {
        const { socket, written, read } = slowSocket();
        const outbox = new Outbox(openSocket, socket);
        outbox.push(message(0, 20_000)); // Its socket does not take more.
        await turn();
        for (let n = 1; n <= 100; n += 1) {
          sendIn(batches, outbox, n);
          if (n > 50) await turn(); // And fifty before it is found out.
        }
        read();
        while (outbox.pendingBytes > 0) await turn();
        const gaps = pingsIn(written).map((at, n, all) => at - (all[n - 1] ?? 0));
        expect(gaps.length).toBeGreaterThanOrEqual(13);
        expect(Math.max(...gaps)).toBeLessThan(80_000);
        expect(owedBy(outbox)).toBe(gaps.length);
      },
    );

    it('stands behind the batch that is the last one to wait', async () => {
      const { socket, written, read } = slowSocket();
      const outbox = new Outbox(openSocket, socket);
      outbox.push(message(0, 20_000));
      await turn();
      outbox.follow(new Batch(message(1, 70_000)));
      await turn();
      read();
      while (outbox.pendingBytes > 0) await turn();
      expect(pingsIn(written)).toHaveLength(1);
    });

    it.each([
      ['64 KiB of what waits to be compressed', false, 31],
      ['2 MiB of what was compressed', true, 1],
    ])('stands behind every %s', async (_what, atOnce, pings) => {
      const ping = jest.fn();
      const send = (_payload: Buffer, _options: object, done: () => void): void => void (atOnce && done());
      const outbox = new Outbox({ ...open, extensions: 'permessage-deflate', send, ping } as never, new Duplex());
      for (let n = 0; n < 220; n += 1) {
        outbox.push(message(n % 10, 10_000));
        await turn();
      }
      expect(ping).toHaveBeenCalledTimes(pings); // One behind each seven, or 210.
    });

    it('stands before a replay whose reader was sent more than 64 KiB that it is not known to have read', async () => {
      const { socket, written, read } = slowSocket();
      read();
      const outbox = new Outbox(openSocket, socket);
      const chunk = [{ payload: Buffer.alloc(1_000, '9'), prefix: '' }];
      await outbox.writeChunk(chunk);
      expect([pingsIn(written), outbox.isHeardReading]).toEqual([[], true]);
      for (let n = 0; n < 20; n += 1) outbox.push(message(n % 10, 10_000));
      await turn();
      await outbox.writeChunk(chunk);
      expect([pingsIn(written).length, outbox.isHeardReading]).toEqual([1, false]);
      expect([outbox.ponged(), outbox.isHeardReading, outbox.ponged()]).toEqual([true, true, false]);
    });

    it('stands behind every 64 KiB of a replay, whoever reads it', async () => {
      const { socket, written, read } = slowSocket();
      read();
      const outbox = new Outbox(openSocket, socket);
      const chunk = Array.from({ length: 20 }, (_, n) => ({ payload: Buffer.alloc(10_000, `${n % 10}`), prefix: '' }));
      for (let n = 0; n < 3; n += 1) await outbox.writeChunk(chunk);
      expect(pingsIn(written)).toHaveLength(8); // One behind each seven.
    });
  });

  it('waits once for a socket to drain, whatever its owner does when it is told', async () => {
    const { socket, read } = slowSocket();
    const outbox: Outbox = new Outbox(openSocket, socket, undefined, { heldBack: () => outbox.flush() });
    let most = 0;
    socket.on('newListener', (event) => {
      if (event === 'drain') most = Math.max(most, socket.listenerCount('drain') + 1);
    });
    for (let n = 0; n < 100; n += 1) {
      outbox.push(message(n % 10, 10_000));
      await turn();
    }
    read();
    while (outbox.pendingBytes > 0) await turn();
    expect(most).toBe(1);
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
