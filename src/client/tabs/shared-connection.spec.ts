import { beforeEach, describe, expect, it } from '@jest/globals';
import type { WelcomeFrame } from '../../protocol/index.js';
import { ManualClock } from '../client.double.js';
import type { Frame } from '../client.double.js';
import { SharedConnection } from './shared-connection.js';

const WELCOME: WelcomeFrame = {
  type: 'welcome',
  connection: 'c1',
  user: { id: 'u1', name: 'alice' },
  heartbeatMs: 25_000,
  maxFrameBytes: 65_536,
  dedupeTtlMs: 300_000,
  limits: { framesPerSecond: 0, burst: 0, rooms: 0 },
  expiresAt: 5_000,
};

let clock: ManualClock;
let connection: SharedConnection;
/** What went to the server. */
let written: Frame[];
/** What each socket got. */
let got: Record<string, Frame[]>;

function setUp(welcome: Partial<WelcomeFrame> = {}): void {
  clock = new ManualClock();
  written = [];
  got = {};
  connection = new SharedConnection({
    welcome: { ...WELCOME, ...welcome },
    clock,
    write: (text) => written.push(JSON.parse(text) as Frame),
    emit: (to, text) => {
      for (const socket of to) (got[socket] ??= []).push(JSON.parse(text) as Frame);
    },
    isMaker: (socket) => socket === 'maker',
  });
  for (const socket of ['maker', 'other', 'third']) connection.attach(socket, undefined);
  got = {};
}

beforeEach(() => setUp());

const server = (frame: Frame) => connection.receive(JSON.stringify(frame));
const send = (socket: string, frame: Frame) => connection.send(socket, JSON.stringify(frame));
const join = (socket: string, id: string, since?: string) => send(socket, { type: 'join', id, room: 'r', since });
const joined = (id: string, cursor: string, fields: Frame = {}) =>
  server({ type: 'joined', id, room: 'r', cursor, members: 1, ...fields });
const say = (offset: number): Frame => ({ type: 'message', room: 'r', offset, text: `text ${offset}`, timestamp: '' });
const says = (...offsets: number[]) => offsets.forEach((offset) => server(say(offset)));
/** Answers the last `history` that was asked. */
const page = (offsets: number[], epoch = 'e', fields: Frame = {}) => {
  const id = written.at(-1)?.['id'];
  const cursor = `${epoch}.${offsets.at(-1)}`;
  server({ type: 'history', id, room: 'r', frames: offsets.map(say), cursor, complete: true, ...fields });
};
const refused = (id: unknown, code: string, fields: Frame = {}) =>
  server({ type: 'error', id, code, message: code, room: 'r', ...fields });
/** What a socket got, in short: offsets of frames, and what `joined` says. */
const brief = (socket: string): unknown[] =>
  (got[socket] ?? []).map(({ type, offset, cursor, recovered }) =>
    type === 'joined' ? `joined ${String(cursor)} ${String(recovered)}` : (offset ?? type),
  );

/** The maker is in the room, which is at `e.5`. */
function inRoom(): void {
  join('maker', 'j1', 'e.3');
  joined('j1', 'e.3', { recovered: true });
  says(4, 5);
}

