import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { HistoryFrame, PresenceFrame } from '../../src/protocol/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, partsOf, range, say, sayMany, storedIn } from '../support/chat.js';
import { openChat } from '../support/chat-server.js';

describe('history and presence, from outside', () => {
  let chat: Awaited<ReturnType<typeof openChat>>;

  beforeAll(async () => {
    chat = await openChat();
  });
  afterEach(() => chat.cleanUp());
  afterAll(() => chat.close());

  const ask = (client: TestClient, more: Record<string, unknown> = {}): Promise<HistoryFrame> =>
    client.request<HistoryFrame>({ type: 'history', ...more });
  const offsets = (history: HistoryFrame): (number | undefined)[] => history.frames.map(({ offset }) => offset);

  /** A room with frames 1..count, a client in it, and its epoch. */
  async function filled(
    count: number,
  ): Promise<{ client: TestClient; room: string; epoch: string; at: (n: number) => string }> {
    const room = freshRoom();
    const { client, joined } = await chat.visit(room, freshUser());
    await sayMany(client, count);
    await client.take(count, 'message');
    const { epoch } = partsOf(joined.cursor);
    return { client, room, epoch, at: (n) => `${epoch}.${n}` };
  }

  it('CL4 gives the newest frames where neither since nor before is given, ascending', async () => {
    const { client, room, at } = await filled(8);
    expect(await ask(client, { limit: 3 })).toEqual({
      type: 'history',
      id: expect.any(String),
      room,
      frames: expect.any(Array),
      cursor: at(5),
      complete: false,
    });
    expect(offsets(await ask(client, { limit: 3 }))).toEqual([6, 7, 8]);
  });

  it('CL4 gives frames that are those that came live', async () => {
    const { client, room } = await filled(5);
    expect((await ask(client)).frames).toEqual(storedIn(client, room));
  });

  it('CL4 gives 50 frames where no limit is said, and never more than 100', async () => {
    const room = freshRoom();
    const clients = await Promise.all(range(1, 4).map(() => chat.enter(room, freshUser())));
    await Promise.all(clients.map((client) => sayMany(client, 30)));
    const [client] = clients as [TestClient];
    expect(offsets(await ask(client))).toEqual(range(71, 120));
    expect(offsets(await ask(client, { limit: 100 }))).toEqual(range(21, 120));
    const greedy = await client.request<HistoryFrame>({ type: 'history', limit: 1_000 });
    expect(greedy.frames?.length ?? 0).toBeLessThanOrEqual(100);
  });

  it('CL4 gives n+1 upwards for since, with the last offset as cursor', async () => {
    const { client, at } = await filled(8);
    const page = await ask(client, { since: at(2), limit: 3 });
    expect(offsets(page)).toEqual([3, 4, 5]);
    expect(page).toMatchObject({ cursor: at(5), complete: false });
    expect(await ask(client, { since: at(5), limit: 3 })).toMatchObject({ cursor: at(8), complete: true });
  });

  it('CL4 gives n downwards for before, n included, with the first offset − 1 as cursor', async () => {
    const { client, at } = await filled(8);
    const page = await ask(client, { before: at(6), limit: 3 });
    expect(offsets(page)).toEqual([4, 5, 6]);
    expect(page).toMatchObject({ cursor: at(3), complete: false });
    expect(await ask(client, { before: at(3), limit: 3 })).toMatchObject({ cursor: at(0), complete: true });
  });

  it.each([1, 3, 4, 7, 50])('CL4 pages through the whole room in steps of %i, both ways', async (limit) => {
    const { client, at } = await filled(12);
    const up: (number | undefined)[] = [];
    for (let since = at(0), complete = false; !complete;) {
      const page = await ask(client, { since, limit });
      up.push(...offsets(page));
      ({ cursor: since, complete } = page);
    }
    expect(up).toEqual(range(1, 12));
    const down: (number | undefined)[] = [];
    for (let before: string | undefined, complete = false; !complete;) {
      const page: HistoryFrame = await ask(client, { limit, ...(before === undefined ? {} : { before }) });
      down.unshift(...offsets(page));
      ({ cursor: before, complete } = page);
    }
    expect(down).toEqual(range(1, 12));
  });

  it('CL4 gives without frames the cursor that was given, else the top', async () => {
    const { client, at } = await filled(3);
    expect(await ask(client, { since: at(3) })).toMatchObject({ frames: [], cursor: at(3), complete: true });
    expect(await ask(client, { before: at(0) })).toMatchObject({ frames: [], cursor: at(0), complete: true });
    const { client: alone, joined } = await chat.visit(freshRoom(), freshUser());
    expect(await ask(alone)).toMatchObject({ frames: [], cursor: joined.cursor, complete: true });
  });

  it('CL4 answers a future cursor with not_found', async () => {
    const { client, at } = await filled(3);
    for (const cursor of [at(4), at(9_000_000)]) {
      expect(await ask(client, { since: cursor })).toMatchObject({ type: 'error', code: 'not_found' });
      expect(await ask(client, { before: cursor })).toMatchObject({ type: 'error', code: 'not_found' });
    }
  });

  it.each([['garbage'], [''], ['.1'], ['e.'], ['e.-1'], ['e.1.5'], ['e.01'], ['e.1e3'], ['e 1'], [7], [{}], [null]])(
    'CL4 answers the malformed cursor %j with not_found',
    async (cursor) => {
      const { client } = await filled(1);
      expect(await ask(client, { since: cursor })).toMatchObject({ type: 'error', code: 'not_found' });
      expect(await ask(client, { before: cursor })).toMatchObject({ type: 'error', code: 'not_found' });
    },
  );

  it('CL4 answers a cursor of an unknown epoch with not_found', async () => {
    const { client } = await filled(2);
    const { epoch: other } = await filled(2);
    expect(await ask(client, { since: `nowhere.1` })).toMatchObject({ type: 'error', code: 'not_found' });
    expect(await ask(client, { since: `${other}.1` })).toMatchObject({ type: 'error', code: 'not_found' });
  });

  it('CL4 lives through limits that are none', async () => {
    const { client } = await filled(2);
    for (const limit of [0, -1, 1.5, 'many', null, [], Number.MAX_SAFE_INTEGER]) {
      const answer = await ask(client, { limit });
      expect(['history', 'error']).toContain(answer.type);
    }
    expect(offsets(await ask(client))).toEqual([1, 2]);
  });

  it("CL4 reads the room that the frame names, else the path's", async () => {
    const { client } = await filled(2);
    const other = freshRoom();
    await client.request({ type: 'join', room: other });
    await say(client, 'elsewhere', { room: other });
    expect((await ask(client, { room: other })).frames).toMatchObject([{ room: other, text: 'elsewhere', offset: 1 }]);
    expect((await ask(client)).frames).toHaveLength(2);
  });

  it('CL4 lists who is there, once each', async () => {
    const room = freshRoom();
    const [alice, bob] = [freshUser('alice'), freshUser('bob')];
    const client = await chat.enter(room, alice);
    await chat.enter(room, alice);
    await chat.enter(room, bob, { pod: 1 });
    const presence = await client.request<PresenceFrame>({ type: 'presence' });
    expect(presence).toMatchObject({ type: 'presence', room, count: 2, complete: true });
    expect(presence.users).toHaveLength(2);
    expect(presence.users).toEqual(
      expect.arrayContaining([
        { id: alice, name: 'alice' },
        { id: bob, name: 'bob' },
      ]),
    );
  });

  it('CL4 goes on after the last user of a page', async () => {
    const room = freshRoom();
    const subs = range(1, 5).map((n) => freshUser(`u${n}`));
    const [client] = (await Promise.all(subs.map((sub) => chat.enter(room, sub)))) as [TestClient];
    const all = await client.request<PresenceFrame>({ type: 'presence' });
    expect(all.users.map(({ id }) => id).sort()).toEqual([...subs].sort());
    const rest = await client.request<PresenceFrame>({ type: 'presence', after: all.users[1]?.id });
    expect(rest).toMatchObject({ count: 5, complete: true, users: all.users.slice(2) });
  });
});
