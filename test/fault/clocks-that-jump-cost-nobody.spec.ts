import { afterEach, expect, it, jest } from '@jest/globals';
import { freshRoom, heard, named, offsetsIn, range, say } from '../support/chat.js';
import { announcements, ServerPods } from '../support/server-pods.js';
import { until } from '../support/within.js';

// Processes start here, and a lease of 10 s runs out.
jest.setTimeout(120_000);

const HALF_AN_HOUR_MS = 1_800_000;

/** Moves the wall clock of a server when it gets the signal; its timers don't notice, as with a real one. */
function jumping(ms: number): NodeJS.ProcessEnv {
  const code = `const now = Date.now; process.on('SIGUSR2', () => { Date.now = () => now() + ${ms}; console.log('jumped'); });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`, HEARTBEAT_MS: '2000' };
}

let chat: ServerPods | undefined;

afterEach(() => chat?.close());

it('forward on one pod, back on another: nobody is cut off or has left, frames go on, and a dead pod is still found', async () => {
  chat = await ServerPods.start([jumping(HALF_AN_HOUR_MS), jumping(-HALF_AN_HOUR_MS), {}]);
  const room = freshRoom();
  const people = await Promise.all(['ahead', 'behind'].map((sub, pod) => chat!.enter(room, sub, { pod })));
  const [ahead, behind] = people as [(typeof people)[0], (typeof people)[0]];
  await chat.enter(room, 'lost', { pod: 2 });
  for (const pod of [chat.pod(0), chat.pod(1)]) {
    pod.signal('SIGUSR2');
    await until('its clock has jumped', () => pod.lines.includes('jumped'));
  }
  await chat.pod(2).kill();

  // The lease of the pod that is gone, six heartbeats of those that are there.
  for (const person of people) {
    await person.next(
      named('the lost one left', () => announcements(person).includes('left lost')),
      40_000,
    );
  }
  for (const n of range(1, 5)) {
    await say(ahead, `ahead ${n}`);
    await say(behind, `behind ${n}`);
  }
  for (const person of people) {
    await heard(person, 'behind 5');
    expect(offsetsIn(person, room)).toEqual(range(1, 10));
    expect(announcements(person).filter((text) => text.startsWith('left'))).toEqual(['left lost']);
    expect(person.isOpen).toBe(true);
  }
  const { users } = await ahead.request<{ users: { id: string }[] }>({ type: 'presence', room });
  expect(users.map(({ id }) => id)).toEqual(['ahead', 'behind']);
});
