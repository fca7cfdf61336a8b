import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../testing/manual-clock.js';
import { RealtimeEvents } from '../realtime.events.js';
import { MemoryPresence } from './memory-presence.js';
import { PresenceTracker } from './presence-tracker.js';

const GRACE_MS = 1_000;
const ROOM = 'chat/a';
const ann = { id: 'ann', name: 'Ann' };

/** Presence whose next calls can be made to fail, or to wait. */
class FlakyPresence extends MemoryPresence {
  failing = 0;
  waiting: Promise<void> | undefined;

  override async enter(...args: Parameters<MemoryPresence['enter']>): ReturnType<MemoryPresence['enter']> {
    await this.answer();
    return super.enter(...args);
  }

  override async exit(...args: Parameters<MemoryPresence['exit']>): ReturnType<MemoryPresence['exit']> {
    await this.answer();
    return super.exit(...args);
  }

  private async answer(): Promise<void> {
    await this.waiting;
    if (this.failing === 0) return;
    this.failing -= 1;
    throw new Error('the port does not answer');
  }
}

let clock: ManualClock;
let presence: FlakyPresence;
let tracker: PresenceTracker;
let told: string[];

beforeEach(async () => {
  clock = new ManualClock();
  presence = new FlakyPresence();
  await presence.open();
  told = [];
  const events = new RealtimeEvents();
  const announce = (event: string, _address: string, { id }: { id: string }): number => told.push(`${id} ${event}`);
  tracker = new PresenceTracker({ presence, clock, events, leaveGraceMs: GRACE_MS, announce });
});

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function come(): Promise<void> {
  tracker.arrived(ROOM, ann, await tracker.enter(ROOM, ann));
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await settled();
}

describe('PresenceTracker', () => {
  it('CN3 lets a user leave who came back within the grace and was not let in, because the port failed', async () => {
    await come();
    tracker.exit(ROOM, ann.id, true);
    presence.failing = 1;
    await expect(tracker.enter(ROOM, ann)).rejects.toThrow('does not answer');
    expect(await presence.count(ROOM)).toBe(1);
    await pass(GRACE_MS);
    expect(await presence.count(ROOM)).toBe(0);
    expect(told).toEqual(['ann joined', 'ann left']);
  });

  it('CN3 lets a user leave whose exit failed, also where a return failed before it was tried again', async () => {
    await come();
    presence.failing = 2;
    tracker.exit(ROOM, ann.id, false);
    await settled();
    await expect(tracker.enter(ROOM, ann)).rejects.toThrow('does not answer');
    await pass(GRACE_MS);
    expect(await presence.count(ROOM)).toBe(0);
    expect(told).toEqual(['ann joined', 'ann left']);
  });

  it('FR4 announces a user once more who comes back while the exit is under way', async () => {
    await come();
    let go: () => void = () => undefined;
    presence.waiting = new Promise((resolve) => (go = resolve));
    tracker.exit(ROOM, ann.id, false);
    await settled();
    const back = come();
    go();
    await back;
    expect(await presence.count(ROOM)).toBe(1);
    expect(told).toEqual(['ann joined', 'ann left', 'ann joined']);
  });

  it('forgets a user who never came in', async () => {
    presence.failing = 1;
    await expect(tracker.enter(ROOM, ann)).rejects.toThrow('does not answer');
    await come();
    tracker.exit(ROOM, ann.id, false);
    await settled();
    expect(told).toEqual(['ann joined', 'ann left']);
  });
});