describe('a socket that joins a room', () => {
  it('takes its cursor to the server where nobody is in the room yet', () => {
    inRoom();
    expect(written).toEqual([{ type: 'join', id: 'j1', room: 'r', since: 'e.3' }]);
    expect(brief('maker')).toEqual(['joined e.3 true', 4, 5]);
  });

  it('begins where the room is, where it has no cursor, with the present number of members', () => {
    inRoom();
    join('other', 'j2');
    expect(written.at(-1)).toEqual({ type: 'join', id: 'j2', room: 'r' });
    joined('j2', 'e.5', { members: 7 });
    says(6);
    expect(got['other']?.[0]).toMatchObject({ id: 'j2', members: 7 });
    expect(brief('other')).toEqual(['joined e.5 undefined', 6]);
    expect(brief('maker')).toEqual(['joined e.3 true', 4, 5, 6]);
  });

  it('is told that it missed nothing where its cursor is where the room is', () => {
    inRoom();
    join('other', 'j2', 'e.5');
    joined('j2', 'e.5');
    says(6);
    expect(written.filter(({ type }) => type === 'history')).toEqual([]);
    expect(brief('other')).toEqual(['joined e.5 true', 6]);
  });

  it('gets what it lacks page by page, and what comes meanwhile after it', () => {
    inRoom();
    join('other', 'j2', 'e.1');
    joined('j2', 'e.5');
    expect(written.at(-1)).toMatchObject({ type: 'history', room: 'r', since: 'e.1', limit: 100 });
    says(6);
    page([2, 3]);
    expect(written.at(-1)).toMatchObject({ type: 'history', since: 'e.3' });
    says(7);
    page([4, 5, 6, 7]);
    says(8);
    expect(brief('other')).toEqual(['joined e.1 true', 2, 3, 4, 5, 6, 7, 8]);
    expect(brief('maker')).toEqual(['joined e.3 true', 4, 5, 6, 7, 8]);
  });

  it.each([
    ['the server does not know its cursor', () => refused(written.at(-1)?.['id'], 'not_found')],
    ['what follows it is not kept any more', () => page([3, 4, 5])],
    ['nothing is kept any more', () => page([], 'e', { cursor: 'e.1' })],
    ['the room is in another epoch by now', () => page([2, 3, 4, 5], 'f')],
  ])('is told of the gap, and gets nothing of it, where %s', (_case, answer) => {
    inRoom();
    join('other', 'j2', 'e.1');
    joined('j2', 'e.5');
    says(6);
    answer();
    says(7);
    expect(got['other']?.[0]).toMatchObject({ id: 'j2' });
    expect(brief('other')).toEqual(['joined e.5 false', 6, 7]);
  });

  it('is told of the gap where its cursor is none', () => {
    inRoom();
    join('other', 'j2', 'nonsense');
    joined('j2', 'e.5');
    expect(brief('other')).toEqual(['joined e.5 false']);
  });

  it('is told of a gap that opens while it reads, and keeps what it got', () => {
    inRoom();
    join('other', 'j2', 'e.1');
    joined('j2', 'e.5');
    page([2, 3]);
    page([5]);
    says(6);
    expect(brief('other')).toEqual(['joined e.1 true', 2, 3, 'joined e.5 false', 6]);
    expect(got['other']?.[3]).not.toHaveProperty('id');
  });

  it('may be ahead of the connection, if the server says that its cursor is good', () => {
    inRoom();
    join('other', 'j2', 'e.7');
    joined('j2', 'e.5');
    page([], 'e', { cursor: 'e.7' });
    expect(brief('other')).toEqual(['joined e.7 true']);
    join('third', 'j3', 'e.9');
    joined('j3', 'e.5');
    refused(written.at(-1)?.['id'], 'not_found');
    expect(brief('third')).toEqual(['joined e.5 false']);
  });

  it('goes on from a cursor of an epoch before, where the server still can', () => {
    inRoom();
    join('other', 'j2', 'd.3');
    joined('j2', 'e.5');
    page([4, 5]);
    expect(brief('other')).toEqual(['joined e.3 true', 4, 5]);
  });

  it('waits and asks again where reading fails for a while', () => {
    inRoom();
    join('other', 'j2', 'e.4');
    joined('j2', 'e.5');
    refused(written.at(-1)?.['id'], 'unavailable', { retryMs: 700 });
    expect(brief('other')).toEqual([]);
    clock.advance(700);
    page([5]);
    expect(brief('other')).toEqual(['joined e.4 true', 5]);
  });

  it('gets nothing more once it has left, also what was being read for it', () => {
    inRoom();
    join('other', 'j2', 'e.1');
    joined('j2', 'e.5');
    send('other', { type: 'leave', id: 'l2', room: 'r' });
    page([2, 3, 4, 5]);
    says(6);
    expect(brief('other')).toEqual(['left']);
  });

  it('hears of a new epoch, also while it reads what it lacks: then after that', () => {
    inRoom();
    join('other', 'j2', 'e.4');
    joined('j2', 'e.5');
    server({ type: 'joined', room: 'r', cursor: 'f.5', recovered: true, members: 2 });
    page([5]);
    says(6);
    expect(brief('other')).toEqual(['joined e.4 true', 5, 'joined f.5 true', 6]);
    expect(brief('maker')).toEqual(['joined e.3 true', 4, 5, 'joined f.5 true', 6]);
  });

  it('has its own refusal, and nobody else has it', () => {
    inRoom();
    join('other', 'j2');
    refused('j2', 'forbidden');
    says(6);
    expect(got['other']).toEqual([{ type: 'error', id: 'j2', code: 'forbidden', message: 'forbidden', room: 'r' }]);
    expect(brief('maker')).toEqual(['joined e.3 true', 4, 5, 6]);
  });

  it('is recovered also where the join before it, which had a cursor, failed', () => {
    join('maker', 'j1', 'e.3');
    join('other', 'j2', 'e.4');
    refused('j1', 'unavailable');
    joined('j2', 'e.5');
    page([5]);
    expect(brief('other')).toEqual(['joined e.4 true', 5]);
  });
});

