import { describe, expect, it } from '@jest/globals';
import { RealtimeClientError } from './client-error.js';
import { setUpOutbox } from './outbox.double.js';
import type { OutboxSettings } from './outbox.double.js';

describe('Outbox', () => {
  it('gives out frames in the order in which they were added, and resolves each at its ack', async () => {
    const { add, drain, ack } = setUpOutbox();
    const results = [add('a'), add('b')];
    expect(drain()).toEqual(['a', 'b']);
    expect(drain()).toEqual([]);
    ack('b', 8);
    ack('a', 7);
    expect(await Promise.all(results)).toEqual(['ok 7', 'ok 8']);
  });

  it('gives out again, in order and before newer ones, what was under way when the connection was lost', () => {
    const { add, drain, ack, lose } = setUpOutbox();
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
    const { add, drain, error } = setUpOutbox();
    const result = add('a');
    void add('b');
    drain();
    error('a', 'invalid_payload');
    expect(await result).toBe('invalid_payload');
  });

  it('keeps a frame at its place after a temporary error, and what has not left waits behind it', () => {
    const { add, drain, error, ack, clock } = setUpOutbox();
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
    const { add, drain, error, clock } = setUpOutbox();
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
    const { add, drain, error, clock } = setUpOutbox();
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
    const { add, drain, error, ack, clock } = setUpOutbox();
    for (const id of ['a', 'b', 'c']) void add(id);
    drain();
    for (const id of ['a', 'b', 'c']) error(id, 'unavailable');
    clock.advance(1_000);
    expect(drain()).toEqual(['a']);
    ack('a');
    expect(drain()).toEqual(['b', 'c']);
  });

  it('forgets a pause when the connection is lost', () => {
    const { add, drain, error, lose } = setUpOutbox();
    void add('a');
    void add('b');
    drain();
    error('a', 'unavailable');
    lose('b');
    expect(drain()).toEqual(['a', 'b']);
  });

  it('at the end rejects what was never sent as such, and what may have arrived as outcome_unknown', async () => {
    const { add, drain, lose, outbox } = setUpOutbox();
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
    const { add, drain, ack, lose, outbox } = setUpOutbox();
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
    const { add, drain, ack } = setUpOutbox();
    const results = [add('a'), add('a')];
    expect(drain()).toEqual(['a']);
    ack('a', 7);
    expect(await Promise.all(results)).toEqual(['ok 7', 'ok 7']);
  });

  it('waits with an id that another room waits for: the answer would be taken for its own', async () => {
    const settings: OutboxSettings = { expected: 'a' };
    const { add, drain, ack } = setUpOutbox(settings);
    const result = add('a');
    expect(drain()).toEqual([]);
    settings.expected = undefined;
    expect(drain()).toEqual(['a']);
    ack('a', 3);
    expect(await result).toBe('ok 3');
  });

  it('is settled by an answer of whatever type', async () => {
    const { add, drain, answer } = setUpOutbox();
    const result = add('a');
    drain();
    answer('a', { type: 'left', id: 'a', room: 'general', reason: 'left' });
    expect(await result).toBe('ok undefined');
    expect(drain()).toEqual([]);
  });

  describe('bounds', () => {
    it('CL6 rejects what is too large in UTF-8 before it is sent', async () => {
      const { add, drain } = setUpOutbox({ maxFrameBytes: 4 });
      expect(await add('ééé')).toBe('too_big');
      void add('éé');
      expect(drain()).toEqual(['éé']);
    });

    it('CL6 rejects what the next server finds too large', async () => {
      const settings = { maxFrameBytes: 4 };
      const { add, drain } = setUpOutbox(settings);
      const large = add('long');
      void add('ok');
      settings.maxFrameBytes = 3;
      expect(drain()).toEqual(['ok']);
      expect(await large).toBe('too_big');
    });

    it('rejects above its limit, and takes more when something was acknowledged', async () => {
      const { add, drain, ack } = setUpOutbox({ limit: 2 });
      void add('a');
      void add('b');
      expect(await add('c')).toBe('outbox_full');
      drain();
      ack('a');
      void add('d');
      expect(drain()).toEqual(['d']);
    });

    it('rejects above its bytes, and takes more when something was acknowledged', async () => {
      const { add, drain, ack } = setUpOutbox({ maxBytes: 6 });
      void add('four');
      expect(await add('äa')).toBe('outbox_full');
      void add('ok');
      drain();
      ack('four');
      void add('four');
      expect(drain()).toEqual(['four']);
    });

    it('keeps any number of any size where both bounds are off', () => {
      const { add, drain, ack } = setUpOutbox({ limit: 0, maxBytes: 0, maxFrameBytes: 100_000 });
      const count = 5_100;
      for (let n = 1; n <= count; n += 1) void add(`${n}`, { text: 'x'.repeat(1_000) });
      let sent = 0;
      for (let texts = drain(); texts.length > 0; texts = drain()) {
        for (const _ of texts) ack(`${(sent += 1)}`);
      }
      expect(sent).toBe(count);
    });

    it('drops the oldest that are not under way where it is told to', async () => {
      const { add, drain, ack } = setUpOutbox({ limit: 3, whenFull: 'drop-oldest' });
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
      const { add, drain } = setUpOutbox({ maxBytes: 6, whenFull: 'drop-oldest' });
      const dropped = [add('aa'), add('bb')];
      void add('cc');
      expect(await add('seven b')).toBe('outbox_full');
      void add('dddd');
      expect(await Promise.all(dropped)).toEqual(['dropped', 'dropped']);
      expect(drain()).toEqual(['cc', 'dddd']);
    });

    it('drops one that may have arrived as outcome_unknown', async () => {
      const { add, drain, lose } = setUpOutbox({ limit: 1, whenFull: 'drop-oldest' });
      const tried = add('a');
      drain();
      lose('a');
      void add('b');
      expect(await tried).toBe('outcome_unknown');
    });
  });

  describe('sends that are acknowledged', () => {
    it('go again, first and in order, where the epoch changed before they were delivered', () => {
      const { add, drain, ack, outbox, delivered, lost } = setUpOutbox();
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
      const { add, drain, ack, lose, outbox, delivered } = setUpOutbox();
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
      const { add, drain, ack, error, outbox, lost, sleep, clock } = setUpOutbox({ dedupeTtlMs: 10_000 });
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
      const { add, drain, ack, outbox } = setUpOutbox();
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
