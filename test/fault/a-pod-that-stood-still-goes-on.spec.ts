import { afterEach, expect, it, jest } from '@jest/globals';
import { freshRoom, heard, named, offsetsIn, range, say } from '../support/chat.js';
import { announcements, ServerPods } from '../support/server-pods.js';
import { until } from '../support/within.js';

// Processes start here, and a lease of 10 s runs out.
jest.setTimeout(120_000);

let chat: ServerPods | undefined;

afterEach(() => chat?.close());

it('for longer than its lease and two heartbeats: nobody is cut off, nothing is lost, its members are present again', async () => {
  chat = await ServerPods.start([{ HEARTBEAT_MS: '3000' }, {}]);
  const room = freshRoom();
  const watcher = await chat.enter(room, 'watcher', { pod: 1 });
  const alice = await chat.enter(room, 'alice', { pod: 0 });
  await say(watcher, 'before');
  await heard(alice, 'before');
  const ids = async (): Promise<string> => {
    const { users } = await watcher.request<{ users: { id: string }[] }>({ type: 'presence', room });
    return users.map(({ id }) => id).join();
  };

  chat.pod(0).pause();
  await watcher.next(
    named('alice left', () => announcements(watcher).includes('left alice')),
    40_000,
  );
  expect(await ids()).toBe('watcher');
  for (const n of range(1, 20)) await say(watcher, `meanwhile ${n}`);
  chat.pod(0).resume();

  await until('alice is present again', async () => (await ids()) === 'alice,watcher', 20_000);
  await heard(alice, 'meanwhile 20');
  expect((await say(alice, 'after')).offset).toBe(22);
  await heard(watcher, 'after');
  for (const client of [alice, watcher]) expect(offsetsIn(client, room)).toEqual(range(1, 22));
  expect(alice.received.filter((frame) => frame['recovered'] === false)).toEqual([]);
  await until(
    'the pod is ready again',
    async () => (await fetch(`${chat!.pod(0).httpUrl}/readyz`)).status === 200,
    20_000,
  );
  expect(alice.isOpen).toBe(true);
  expect(announcements(watcher).filter((text) => text === 'left alice')).toHaveLength(1);
});
