import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, nat, property, string, uniqueArray } from 'fast-check';
import { MemoryPresenceStore } from './memory-presence-store.js';

const ids = uniqueArray(string({ unit: constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '👩') }));

describe('MemoryPresenceStore', () => {
  it('lists users in the order of the bytes of their ids, as Redis does, whoever came and went', () => {
    assert(
      property(ids, nat(), (all, gone) => {
        const store = new MemoryPresenceStore();
        const pod = { reaped: () => undefined };
        for (const id of all) store.enter(pod, 'a/b', { id, name: id });
        const leaver = all[gone % Math.max(1, all.length)];
        if (leaver !== undefined) store.exit(pod, 'a/b', leaver);
        const left = all.filter((id) => id !== leaver);
        const inBytes = left.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(store.list('a/b', undefined, 1_000).users.map(({ id }) => id)).toEqual(inBytes);
      }),
    );
  });
});
