import { afterEach, expect, it, jest } from '@jest/globals';
import { freshRoom, heard, named, range, say } from '../support/chat.js';
import { announcements, ServerPods } from '../support/server-pods.js';

// Processes start here, and a lease of 10 s runs out.
jest.setTimeout(90_000);

let chat: ServerPods | undefined;

afterEach(() => chat?.close());

it('its members leave the presence within the lease, each is announced once, by one pod; who is elsewhere too has not left', async () => {
  chat = await ServerPods.start([{}, {}, {}]);
  const room = freshRoom();
  const watchers = await Promise.all([1, 2].map((pod) => chat!.enter(room, `watcher${pod}`, { pod })));
  const killed = range(1, 5).map((n) => `lost${n}`);
  for (const sub of [...killed, 'twofold']) await chat.enter(room, sub, { pod: 0 });
  await chat.enter(room, 'twofold', { pod: 1 });
  await chat.pod(0).kill();
  for (const watcher of watchers) {
    const left = named('the last one left', () =>
      killed.every((sub) => announcements(watcher).includes(`left ${sub}`)),
    );
    await watcher.next(left, 30_000);
    const { count, users } = await watcher.request<{ count: number; users: { id: string }[] }>({
      type: 'presence',
      room,
    });
    expect([count, users.map(({ id }) => id)]).toEqual([3, ['twofold', 'watcher1', 'watcher2']]);
  }
  // Had a second pod reaped as well, what it says would have come by now: it has had its turn once more.
  await chat.enter(room, 'late', { pod: 2 });
  await say(watchers[0]!, 'marker');
  for (const watcher of watchers) {
    await heard(watcher, 'marker');
    const left = announcements(watcher).filter((text) => text.startsWith('left'));
    expect(left.sort()).toEqual(killed.map((sub) => `left ${sub}`));
  }
});
