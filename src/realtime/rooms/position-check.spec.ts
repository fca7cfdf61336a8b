import { describe, expect, it } from '@jest/globals';
import type { Position } from '../broker/broker.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { RealtimeEvents } from '../realtime.events.js';
import type { LocalRoom } from './local-room.js';
import { PositionCheck } from './position-check.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A check of so many rooms; how many were asked for in each call, and which rooms were told. */
function checkOf(count: number, notLive: readonly number[] = []) {
  const clock = new ManualClock();
  const asked: number[] = [];
  const told: string[] = [];
  let refusal: Error | undefined;
  const broker = {
    positions: async (addresses: readonly string[]) => {
      asked.push(addresses.length);
      if (refusal) throw refusal;
      return addresses.map((epoch) => ({ epoch }) as Position);
    },
    latestPositions: async () => [],
  };
  const rooms = Array.from({ length: count }, (_, n) => ({
    at: { address: `r${n}` },
    live: !notLive.includes(n),
    check: ({ epoch }: Position) => told.push(epoch),
  })) as unknown as LocalRoom[];
  const check = new PositionCheck(
    { broker, clock, events: new RealtimeEvents(), positionCheckMs: 10_000 },
    () => rooms,
  );
  const refuse = (error: Error | undefined): void => {
    refusal = error;
  };
  return { clock, asked, told, check, refuse };
}

describe('PositionCheck', () => {
  it('tells each room that is live its own position', async () => {
    const { clock, told } = checkOf(3, [1]);
    clock.advance(10_000);
    await turn();
    expect(told).toEqual(['r0', 'r2']);
  });

  it('looks at a hundred rooms in a turn of the event loop, not at thousands', async () => {
    const { clock, asked, told } = checkOf(250);
    clock.advance(10_000);
    const seen: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      await turn();
      seen.push(told.length);
    }
    expect(asked).toEqual([100, 100, 50]);
    expect(seen.at(-1)).toBe(250);
    expect(seen[0]).toBeLessThan(250);
  });

  it('begins no other look while one is under way, and goes on with the next', async () => {
    const { clock, asked } = checkOf(250);
    clock.advance(10_000);
    clock.advance(10_000);
    for (let i = 0; i < 5; i += 1) await turn();
    expect(asked).toEqual([100, 100, 50]);
    clock.advance(10_000);
    for (let i = 0; i < 5; i += 1) await turn();
    expect(asked).toEqual([100, 100, 50, 100, 100, 50]);
  });

  it('looks again after a broker that did not answer', async () => {
    const { clock, asked, refuse } = checkOf(1);
    refuse(new Error('away'));
    clock.advance(10_000);
    await turn();
    refuse(undefined);
    clock.advance(10_000);
    await turn();
    expect(asked).toEqual([1, 1]);
  });

  it('asks nothing more once it is stopped', async () => {
    const { clock, asked, check } = checkOf(250);
    clock.advance(10_000);
    check.stop();
    for (let i = 0; i < 4; i += 1) await turn();
    expect(asked).toEqual([100]);
    clock.advance(10_000);
    await turn();
    expect(asked).toEqual([100]);
  });
});
