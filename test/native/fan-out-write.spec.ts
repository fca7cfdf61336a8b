import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { constants, devNull } from 'node:os';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import { loadDirectWriter } from '../../src/realtime/connection/direct-writer.js';
import type { DirectWriter } from '../../src/realtime/connection/direct-writer.js';
import { within } from '../support/within.js';
import { compileAddon, describeWith } from './compiled-addon.js';
import { readBytes, SocketPairs } from './socket-pairs.js';

const { EAGAIN, EBADF, ECONNRESET, ENOTSOCK, EPIPE } = constants.errno;
const UNTOUCHED = 77;

/** The writer for a caller without types. */
interface Anything {
  write(...args: readonly unknown[]): unknown;
}

const addon = compileAddon();
afterAll(() => addon.remove());
describeWith(addon, 'one call that writes to many sockets', tests);

function tests(path: string): void {
  let pairs: SocketPairs;
  let writer: DirectWriter;

  beforeEach(async () => {
    const found = loadDirectWriter(path);
    if (!('writer' in found)) throw new Error(found.why);
    ({ writer } = found);
    pairs = await SocketPairs.open();
  });
  afterEach(() => pairs.close());

  /** Writes, and tells what each socket took. */
  function write(fds: readonly number[], bytes: Uint8Array): { short: number; taken: number[] } {
    const taken = new Int32Array(fds.length).fill(UNTOUCHED);
    return { short: writer.write(Int32Array.from(fds), fds.length, bytes, taken), taken: [...taken] };
  }

  it('delivers all bytes on each of 100', async () => {
    const members = await pairs.connectMany(100);
    const bytes = numbered(250);
    expect(write(fdsOf(members), bytes)).toEqual({ short: 0, taken: members.map(() => 250) });
    for (const { peer } of members) expect(await readBytes(peer, 250)).toEqual(bytes);
  });

  it('takes the part of a larger array that it is given, and the first sockets alone', async () => {
    const [first, second] = await pairs.connectMany(2);
    const fds = Int32Array.of(0, first!.fd, second!.fd).subarray(1);
    const taken = new Int32Array(2).fill(UNTOUCHED);
    expect(writer.write(fds, 1, numbered(500).subarray(100, 150), taken)).toBe(0);
    expect([...taken]).toEqual([50, UNTOUCHED]);
    expect(await readBytes(first!.peer, 50)).toEqual(numbered(500).subarray(100, 150));
    expect(second!.peer.bytesRead).toBe(0);
  });

  it('writes nothing for no socket, and nothing of no bytes', async () => {
    const { fd, peer } = await pairs.connect();
    expect(write([], numbered(10))).toEqual({ short: 0, taken: [] });
    expect(write([fd], numbered(0))).toEqual({ short: 0, taken: [0] });
    expect(write([fd], numbered(3))).toEqual({ short: 0, taken: [3] });
    expect(await readBytes(peer, 3)).toEqual(numbered(3));
  });

  it('gives a peer who reads nothing a part, then -EAGAIN; with the rest by socket.write all is there, in order', async () => {
    const { fd, peer, socket } = await pairs.connect();
    peer.pause();
    const bytes = numbered(16 * 1024 * 1024);
    const parts: number[] = [];
    let offset = 0;
    for (;;) {
      const { short, taken } = write([fd], bytes.subarray(offset));
      expect(short).toBe(1);
      const [part = 0] = taken;
      if (part < 0) {
        expect(part).toBe(-EAGAIN);
        break;
      }
      parts.push(part);
      offset += part;
    }
    expect(parts[0]).toBeGreaterThan(0);
    expect(offset).toBeLessThan(bytes.length);
    socket.write(bytes.subarray(offset));
    expect((await readBytes(peer, bytes.length)).equals(bytes)).toBe(true);
    expect(write([fd], numbered(5))).toEqual({ short: 0, taken: [5] }); // It has drained.
  });

  it('tells -EBADF for a socket that is closed, -ENOTSOCK for a file, and serves the others', async () => {
    const file = openSync(devNull, 'w'); // Before the socket closes: it would get its number.
    const [open, closed, last] = await pairs.connectMany(3);
    const gone = once(closed!.socket, 'close');
    closed!.socket.destroy();
    await within('the socket to close', gone);
    try {
      expect(write([open!.fd, -1, closed!.fd, file, last!.fd], numbered(9))).toEqual({
        short: 3,
        taken: [9, -EBADF, -EBADF, -ENOTSOCK, 9],
      });
    } finally {
      closeSync(file);
    }
    expect(await readBytes(open!.peer, 9)).toEqual(numbered(9));
    expect(await readBytes(last!.peer, 9)).toEqual(numbered(9));
  });

  it('tells -EPIPE for a socket that has ended', async () => {
    const { fd, socket } = await pairs.connect();
    const ended = once(socket, 'finish');
    socket.end();
    await within('the end to be sent', ended);
    expect(write([fd], numbered(9))).toEqual({ short: 1, taken: [-EPIPE] });
  });

  it('tells -ECONNRESET or -EPIPE for a peer that reset', async () => {
    const { fd, peer } = await pairs.connect();
    peer.resetAndDestroy(); // At once: the stream learns of it in a later turn, and closes the descriptor then.
    for (let i = 0; i < 2; i += 1) {
      const { short, taken } = write([fd], numbered(9));
      expect([short, [-ECONNRESET, -EPIPE].includes(taken[0] ?? 0)]).toEqual([1, true]);
    }
  });

  it('raises no SIGPIPE, also in a process that it would end', () => {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', WRITER_WITHOUT_PEER, path], {
      encoding: 'utf8',
    });
    expect([status, signal, stdout, stderr]).toEqual([0, null, `${-EPIPE}\n`, '']);
  });

  const two = new Int32Array(2);
  const nine = new Int32Array(9);
  const bytes = Buffer.from('x');
  it.each<[kind: string, name: string, what: string, args: readonly unknown[]]>([
    ['TypeError', 'fds', 'nothing', []],
    ['TypeError', 'fds', 'a plain array', [[1, 2], 2, bytes, two]],
    ['TypeError', 'fds', 'a Uint32Array', [new Uint32Array(2), 2, bytes, two]],
    ['TypeError', 'fds', 'a DataView', [new DataView(new ArrayBuffer(8)), 2, bytes, two]],
    ['TypeError', 'fds', 'a BigInt64Array', [new BigInt64Array(2), 2, bytes, two]],
    ['TypeError', 'count', 'undefined', [two, undefined, bytes, two]],
    ['TypeError', 'count', 'a string', [two, '2', bytes, two]],
    ['TypeError', 'count', 'a bigint', [two, 2n, bytes, two]],
    ['TypeError', 'bytes', 'a string', [two, 2, 'x', two]],
    ['TypeError', 'bytes', 'an ArrayBuffer', [two, 2, new ArrayBuffer(2), two]],
    ['TypeError', 'bytes', 'an Int8Array', [two, 2, new Int8Array(2), two]],
    ['TypeError', 'taken', 'nothing', [two, 2, bytes]],
    ['TypeError', 'taken', 'a Float64Array', [two, 2, bytes, new Float64Array(2)]],
    ['RangeError', 'count', 'more than the descriptors', [two, 3, bytes, nine]],
    ['RangeError', 'count', 'more than there is room for', [nine, 3, bytes, two]],
    ['RangeError', 'count', 'negative', [two, -1, bytes, two]],
    ['RangeError', 'count', 'no whole number', [two, 1.5, bytes, two]],
    ['RangeError', 'count', 'NaN', [two, NaN, bytes, two]],
    ['RangeError', 'count', 'infinite', [two, Infinity, bytes, two]],
  ])('throws a %s where %s is %s, and writes nothing', (kind, name, _what, args) => {
    const call = (): unknown => (writer as unknown as Anything).write(...args);
    // By its name: the addon's errors come from outside of jest's context.
    expect(call).toThrow(expect.objectContaining({ name: kind, message: expect.stringMatching(`^${name}: expected`) }));
    expect([...two, ...nine].every((taken) => taken === 0)).toBe(true);
  });

  it('sees no elements where the memory was handed to another thread', () => {
    const detached = new Int32Array(2);
    structuredClone(detached, { transfer: [detached.buffer] });
    const call = (): unknown => writer.write(detached, 1, bytes, two);
    expect(call).toThrow(expect.objectContaining({ name: 'RangeError' }));
    expect(writer.write(detached, 0, bytes, detached)).toBe(0);
  });

  it('works in two worker threads and here at once', async () => {
    const rounds = 200;
    const groups = [await pairs.connectMany(10), await pairs.connectMany(10), await pairs.connectMany(10)];
    const reads = groups.map((members) => members.map(({ peer }) => readBytes(peer, rounds * 64)));
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const workers = groups.slice(0, 2).map((members, index) => {
      const workerData = { path, fds: fdsOf(members), fill: index + 1, rounds, gate };
      return new Worker(WORKER, { eval: true, workerData });
    });
    const ends = workers.map((worker) => once(worker, 'exit'));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    for (let i = 0; i < rounds; i += 1) expect(write(fdsOf(groups[2]!), Buffer.alloc(64, 3)).short).toBe(0);
    expect(await within('the threads to end', Promise.all(ends))).toEqual([[0], [0]]);
    for (const [index, group] of reads.entries()) {
      for (const got of await Promise.all(group)) expect(got.equals(Buffer.alloc(rounds * 64, index + 1))).toBe(true);
    }
  });
}

