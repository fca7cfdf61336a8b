import { describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../protocol/index.js';
import { RealtimeClientError } from './client-error.js';
import { ManualClock } from './client.double.js';
import { Outbox } from './outbox.js';
import type { AnswerFrame, OutboxOptions } from './outbox.js';
import type { OutboxStorage, StoredSend } from './outbox-storage.js';

type Answer = AnswerFrame | undefined;

/** Storage that a test can look into, and hand to the next outbox. */
class MapStorage implements OutboxStorage {
  readonly sends = new Map<string, StoredSend>();
  load = () => [...this.sends.values()];
  put = (send: StoredSend) => void this.sends.set(send.id, send);
  remove = ({ id }: { id: string }) => void this.sends.delete(id);
}

interface Settings extends OutboxOptions {
  maxFrameBytes?: number;
  user?: string | undefined;
  dedupeTtlMs?: number;
  /** An id that another room waits for. */
  expected?: string | undefined;
}

function setUp(settings: Settings = {}) {
  const clock = new ManualClock();
  const answers = new Map<string, (frame: Answer) => void>();
  const lost: number[] = [];
  const link: ConstructorParameters<typeof Outbox>[0] = {
    clock,
    outbox: settings,
    maxFrameBytes: () => settings.maxFrameBytes ?? 100,
    dedupeTtlMs: () => settings.dedupeTtlMs ?? 300_000,
    user: () => settings.user,
    isExpected: (id) => settings.expected === id,
    expect: (id, answer) => void answers.set(id, answer),
    ready: () => undefined,
  };
  const delivered = { upTo: 0 };
  const outbox = new Outbox(
    link,
    () => delivered.upTo,
    () => lost.push(clock.now()),
  );
  const answer = (id: string, frame: Answer) => answers.get(id)?.(frame);
  return {
    clock,
    outbox,
    /** What was given to the application. */
    delivered,
    /** When it was said that an acknowledged send is gone. */
    lost,
    /** Adds frames whose text is their id, and tells how each ends: `ok 1`, or the error's code. */
    add: (id: string, more: Partial<StoredSend> = {}) =>
      outbox.add({ id, room: 'general', text: id, ...more }).then(
        ({ offset }) => `ok ${offset}`,
        (error: RealtimeClientError) => error.code,
      ),
    ack: (id: string, offset = 1) => answer(id, { type: 'ack', id, offset }),
    error: (id: string, code: ErrorCode, retryMs?: number) =>
      answer(id, { type: 'error', code, message: code, id, ...(retryMs === undefined ? {} : { retryMs }) }),
    answer,
    /** Time passes while no timer runs. */
    sleep: (ms: number) => clock.sleep(ms),
    lose: (...ids: string[]) => ids.forEach((id) => answer(id, undefined)),
    /** Everything that may leave now. */
    drain: () => {
      const taken: string[] = [];
      for (let frame = outbox.take(); frame; frame = outbox.take()) taken.push(frame.text);
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

  it('gives both calls the one result where an id waits already', async () => {
    const { add, drain, ack } = setUp();
    const results = [add('a'), add('a')];
    expect(drain()).toEqual(['a']);
    ack('a', 7);
    expect(await Promise.all(results)).toEqual(['ok 7', 'ok 7']);
  });

  it('waits with an id that another room waits for: the answer would be taken for its own', async () => {
    const settings: Settings = { expected: 'a' };
    const { add, drain, ack } = setUp(settings);
    const result = add('a');
    expect(drain()).toEqual([]);
    settings.expected = undefined;
    expect(drain()).toEqual(['a']);
    ack('a', 3);
    expect(await result).toBe('ok 3');
  });

  it('sends nothing again that is too old, also where no timer ran while the device slept', async () => {
    const { add, drain, lose, sleep } = setUp();
    const result = add('a');
    drain();
    sleep(3_600_000);
    lose('a');
    expect(drain()).toEqual([]);
    expect(await result).toBe('outcome_unknown');
  });

  it('goes by the time of the server that is there, also for what an older page had tried', async () => {
    const settings: Settings = {};
    const { add, drain, clock, outbox } = setUp(settings);
    const result = add('a', { triedAt: clock.now() - 100_000 });
    settings.dedupeTtlMs = 60_000;
    outbox.connected();
    expect(drain()).toEqual([]);
    expect(await result).toBe('outcome_unknown');
  });

  it('says outcome_unknown where a second try was refused: the first one may have been stored', async () => {
    const { add, drain, lose, error } = setUp();
    const result = add('a');
    drain();
    lose('a');
    drain();
    error('a', 'conflict');
    expect(await result).toBe('outcome_unknown');
  });

  it('is settled by an answer of whatever type', async () => {
    const { add, drain, answer } = setUp();
    const result = add('a');
    drain();
    answer('a', { type: 'left', id: 'a', room: 'general', reason: 'left' });
    expect(await result).toBe('ok undefined');
    expect(drain()).toEqual([]);
  });

  describe('bounds', () => {
    it('rejects above its bytes, and takes more when something was acknowledged', async () => {
      const { add, drain, ack } = setUp({ maxBytes: 6 });
      void add('four');
      expect(await add('äa')).toBe('outbox_full');
      void add('ok');
      drain();
      ack('four');
      void add('four');
      expect(drain()).toEqual(['four']);
    });

    it('keeps any number of any size where both bounds are off', () => {
      const { add, drain, ack } = setUp({ limit: 0, maxBytes: 0, maxFrameBytes: 100_000 });
      const count = 5_100;
      for (let n = 1; n <= count; n += 1) void add(`${n}`, { text: 'x'.repeat(1_000) });
      let sent = 0;
      for (let texts = drain(); texts.length > 0; texts = drain()) {
        for (const _ of texts) ack(`${(sent += 1)}`);
      }
      expect(sent).toBe(count);
    });

    it('drops the oldest that are not under way where it is told to', async () => {
      const { add, drain, ack } = setUp({ limit: 3, whenFull: 'drop-oldest' });
      const first = add('a');
      drain();
      const second = add('b');
      const third = add('c');
      const fourth = add('d');
      expect(await second).toBe('dropped');
      expect(drain()).toEqual(['c', 'd']);
      expect(await add('e')).toBe('outbox_full');
      for (const id of ['a', 'c', 'd']) ack(id);
      expect(await Promise.all([first, third, fourth])).toEqual(['ok 1', 'ok 1', 'ok 1']);
    });

    it('drops as many as the newest one needs bytes, and none for one that can not fit', async () => {
      const { add, drain } = setUp({ maxBytes: 6, whenFull: 'drop-oldest' });
      const dropped = [add('aa'), add('bb')];
      void add('cc');
      expect(await add('seven b')).toBe('outbox_full');
      void add('dddd');
      expect(await Promise.all(dropped)).toEqual(['dropped', 'dropped']);
      expect(drain()).toEqual(['cc', 'dddd']);
    });

    it('drops one that may have arrived as outcome_unknown', async () => {
      const { add, drain, lose } = setUp({ limit: 1, whenFull: 'drop-oldest' });
      const tried = add('a');
      drain();
      lose('a');
      void add('b');
      expect(await tried).toBe('outcome_unknown');
    });
  });

  describe('over a reload', () => {
    it('keeps what is not acknowledged, and since when it is tried', () => {
      const storage = new MapStorage();
      const { add, drain, ack, clock } = setUp({ storage, user: 'u1' });
      for (const id of ['a', 'b']) void add(id);
      drain();
      void add('c');
      ack('a');
      expect(storage.load()).toEqual([
        { id: 'b', room: 'general', text: 'b', user: 'u1', triedAt: clock.now() },
        { id: 'c', room: 'general', text: 'c', user: 'u1', triedAt: undefined },
      ]);
    });

    it('forgets what was rejected: its sender was told', async () => {
      const storage = new MapStorage();
      const { add, drain, error, outbox } = setUp({ storage });
      const results = [add('a'), add('b')];
      drain();
      error('a', 'forbidden');
      outbox.end(new RealtimeClientError('disconnected', 'over'));
      expect(await results[0]).toBe('forbidden');
      expect(storage.load().map(({ id }) => id)).toEqual(['b']); // Under way: its answer, or the end, settles it.
    });

    it('gives up at 80 % of dedupeTtlMs after the first try of the life before', async () => {
      const { add, clock } = setUp();
      const old = add('a', { triedAt: clock.now() - 240_000 });
      const young = add('b', { triedAt: clock.now() - 239_000 });
      expect(await old).toBe('outcome_unknown');
      clock.advance(1_000);
      expect(await young).toBe('outcome_unknown');
    });

    it('never sends as another user what one user wrote', async () => {
      const settings: Settings = { user: 'bob' };
      const { add, drain, lose } = setUp(settings);
      const [untried, tried, own] = [
        add('a', { user: 'alice' }),
        add('b', { user: 'alice', triedAt: 1_000_000 }),
        add('c', { user: 'bob' }),
      ];
      expect(drain()).toEqual(['c']);
      expect([await untried, await tried]).toEqual(['other_user', 'outcome_unknown']);
      settings.user = 'carol';
      lose('c');
      expect(drain()).toEqual([]);
      expect(await own).toBe('outcome_unknown');
    });

    it('sends as the user who comes what was written before anybody was known, and as no other', async () => {
      const storage = new MapStorage();
      const settings: Settings = { storage };
      const { add, drain, outbox } = setUp(settings);
      const result = add('a');
      settings.user = 'alice';
      outbox.connected();
      expect(storage.load()).toMatchObject([{ id: 'a', user: 'alice' }]);
      settings.user = 'bob';
      outbox.connected();
      expect(drain()).toEqual([]);
      expect(await result).toBe('other_user');
    });

    it('never sends again as a user what was sent before anybody had signed in', async () => {
      const settings: Settings = {};
      const { add, drain, lose } = setUp(settings);
      const result = add('a');
      drain();
      settings.user = 'alice';
      lose('a');
      expect(drain()).toEqual([]);
      expect(await result).toBe('outcome_unknown');
    });

    it('forgets what it can not take over, and says of what was tried that it may have arrived', async () => {
      const storage = new MapStorage();
      const { add, clock } = setUp({ storage, maxFrameBytes: 3 });
      storage.put({ id: 'long', room: 'general', text: 'long', triedAt: clock.now() });
      expect(await add('long', { triedAt: clock.now() })).toBe('outcome_unknown');
      expect(storage.load()).toEqual([]);
    });
  });

  describe('sends that are acknowledged', () => {
    it('go again, first and in order, where the epoch changed before they were delivered', () => {
      const { add, drain, ack, outbox, delivered, lost } = setUp();
      for (const id of ['a', 'b', 'c']) void add(id);
      drain();
      ack('a', 5);
      ack('b', 6);
      ack('c', 7);
      void add('d');
      delivered.upTo = 5;
      outbox.epochChanged(delivered.upTo);
      expect(drain()).toEqual(['b', 'c', 'd']);
      ack('b', 6);
      ack('c', 7);
      delivered.upTo = 7;
      outbox.epochChanged(delivered.upTo);
      expect(drain()).toEqual([]);
      expect(lost).toEqual([]);
    });

    it('do not go again where they were delivered first, nor while the epoch is the same', () => {
      const { add, drain, ack, lose, outbox, delivered } = setUp();
      void add('a');
      void add('b');
      drain();
      delivered.upTo = 5;
      ack('a', 5);
      ack('b', 6);
      lose();
      expect(drain()).toEqual([]);
      delivered.upTo = 6;
      outbox.epochChanged(delivered.upTo);
      expect(drain()).toEqual([]);
    });

    it('are reported as lost where the server may have forgotten their ids, or refuses them', () => {
      const { add, drain, ack, error, outbox, lost, sleep, clock } = setUp({ dedupeTtlMs: 10_000 });
      void add('a');
      drain();
      ack('a', 5);
      sleep(9_000);
      outbox.epochChanged(0);
      expect(drain()).toEqual([]);
      expect(lost).toEqual([clock.now()]);
      void add('b');
      drain();
      ack('b', 6);
      outbox.epochChanged(0);
      drain();
      error('b', 'forbidden');
      expect(lost).toHaveLength(2);
    });

    it('were sent once already as their callers know: the result stays what it was', async () => {
      const { add, drain, ack, outbox } = setUp();
      const result = add('a');
      drain();
      ack('a', 5);
      outbox.epochChanged(0);
      drain();
      ack('a', 2);
      expect(await result).toBe('ok 5');
    });
  });
});
