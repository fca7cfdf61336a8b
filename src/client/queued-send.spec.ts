import { describe, expect, it } from '@jest/globals';
import { RealtimeClientError } from './client-error.js';
import { MapStorage, setUpOutbox } from './outbox.double.js';
import type { OutboxSettings } from './outbox.double.js';

describe('QueuedSend', () => {
  it('gives up with outcome_unknown at 80 % of dedupeTtlMs after the first try, not before', async () => {
    const { add, drain, lose, clock, outbox } = setUpOutbox();
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
    const { add, drain, clock } = setUpOutbox();
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
    const { add, drain, clock, ack } = setUpOutbox();
    const result = add('a');
    drain();
    clock.advance(240_000);
    ack('a');
    expect(await result).toBe('outcome_unknown');
  });

  it('sends nothing again that is too old, also where no timer ran while the device slept', async () => {
    const { add, drain, lose, sleep } = setUpOutbox();
    const result = add('a');
    drain();
    sleep(3_600_000);
    lose('a');
    expect(drain()).toEqual([]);
    expect(await result).toBe('outcome_unknown');
  });

  it('goes by the time of the server that is there, also for what an older page had tried', async () => {
    const settings: OutboxSettings = {};
    const { add, drain, clock, outbox } = setUpOutbox(settings);
    const result = add('a', { triedAt: clock.now() - 100_000 });
    settings.dedupeTtlMs = 60_000;
    outbox.connected();
    expect(drain()).toEqual([]);
    expect(await result).toBe('outcome_unknown');
  });

  it('says outcome_unknown where a second try was refused: the first one may have been stored', async () => {
    const { add, drain, lose, error } = setUpOutbox();
    const result = add('a');
    drain();
    lose('a');
    drain();
    error('a', 'conflict');
    expect(await result).toBe('outcome_unknown');
  });

  describe('over a reload', () => {
    it('keeps what is not acknowledged, and since when it is tried', () => {
      const storage = new MapStorage();
      const { add, drain, ack, clock } = setUpOutbox({ storage, user: 'u1' });
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
      const { add, drain, error, outbox } = setUpOutbox({ storage });
      const results = [add('a'), add('b')];
      drain();
      error('a', 'forbidden');
      outbox.end(new RealtimeClientError('disconnected', 'over'));
      expect(await results[0]).toBe('forbidden');
      expect(storage.load().map(({ id }) => id)).toEqual(['b']); // Under way: its answer, or the end, settles it.
    });

    it('gives up at 80 % of dedupeTtlMs after the first try of the life before', async () => {
      const { add, clock } = setUpOutbox();
      const old = add('a', { triedAt: clock.now() - 240_000 });
      const young = add('b', { triedAt: clock.now() - 239_000 });
      expect(await old).toBe('outcome_unknown');
      clock.advance(1_000);
      expect(await young).toBe('outcome_unknown');
    });

    it('never sends as another user what one user wrote', async () => {
      const settings: OutboxSettings = { user: 'bob' };
      const { add, drain, lose } = setUpOutbox(settings);
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
      const settings: OutboxSettings = { storage };
      const { add, drain, outbox } = setUpOutbox(settings);
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
      const settings: OutboxSettings = {};
      const { add, drain, lose } = setUpOutbox(settings);
      const result = add('a');
      drain();
      settings.user = 'alice';
      lose('a');
      expect(drain()).toEqual([]);
      expect(await result).toBe('outcome_unknown');
    });

    it('forgets what it can not take over, and says of what was tried that it may have arrived', async () => {
      const storage = new MapStorage();
      const { add, clock } = setUpOutbox({ storage, maxFrameBytes: 3 });
      storage.put({ id: 'long', room: 'general', text: 'long', triedAt: clock.now() });
      expect(await add('long', { triedAt: clock.now() })).toBe('outcome_unknown');
      expect(storage.load()).toEqual([]);
    });
  });
});