/** Bytes that tell where they belong. */
function numbered(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  return bytes;
}

function fdsOf(members: readonly { readonly fd: number }[]): number[] {
  return members.map(({ fd }) => fd);
}

const WORKER = `
const { parentPort, workerData: { path, fds, fill, rounds, gate } } = require('node:worker_threads');
const { write } = require(path);
parentPort.postMessage('ready');
Atomics.wait(gate, 0, 0);
const taken = new Int32Array(fds.length);
for (let i = 0; i < rounds; i += 1) {
  if (write(Int32Array.from(fds), fds.length, Buffer.alloc(64, fill), taken) !== 0) throw new Error(taken.join());
}
`;

/** Node ignores SIGPIPE until somebody has listened to it: from then on it would end the process. */
const WRITER_WITHOUT_PEER = `
process.once('SIGPIPE', () => undefined).removeAllListeners('SIGPIPE');
const { write } = require(process.argv[1]);
const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
  socket.end(() => {
    const taken = new Int32Array(1);
    write(Int32Array.of(socket._handle.fd), 1, new Uint8Array(9), taken);
    console.log(taken[0]);
    socket.destroy();
    server.close();
  });
}).listen(0, '127.0.0.1', () => require('node:net').connect(server.address().port, '127.0.0.1').resume());
`;
