import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, constant, constantFrom, nat, oneof, record } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Connection } from '../connection/connection.js';
import { connectionOn } from '../connection/connection.double.js';
import { encodeTextMessage } from '../connection/ws-frame.js';
import { FanOut } from './fan-out.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A reader who takes nothing until `read()`; what the socket has written, as texts. */
class Reader {
  readonly connection: Connection;
  private readonly written: Buffer[] = [];
  private waiting: (() => void) | undefined;
  private reading: boolean;

  constructor(id: string, reading: boolean) {
    this.reading = reading;
    const socket = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        this.written.push(chunk);
        if (this.reading) done();
        else this.waiting = done;
      },
      writableHighWaterMark: 100,
    });
    const ws = {
      extensions: '',
      readyState: 1,
      OPEN: 1,
      resume: () => undefined,
      close: () => undefined,
      terminate: () => undefined,
    };
    this.connection = connectionOn(ws as unknown as WebSocket, socket, { id });
  }

  get outbox(): Connection['outbox'] {
    return this.connection.outbox;
  }

  read(): void {
    this.reading = true;
    const waiting = this.waiting;
    this.waiting = undefined;
    waiting?.();
  }

  texts(): string[] {
    const bytes = Buffer.concat(this.written);
    const texts: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = bytes[at + 1]!;
      texts.push(bytes.toString('latin1', at + 2, at + 2 + length));
      at += 2 + length;
    }
    return texts;
  }
}

const encoded = (text: string): Buffer => encodeTextMessage(Buffer.from(text));

/** What may happen in a turn, beside messages of the two rooms. */
type Step =
  | { readonly do: 'publish'; readonly room: 0 | 1 }
  | { readonly do: 'send' | 'join' | 'leave' | 'flush' | 'read' | 'close'; readonly reader: number }
  | { readonly do: 'turn' };

const readers = 4;
const reader = nat(readers - 1);
const steps = array(
  oneof(
    {
      weight: 8,
      arbitrary: record({ do: constant('publish' as const), room: constantFrom(0 as const, 1 as const) }),
    },
    { weight: 3, arbitrary: record({ do: constant('send' as const), reader }) },
    {
      weight: 3,
      arbitrary: record({
        do: constantFrom('join' as const, 'leave' as const, 'flush' as const, 'read' as const),
        reader,
      }),
    },
    { weight: 1, arbitrary: record({ do: constant('close' as const), reader }) },
    { weight: 2, arbitrary: constant({ do: 'turn' as const }) },
  ),
  { maxLength: 120 },
) as Arbitrary<Step[]>;

/** Two rooms of the same readers; what each reader is to be sent, as a list. */
class Rooms {
  readonly readers = Array.from({ length: readers }, (_, n) => new Reader(`r${n}`, n % 2 === 0));
  readonly expected: string[][] = this.readers.map(() => []);
  private readonly members = [[...this.readers], [...this.readers]];
  private readonly fanOuts = this.members.map(() => new FanOut());
  private readonly closed = new Set<number>();
  private count = 0;

  async take(step: Step): Promise<void> {
    if (step.do === 'turn') await turn();
    else if (step.do === 'publish') this.publish(step.room);
    else this.change(step.do, step.reader);
  }

  private publish(room: 0 | 1): void {
    const text = `${room}:${(this.count += 1)}`;
    const members = this.members[room]!;
    this.fanOuts[room]!.deliver(members, encoded(text));
    for (const member of members) this.expect(this.readers.indexOf(member), text);
  }

  private change(what: string, n: number): void {
    const one = this.readers[n]!;
    const members = this.members[0]!;
    const at = members.indexOf(one);
    if (what === 'send') {
      const text = `own:${(this.count += 1)}`;
      one.connection.sendText(text);
      this.expect(n, text);
    } else if (what === 'join' && at < 0) {
      this.fanOuts[0]!.end();
      members.push(one);
    } else if (what === 'leave' && at >= 0) {
      this.fanOuts[0]!.end();
      members.splice(at, 1);
    } else if (what === 'flush') {
      one.connection.outbox.flush();
    } else if (what === 'read') {
      one.read();
    } else if (what === 'close') {
      one.connection.close();
      this.closed.add(n);
    }
  }

  private expect(n: number, text: string): void {
    if (!this.closed.has(n)) this.expected[n]!.push(text);
  }
}

describe('FanOut', () => {
  it('OR1 sends every reader what it is to be sent, once, in order, whatever comes between', async () => {
    await assert(
      asyncProperty(steps, async (all) => {
        const rooms = new Rooms();
        for (const step of all) await rooms.take(step);
        await turn();
        for (const one of rooms.readers) one.read();
        while (rooms.readers.some(({ connection }) => connection.outbox.pendingBytes > 0)) await turn();
        expect(rooms.readers.map((one) => one.texts())).toEqual(rooms.expected);
      }),
      { numRuns: 300 },
    );
  });

  it('writes the messages of a turn once to each member, and everybody the same bytes', async () => {
    const members = [new Reader('a', true), new Reader('b', true)];
    const writes = members
      .map(({ connection }) => connection.outbox['socket'])
      .map((socket) => {
        const chunks: Buffer[] = [];
        const write = socket.write.bind(socket) as (chunk: Buffer) => boolean;
        socket.write = ((chunk: Buffer) => {
          chunks.push(chunk);
          return write(chunk);
        }) as Duplex['write'];
        return chunks;
      });
    const fanOut = new FanOut();
    for (const text of ['one', 'two', 'three']) fanOut.deliver(members, encoded(text));
    await turn();
    expect(writes.map(({ length }) => length)).toEqual([1, 1]);
    expect(writes[0]![0]).toBe(writes[1]![0]);
    expect(members[0]!.texts()).toEqual(['one', 'two', 'three']);
  });

  it('holds nothing of what it sent once the turn is over', async () => {
    const members = [new Reader('a', true), new Reader('b', true)];
    const fanOut = new FanOut();
    fanOut.deliver(members, encoded('one'));
    expect(fanOut['batch']?.frames).toHaveLength(1);
    await turn();
    expect(fanOut['batch']).toBeUndefined();
  });

  it('CN2 counts what a batch holds as pending for each of its readers', () => {
    const members = [new Reader('a', false), new Reader('b', false)];
    const fanOut = new FanOut();
    for (let i = 0; i < 3; i += 1) fanOut.deliver(members, encoded('12345678'));
    members[1]!.connection.sendText('1234');
    fanOut.deliver(members, encoded('12345678'));
    expect(members.map(({ connection }) => connection.outbox.pendingBytes)).toEqual([40, 46]);
  });
});
