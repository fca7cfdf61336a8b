import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { closeCodeTable, parseCloseReason } from '../../src/protocol/index.js';
import type { SystemFrame } from '../../src/protocol/index.js';
import type { AnyFrame, Closed, TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, heard, named, say } from '../support/chat.js';
import { openChat } from '../support/chat-server.js';

describe('the life of a connection, from outside', () => {
  let chat: Awaited<ReturnType<typeof openChat>>;

  beforeAll(async () => {
    chat = await openChat();
  });
  afterEach(() => chat.cleanUp());
  afterAll(() => chat.close());

  const leftOf = (userId: string): ((frame: AnyFrame) => boolean) =>
    named(
      `system left of ${userId}`,
      (frame) => frame.type === 'system' && frame['event'] === 'left' && frame['userId'] === userId,
    );

  describe('leaving', () => {
    it('CN3 announces an explicit leave', async () => {
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const alice = await chat.enter(room, freshUser('alice'));
      const bob = await chat.enter(room, bobId);
      await bob.request({ type: 'leave', room });
      expect(await alice.next<SystemFrame>(leftOf(bobId))).toMatchObject({ members: 1, user: 'bob' });
    });

    it('CN3 announces a clean close', async () => {
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const alice = await chat.enter(room, freshUser('alice'));
      const bob = await chat.enter(room, bobId);
      expect(await bob.close(1000)).toEqual({ code: 1000, reason: '' });
      expect(await alice.next<SystemFrame>(leftOf(bobId))).toMatchObject({ members: 1 });
    });

    it('CN3 announces a connection that was lost and did not come back', async () => {
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const alice = await chat.enter(room, freshUser('alice'));
      const bob = await chat.enter(room, bobId);
      bob.destroy();
      expect(await alice.next<SystemFrame>(leftOf(bobId), 20_000)).toMatchObject({ members: 1 });
    });

    it('CN3 announces nobody who has another connection in the room', async () => {
      const [room, bobId, carolId] = [freshRoom(), freshUser('bob'), freshUser('carol')];
      const alice = await chat.enter(room, freshUser('alice'));
      const bob = await chat.enter(room, bobId);
      await chat.enter(room, bobId, { pod: 1 });
      const carol = await chat.enter(room, carolId);
      await bob.close(1000);
      await carol.close(1000);
      await alice.expectNone(leftOf(bobId), () => alice.next(leftOf(carolId)));
    });

    it('CN3 announces a user whose last connection left, once', async () => {
      const [room, bobId, carolId] = [freshRoom(), freshUser('bob'), freshUser('carol')];
      const alice = await chat.enter(room, freshUser('alice'));
      const bobs = [await chat.enter(room, bobId), await chat.enter(room, bobId, { pod: 1 })];
      const carol = await chat.enter(room, carolId);
      for (const bob of bobs) await bob.request({ type: 'leave', room });
      await alice.next(leftOf(bobId));
      await carol.close(1000);
      await alice.expectNone(leftOf(bobId), () => alice.next(leftOf(carolId)));
    });

    it('CN3 announces leaving one of several rooms there alone', async () => {
      const [room, other, bobId] = [freshRoom(), freshRoom(), freshUser('bob')];
      const alice = await chat.enter(room, freshUser('alice'));
      await alice.request({ type: 'join', room: other });
      const bob = await chat.enter(room, bobId);
      await bob.request({ type: 'join', room: other });
      await bob.request({ type: 'leave', room: other });
      expect(await alice.next<SystemFrame>(leftOf(bobId))).toMatchObject({ room: other });
      await say(bob, 'still here');
      await alice.expectNone(leftOf(bobId), () => heard(alice, 'still here'));
    });
  });

  describe('tokens that end', () => {
    it('AU1 says in the welcome when the token ends, and closes with 4001 then', async () => {
      const { client, welcome } = await chat.visit(freshRoom(), freshUser(), { expiresInMs: 3_500 });
      expect(await client.closed(15_000)).toEqual({ code: 4001, reason: 'token_expired' });
      expect(Date.now()).toBeGreaterThanOrEqual((welcome.expiresAt ?? Number.POSITIVE_INFINITY) - 50);
    });

    it('AU1 goes on where auth brought a later token of the same subject', async () => {
      const [room, sub] = [freshRoom(), freshUser()];
      const { client, welcome } = await chat.visit(room, sub, { expiresInMs: 3_500 });
      const exp = Math.floor(Date.now() / 1000) + 3_600;
      const answer = await client.request({ type: 'auth', token: chat.token(sub, { exp }) });
      expect(answer).toEqual({ type: 'ack', id: answer.id, data: { expiresAt: exp * 1000 } });
      const other = await chat.visit(room, freshUser(), { expiresInMs: 3_500 });
      expect(other.welcome.expiresAt).toBeGreaterThanOrEqual(welcome.expiresAt ?? 0);
      expect((await other.client.closed(15_000)).code).toBe(4001);
      expect((await say(client, 'still here')).offset).toBe(1);
    });

    it.each([
      ['of another subject', (own: string) => chat.token(`${own}-not`, {}, { expiresInMs: 7_200_000 })],
      ['that is forged', (own: string) => `${chat.token(own)}x`],
      ['that has ended', (own: string) => chat.token(own, {}, { expiresInMs: -3_600_000 })],
      ['that ends earlier', (own: string) => chat.token(own, {}, { expiresInMs: 60_000 })],
      ['that is none', () => 'garbage'],
    ])('AU1 takes no token %s', async (_title, tokenOf) => {
      const [room, sub] = [freshRoom(), freshUser()];
      const client = await chat.enter(room, sub);
      const answer = await client.request({ type: 'auth', token: tokenOf(sub) });
      expect(answer.type).toBe('error');
      expect(['unauthenticated', 'forbidden']).toContain(answer.code);
      await say(client, 'still here');
      expect((await heard(client, 'still here'))['userId']).toBe(sub);
    });
  });

  describe('reasons', () => {
    const ends: [string, (c: typeof chat) => Promise<TestClient>][] = [
      ['no token', (c) => c.connect(freshRoom(), undefined, { protocols: ['rookery.v1'] })],
      ['no such room', (c) => c.connect('@x', freshUser(), { tokenBy: 'subprotocol' })],
      [
        'too big a frame',
        async (c) => {
          const { client, welcome } = await c.visit(freshRoom(), freshUser());
          client.sendText('x'.repeat(welcome.maxFrameBytes + 1));
          return client;
        },
      ],
      ['an expired token', (c) => c.enter(freshRoom(), freshUser(), { expiresInMs: 1_500 })],
    ];

    it.each(ends)('CC1 closes with a word of the table: %s', async (_title, end) => {
      const closed = await (await end(chat)).closed(15_000);
      expect(closed.reason).toMatch(/^[a-z_]+( retry=\d+)?$/);
      expect(wordsOf(closed)).toContain(parseCloseReason(closed.reason).word);
    });

    it('CC1 closes without a word where the table has none', async () => {
      const client = await chat.enter(freshRoom(), freshUser());
      expect(await client.close(1000)).toEqual({ code: 1000, reason: '' });
    });
  });

  function wordsOf({ code }: Closed): string[] {
    return closeCodeTable.filter((row) => row.code === code).flatMap((row) => row.reasons);
  }
});