describe('a socket that leaves a room', () => {
  beforeEach(() => {
    inRoom();
    join('other', 'j2');
    joined('j2', 'e.5');
    written.length = 0;
  });

  it('is answered alone while others are in it; only the last one leaves it for real', () => {
    send('maker', { type: 'leave', id: 'l1', room: 'r' });
    expect(written).toEqual([]);
    expect(got['maker']?.at(-1)).toEqual({ type: 'left', id: 'l1', room: 'r', reason: 'left' });
    says(6);
    expect(brief('other')).toEqual(['joined e.5 undefined', 6]);
    expect(brief('maker')).not.toContain(6);
    send('other', { type: 'leave', id: 'l2', room: 'r' });
    expect(written).toEqual([{ type: 'leave', id: 'l2', room: 'r' }]);
    server({ type: 'left', id: 'l2', room: 'r', reason: 'left' });
    expect(got['other']?.at(-1)).toMatchObject({ type: 'left', id: 'l2' });
  });

  it('takes its cursor to the server when it joins again after everybody left', () => {
    send('maker', { type: 'leave', id: 'l1', room: 'r' });
    send('other', { type: 'leave', id: 'l2', room: 'r' });
    join('maker', 'j3', 'e.5');
    expect(written.at(-1)).toEqual({ type: 'join', id: 'j3', room: 'r', since: 'e.5' });
  });

  it('leaves by being gone, too', () => {
    connection.detach('maker');
    expect(written).toEqual([]);
    connection.detach('other');
    expect(written).toEqual([{ type: 'leave', id: expect.any(String), room: 'r' }]);
    expect(connection.sockets).toEqual(['third']);
  });

  it('gone while its join is with the server, it is out as soon as it is in', () => {
    send('third', { type: 'join', id: 'j3', room: 'r2' });
    connection.detach('third');
    expect(written).toHaveLength(1);
    server({ type: 'joined', id: 'j3', room: 'r2', cursor: 'e.0', members: 1 });
    expect(written.at(-1)).toMatchObject({ type: 'leave', room: 'r2' });
  });

  it('put out by the server, all are told, and the next one takes its cursor to the server', () => {
    server({ type: 'left', room: 'r', reason: 'kicked' });
    expect(brief('maker').at(-1)).toBe('left');
    expect(brief('other').at(-1)).toBe('left');
    expect(brief('third')).toEqual([]);
    join('other', 'j3', 'e.5');
    expect(written).toEqual([{ type: 'join', id: 'j3', room: 'r', since: 'e.5' }]);
  });
});

describe('what sockets send', () => {
  it('is answered to whoever sent it, and to nobody else', () => {
    send('other', { type: 'message', id: 'm1', room: 'r', text: 'hi' });
    server({ type: 'ack', id: 'm1', offset: 1 });
    expect(got).toEqual({ other: [{ type: 'ack', id: 'm1', offset: 1 }] });
  });

  it('does not take an application frame with the id of a question for its answer', () => {
    inRoom();
    send('other', { type: 'message', id: 'm1', room: 'r', text: 'hi' });
    server({ ...say(6), id: 'm1' });
    server({ type: 'ack', id: 'm1', offset: 6 });
    expect(brief('maker').at(-1)).toBe(6);
    expect(got['other']).toEqual([{ type: 'ack', id: 'm1', offset: 6 }]);
  });

  it('has answers of its own, also where two use one id: the second waits for its turn', () => {
    send('maker', { type: 'message', id: 'same', room: 'r', text: 'a' });
    send('other', { type: 'message', id: 'same', room: 'r2', text: 'b' });
    send('third', { type: 'message', id: 'm3', room: 'r', text: 'c' });
    expect(written.map(({ text }) => text)).toEqual(['a', 'c']);
    server({ type: 'ack', id: 'same', offset: 1 });
    expect(written.map(({ text }) => text)).toEqual(['a', 'c', 'b']);
    server({ type: 'ack', id: 'same', offset: 2 });
    expect(got).toEqual({
      maker: [{ type: 'ack', id: 'same', offset: 1 }],
      other: [{ type: 'ack', id: 'same', offset: 2 }],
    });
  });

  it('leaves within the rate of the one connection, in turns, each in its order, a leave after what came before it', () => {
    setUp({ limits: { framesPerSecond: 10, burst: 4, rooms: 0 } });
    inRoom();
    join('other', 'j2');
    joined('j2', 'e.5');
    for (const text of ['a1', 'a2', 'a3']) send('maker', { type: 'message', id: text, room: 'r', text });
    send('maker', { type: 'leave', id: 'l1', room: 'r' });
    send('other', { type: 'message', id: 'b1', room: 'r', text: 'b1' });
    send('other', { type: 'leave', id: 'l2', room: 'r' });
    const sent = () => written.slice(2).flatMap(({ type, id }) => (type === 'ping' ? [] : [id]));
    expect(sent()).toEqual(['a1']); // Nine tenths of the burst, less the two joins.
    for (const id of ['a1', 'b1', 'a2', 'a3']) {
      server({ type: 'ack', id });
      clock.advance(1_000);
    }
    expect(sent()).toEqual(['a1', 'b1', 'a2', 'a3', 'l1']);
    expect(got['other']).toContainEqual(expect.objectContaining({ type: 'left', id: 'l2' }));
  });

  it('still leaves after its tab is gone', () => {
    setUp({ limits: { framesPerSecond: 10, burst: 1, rooms: 0 } });
    for (const id of ['m1', 'm2']) send('other', { type: 'message', id, room: 'r', text: id });
    connection.detach('other');
    server({ type: 'ack', id: 'm1' });
    clock.advance(1_000);
    expect(written.flatMap(({ type, id }) => (type === 'ping' ? [] : [id]))).toEqual(['m1', 'm2']);
  });
});

