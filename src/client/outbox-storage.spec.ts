import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sessionOutbox } from './outbox-storage.js';

/** What a browser's `sessionStorage` is to us: its items are its own properties. */
class FakeStorage {
  [key: string]: unknown;
  getItem(key: string): string | null {
    return (this[key] as string | undefined) ?? null;
  }
  setItem(key: string, value: string): void {
    this[key] = value;
  }
  removeItem(key: string): void {
    delete this[key];
  }
}

describe('sessionOutbox', () => {
  const page = globalThis as { sessionStorage?: unknown };
  const send = (id: string, more = {}) => ({ id, room: 'general', text: `{"id":"${id}"}`, ...more });

  beforeEach(() => void (page.sessionStorage = new FakeStorage()));
  afterEach(() => void delete page.sessionStorage);

  it('gives the next page what was put and not removed, in the order of the first put', () => {
    const before = sessionOutbox();
    for (let n = 1; n <= 12; n += 1) before.put(send(`s${n}`));
    before.put(send('s2', { triedAt: 5 }));
    before.remove(send('s1'));
    expect(sessionOutbox().load()).toEqual([
      send('s2', { triedAt: 5 }),
      ...Array.from({ length: 10 }, (_, n) => send(`s${n + 3}`)),
    ]);
  });

  it('goes on after what it loaded, and removes it', () => {
    sessionOutbox().put(send('a'));
    const next = sessionOutbox();
    next.load();
    next.put(send('b'));
    next.remove(send('a'));
    expect(sessionOutbox().load()).toEqual([send('b')]);
  });

  it('keeps one id in two rooms apart', () => {
    const outbox = sessionOutbox();
    outbox.put(send('a'));
    outbox.put(send('a', { room: 'other' }));
    outbox.remove(send('a'));
    expect(sessionOutbox().load()).toEqual([send('a', { room: 'other' })]);
  });

  it('forgets what it can not keep as it is now: the old state would be no truth', () => {
    const storage = page.sessionStorage as FakeStorage;
    const outbox = sessionOutbox();
    outbox.put(send('a'));
    storage.setItem = () => {
      throw new Error('quota');
    };
    outbox.put(send('a', { triedAt: 5 }));
    expect(outbox.load()).toEqual([]);
  });

  it('keeps what goes by another name apart, and leaves everything else alone', () => {
    (page.sessionStorage as FakeStorage).setItem('other', 'no send');
    sessionOutbox('one').put(send('a'));
    expect([sessionOutbox('one').load(), sessionOutbox('two').load()]).toEqual([[send('a')], []]);
  });

  it.each([
    ['is forbidden', undefined],
    [
      'is full',
      new (class extends FakeStorage {
        override setItem = () => {
          throw new Error('quota');
        };
      })(),
    ],
    ['has somebody else’s in it', Object.assign(new FakeStorage(), { 'rookery.outbox.1': 'no JSON' })],
  ])('is empty where storage %s, and breaks nothing', (_why, storage) => {
    page.sessionStorage = storage;
    const outbox = sessionOutbox();
    expect(outbox.load()).toEqual([]);
    outbox.put(send('a'));
    outbox.remove(send('a'));
    outbox.remove(send('never there'));
  });
});
