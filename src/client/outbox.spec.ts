import { describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../protocol/index.js';
import { RealtimeClientError } from './client-error.js';
import { ManualClock } from './client.double.js';
import { Outbox } from './outbox.js';
import type { AnswerFrame } from './outbox.js';

type Answer = AnswerFrame | undefined;

function setUp(settings: { limit?: number; maxFrameBytes?: number } = {}) {
  const clock = new ManualClock();
  const answers = new Map<string, (frame: Answer) => void>();
  const outbox = new Outbox({
    clock,
    outboxLimit: settings.limit ?? 10,
    maxFrameBytes: () => settings.maxFrameBytes ?? 100,
    dedupeTtlMs: () => 300_000,
    expect: (id, answer) => void answers.set(id, answer),
    ready: () => undefined,
  });
  const answer = (id: string, frame: Answer) => answers.get(id)?.(frame);
  return {
    clock,
    outbox,
    /** Adds frames whose text is their id, and tells how each ends: `ok 1`, or the error's code. */
    add: (id: string) =>
      outbox.add(id, id).then(
        ({ offset }) => `ok ${offset}`,
        (error: RealtimeClientError) => error.code,
      ),
    ack: (id: string, offset = 1) => answer(id, { type: 'ack', id, offset }),
    error: (id: string, code: ErrorCode, retryMs?: number) =>
      answer(id, { type: 'error', code, message: code, id, ...(retryMs === undefined ? {} : { retryMs }) }),
    lose: (...ids: string[]) => ids.forEach((id) => answer(id, undefined)),
    /** Everything that may leave now. */
    drain: () => {
      const taken: string[] = [];
      for (let text = outbox.take(); text !== undefined; text = outbox.take()) taken.push(text);
      return taken;
    },
  };
}

describe('Outbox', () => {
  it('gives out frames in the order in which they were added, and resolves each at its ack', async () => {
    const { add, drain, ack } = setUp();
    const results = [add('a'), add('b')];
    expect(drain()).toEqual(['a', 'b']);
    expect(drain()).toEqual([]);
    ack('b', 8);
    ack('a', 7);
    expect(await Promise.all(results)).toEqual(['ok 7', 'ok 8']);
  });

  it('gives out again, in order and before newer ones, what was under way when the connection was lost', () => {
    const { add, drain, ack, lose } = setUp();
    void add('a');
    void add('b');
    void add('c');
    drain();
    ack('b');
    void add('d');
    lose('a', 'c');
    expect(drain()).toEqual(['a', 'c', 'd']);
  });

  it('rejects at a final error at once, and goes on', async () => {
    const { add, drain, error } = setUp();
    const result = add('a');
    void add('b');
    drain();
    error('a', 'invalid_payload');
    expect(await result).toBe('invalid_payload');
  });

  it('keeps a frame at its place after a temporary error, and what has not left waits behind it', () => {
    const { add, drain, error, ack, clock } = setUp();
    void add('a');
    drain();
    void add('b');
    error('a', 'rate_limited', 300);
    expect(drain()).toEqual([]);
    clock.advance(299);
    expect(drain()).toEqual([]);
    clock.advance(1);
    expect(drain()).toEqual(['a']);
    ack('a');
    expect(drain()).toEqual(['b']);
  });

  it('waits 1 s doubling to 10 s where the server advises nothing', () => {
    const { add, drain, error, clock } = setUp();
    void add('a');
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      drain();
      error('a', 'unavailable');
      let waitedMs = 0;
      for (; waitedMs < 60_000; waitedMs += 500) {
        const taken = drain();
        if (taken.length > 0) break;
        clock.advance(500);
      }
      waits.push(waitedMs);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('sends again after `internal` twice, then rejects', async () => {
    const { add, drain, error, clock } = setUp();
    const result = add('a');
    for (const _try of [1, 2]) {
      expect(drain()).toEqual(['a']);
      error('a', 'internal');
      clock.advance(10_000);
    }
    expect(drain()).toEqual(['a']);
    error('a', 'internal');
    expect(await result).toBe('internal');
  });

  it('goes one at a time after a temporary error until one gets through', () => {
    const { add, drain, error, ack, clock } = setUp();
    for (const id of ['a', 'b', 'c']) void add(id);
    drain();
    for (const id of ['a', 'b', 'c']) error(id, 'unavailable');
    clock.advance(1_000);
    expect(drain()).toEqual(['a']);
    ack('a');
    expect(drain()).toEqual(['b', 'c']);
  });

  it('forgets a pause when the connection is lost', () => {
    const { add, drain, error, lose } = setUp();
    void add('a');
    void add('b');
    drain();
    error('a', 'unavailable');
    lose('b');
    expect(drain()).toEqual(['a', 'b']);
  });

  it('gives up with outcome_unknown at 80 % of dedupeTtlMs after the first try, not before', async () => {
    const { add, drain, lose, clock, outbox } = setUp();
    const result = add('a');
    clock.advance(3_600_000);
    drain();
    clock.advance(200_000);
    lose('a');
    expect(drain()).toEqual(['a']);
    clock.advance(39_999);
    lose('a');
    expect(drain()).toEqual(['a']);
    clock.advance(1);
    expect(await result).toBe('outcome_unknown');
    expect(outbox.take()).toBeUndefined();
  });

  it('gives up each frame in its own time', async () => {
    const { add, drain, clock } = setUp();
    const first = add('a');
    drain();
    clock.advance(100_000);
    const second = add('b');
    drain();
    clock.advance(140_000);
    expect(await first).toBe('outcome_unknown');
    const pending = Symbol('pending');
    expect(await Promise.race([second, Promise.resolve(pending)])).toBe(pending);
    clock.advance(100_000);
    expect(await second).toBe('outcome_unknown');
  });

  it('ignores an answer that comes after it gave up', async () => {
    const { add, drain, clock, ack } = setUp();
    const result = add('a');
    drain();
    clock.advance(240_000);
    ack('a');
    expect(await result).toBe('outcome_unknown');
  });

  it('CL6 rejects what is too large in UTF-8 before it is sent', async () => {
    const { add, drain } = setUp({ maxFrameBytes: 4 });
    expect(await add('ééé')).toBe('too_big');
    void add('éé');
    expect(drain()).toEqual(['éé']);
  });

  it('CL6 rejects what the next server finds too large', async () => {
    const settings = { maxFrameBytes: 4 };
    const { add, drain } = setUp(settings);
    const large = add('long');
    void add('ok');
    settings.maxFrameBytes = 3;
    expect(drain()).toEqual(['ok']);
    expect(await large).toBe('too_big');
  });

  it('rejects above its limit, and takes more when something was acknowledged', async () => {
    const { add, drain, ack } = setUp({ limit: 2 });
    void add('a');
    void add('b');
    expect(await add('c')).toBe('outbox_full');
    drain();
    ack('a');
    void add('d');
    expect(drain()).toEqual(['d']);
  });

  it('at the end rejects what was never sent as such, and what may have arrived as outcome_unknown', async () => {
    const { add, drain, lose, outbox } = setUp();
    const tried = add('a');
    drain();
    lose('a');
    const untried = add('b');
    outbox.end(new RealtimeClientError('disconnected', 'over'));
    expect(await tried).toBe('outcome_unknown');
    expect(await untried).toBe('disconnected');
    expect(await add('c')).toBe('disconnected');
    outbox.begin();
    void add('d');
    expect(drain()).toEqual(['d']);
  });

  it('at the end lets what is under way have its answer', async () => {
    const { add, drain, ack, lose, outbox } = setUp();
    const answered = add('a');
    const unanswered = add('b');
    drain();
    outbox.end(new RealtimeClientError('left', 'over'));
    ack('a', 3);
    lose('b');
    expect(await answered).toBe('ok 3');
    expect(await unanswered).toBe('outcome_unknown');
  });
});