describe('signs of life and tokens', () => {
  it('answers a ping once, and shows it to everybody', () => {
    server({ type: 'ping' });
    for (const socket of ['maker', 'other', 'third']) send(socket, { type: 'pong' });
    expect(written).toEqual([{ type: 'pong' }]);
    expect(got).toEqual({ maker: [{ type: 'ping' }], other: [{ type: 'ping' }], third: [{ type: 'ping' }] });
  });

  it('passes a probe on, above the rate, and its answer to everybody', () => {
    send('other', { type: 'ping' });
    server({ type: 'pong' });
    expect(written).toEqual([{ type: 'ping' }]);
    expect(Object.keys(got)).toHaveLength(3);
  });

  it('tells the end of the token to its maker alone, as it is after a refresh, and takes a token from nobody else', () => {
    send('other', { type: 'auth', id: 'a0', token: 'jwt' });
    send('maker', { type: 'auth', id: 'a1', token: 'jwt' });
    expect(written).toEqual([{ type: 'auth', id: 'a1', token: 'jwt' }]);
    server({ type: 'ack', id: 'a1', data: { expiresAt: 9_000 } });
    expect(got['maker']).toEqual([{ type: 'ack', id: 'a1', data: { expiresAt: 9_000 } }]);
    connection.detach('maker');
    connection.attach('fourth', undefined);
    expect(got['fourth']).toEqual(
      [{ ...WELCOME, expiresAt: undefined }].map((frame) => JSON.parse(JSON.stringify(frame))),
    );
  });

  it('shows what it does not know to everybody, or to those in the room that it names (FR8)', () => {
    inRoom();
    got = {};
    server({ type: 'weather', id: 'w1' });
    server({ type: 'weather', room: 'r', id: 'w2' });
    expect(got['maker']).toHaveLength(2);
    expect(got['other']).toEqual([{ type: 'weather', id: 'w1' }]);
  });
});

describe("the user's own room", () => {
  const me = (offset: number): Frame => ({ ...say(offset), room: '@me' });

  it('goes on for each socket from its own cursor, and everybody hears what is new', () => {
    connection.attach('fourth', 'e.3');
    server({ type: 'joined', room: '@me', cursor: 'e.4', recovered: true, members: 1 });
    expect(brief('maker')).toEqual(['joined e.4 true']);
    expect(brief('other')).toEqual(['joined e.4 undefined']);
    expect(written.at(-1)).toMatchObject({ type: 'history', room: '@me', since: 'e.3' });
    server(me(5));
    page([4]);
    expect(brief('fourth')).toEqual(['welcome', 'joined e.3 true', 4, 5]);
    connection.attach('fifth', 'e.5');
    server(me(6));
    expect(brief('fifth')).toEqual(['welcome', 'joined e.5 true', 6]);
    expect(brief('other')).toEqual(['joined e.4 undefined', 5, 6]);
  });
});
