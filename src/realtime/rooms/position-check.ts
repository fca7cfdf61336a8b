import type { Broker, Position } from '../broker/broker.js';
import type { Clock, Timer } from '../clock.js';
import type { RealtimeEvents } from '../realtime.events.js';
import { LatestRoom } from './latest-room.js';
import type { LocalRoom } from './local-room.js';

export interface PositionCheckParts {
  readonly broker: Pick<Broker, 'positions' | 'latestPositions'>;
  readonly clock: Pick<Clock, 'every'>;
  readonly events: Pick<RealtimeEvents, 'watch'>;
  /** 0: never. */
  readonly positionCheckMs: number;
}

/** So many rooms are looked at without a pause; in memory that is half a millisecond. */
const BATCH = 100;

/**
 * Compares, every `positionCheckMs`, where each room of this pod is with what the broker says: one channel may be lost
 * alone, and nothing else would tell (RC4).
 */
export class PositionCheck {
  private readonly timer: Timer | undefined;
  private stopped = false;
  private running = false;

  /** @param rooms Those of this pod. */
  constructor(
    private readonly parts: PositionCheckParts,
    private readonly rooms: () => readonly LocalRoom[],
  ) {
    const { clock, events, positionCheckMs } = parts;
    if (positionCheckMs === 0) return;
    this.timer = clock.every(positionCheckMs, () => {
      if (!this.running) events.watch('position check', this.run());
    });
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  /** One at a time: with many rooms, or a slow broker, it takes longer than the time between two. */
  private async run(): Promise<void> {
    this.running = true;
    try {
      await this.compareAll();
    } finally {
      this.running = false;
    }
  }

  private async compareAll(): Promise<void> {
    const { broker } = this.parts;
    const live = this.rooms().filter((room) => room.live);
    const [latest, others] = [live.filter(isLatest), live.filter((room) => !isLatest(room))];
    await this.compare(others, (addresses) => broker.positions(addresses));
    await this.compare(latest, (addresses) => broker.latestPositions(addresses));
  }

  private async compare(
    rooms: readonly LocalRoom[],
    read: (addresses: readonly string[]) => Promise<Position[]>,
  ): Promise<void> {
    for (let start = 0; start < rooms.length && !this.stopped; start += BATCH) {
      const batch = rooms.slice(start, start + BATCH);
      const positions = await read(batch.map((room) => room.at.address));
      positions.forEach((position, i) => batch[i]?.check(position));
      // A broker in memory answers at once: the thousands of rooms of a pod would hold up every frame meanwhile.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function isLatest(room: LocalRoom): boolean {
  return room instanceof LatestRoom;
}
