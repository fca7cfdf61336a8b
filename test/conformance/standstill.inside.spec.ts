import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../src/testing/index.js';
import { advanceUntil } from '../support/advance.js';
import { freshRoom, freshUser } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';

/** A clock whose wall time can be set; timers don't notice. */
class WallClock extends ManualClock {
  offMs = 0;

  override now(): number {
    return super.now() + this.offMs;
  }
}

describe('a wall clock that is set, or a process that stood still', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  it.each([
    ['forward', 1_800_000],
    ['back', -1_800_000],
  ])('CN1 takes nobody for silent when it goes %s, goes on to ping, and still finds the silent', async (_way, ms) => {
    const clock = new WallClock();
    chat = await startChat({ clock });
    const silent = await chat.enter(freshRoom(), freshUser(), { autoPong: false });
    const alive = await chat.enter(freshRoom(), freshUser());
    await advanceUntil(clock, 'a ping', alive.next('ping'), { withinMs: 26_000, stepMs: 500 });
    clock.offMs = ms;
    await alive.roundTrip(); // Heard by the new time, before anybody has noticed that it is one.
    clock.advance(500);
    await alive.roundTrip();
    await silent.roundTrip();
    await advanceUntil(clock, 'the next ping', alive.next('ping'), { withinMs: 26_000, stepMs: 500 });
    const closed = await advanceUntil(clock, 'the close', silent.closed(20_000), { withinMs: 53_000, stepMs: 500 });
    expect(closed).toEqual({ code: 4000, reason: 'heartbeat_timeout' });
    expect(alive.isOpen).toBe(true);
  });
});
