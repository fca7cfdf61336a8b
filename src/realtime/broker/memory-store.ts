import { SystemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import type {
  Ancestor,
  BrokerMessage,
  HistoryPage,
  HistoryRange,
  LatestPage,
  LatestRange,
  Position,
  PublishOptions,
  PublishResult,
} from './broker.js';
import { FrameLog } from './frame-log.js';
import { MemoryLatest, newEpoch } from './memory-latest.js';

export interface MemoryStoreOptions {
  /** Frames kept per room. 0: no limit but the time. */
  readonly historySize: number;
  /** How long a room's frames are kept after its last one. 0: no limit. */
  readonly historyTtlMs: number;
  /** How long a dedupe key is remembered. */
  readonly dedupeTtlMs: number;
  /** Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
}

export type StoreListener = (message: BrokerMessage) => void;

interface StoredRoom {
  epoch: string;
  top: number;
  ancestors: Ancestor[];
  readonly log: FrameLog;
  /** When it was last published into or looked at. */
  usedAt: number;
}

interface FirstPublish {
  readonly offset: number;
  readonly epoch: string;
  readonly expiresAt: number;
}

interface Delivery {
  readonly listeners: readonly Subscriber[];
  readonly message: BrokerMessage;
}

interface Subscriber {
  readonly listener: StoreListener;
  active: boolean;
}

const ROOM_TTL_MS = 30 * 86_400_000;
const MAX_ANCESTORS = 16;
const NOBODY: readonly Subscriber[] = [];

/**
 * What Redis is to `RedisBroker`, for brokers of one process: numbers, keeps, deduplicates and delivers. Several brokers
 * that share one are several pods.
 *
 * Nothing is cleaned up by timers: each use takes away what has expired at the front of three queues that are ordered by
 * time. A room that nobody used for 30 days is forgotten, as in Redis; one that comes back then begins a new epoch.
 * Without a limit in time for the history no room is forgotten.
 */
export class MemoryStore {
  /** In the order of their last use. */
  private readonly rooms = new Map<string, StoredRoom>();
  /** Rooms that retain frames, in the order of their last stored publish, with its time. */
  private readonly retaining = new Map<string, number>();
  /** In the order of their expiry. */
  private readonly firsts = new Map<string, FirstPublish>();
  private readonly subscribers = new Map<string, readonly Subscriber[]>();
  private readonly latestRooms: MemoryLatest;
  private readonly clock: Clock;
  private deliveries: Delivery[] = [];

  constructor(private readonly options: MemoryStoreOptions) {
    this.clock = options.clock ?? new SystemClock();
    this.latestRooms = new MemoryLatest({ ...options, roomTtlMs: ROOM_TTL_MS, clock: this.clock });
  }

  publish(address: string, payload: Buffer, options: PublishOptions): PublishResult {
    const { store, dedupeKey, except, key } = options;
    this.cleanUp();
    const firstKey = dedupeKey === undefined ? undefined : `${address}\n${dedupeKey}`;
    const first = firstKey === undefined ? undefined : this.firsts.get(firstKey);
    if (first) return { offset: first.offset || undefined, epoch: first.epoch, duplicate: true };
    const message =
      key === undefined
        ? this.append(address, payload, store, except)
        : this.latestRooms.publish(address, key, payload);
    const { epoch } = message;
    const offset = key === undefined ? message.offset : 0;
    if (firstKey !== undefined) {
      const expiresAt = this.clock.now() + this.options.dedupeTtlMs;
      this.firsts.set(firstKey, { offset, epoch, expiresAt });
    }
    this.deliver(address, message);
    return { offset: offset || undefined, epoch, duplicate: false };
  }

  /** Delivers what is published after this call. @returns what ends it. */
  subscribe(address: string, listener: StoreListener): () => void {
    const subscriber: Subscriber = { listener, active: true };
    this.subscribers.set(address, [...(this.subscribers.get(address) ?? NOBODY), subscriber]);
    return () => {
      subscriber.active = false;
      const others = (this.subscribers.get(address) ?? NOBODY).filter((other) => other !== subscriber);
      if (others.length > 0) this.subscribers.set(address, others);
      else this.subscribers.delete(address);
    };
  }

  position(address: string): Position {
    this.cleanUp();
    return positionOf(this.use(address));
  }

  history(address: string, range: HistoryRange): HistoryPage {
    this.cleanUp();
    const room = this.use(address);
    return { position: positionOf(room), frames: room.log.read(range) };
  }

  latest(address: string, range: LatestRange): LatestPage {
    this.cleanUp();
    return this.latestRooms.read(address, range);
  }

  latestPosition(address: string): Position {
    this.cleanUp();
    return this.latestRooms.position(address);
  }

  clearHistory(address: string): void {
    this.rooms.get(address)?.log.clear();
    this.retaining.delete(address);
  }

  /**
   * Begins an epoch, as a failover does that lost every frame above `survivingTop`. Default: none was lost. For tests.
   */
  beginEpoch(address: string, survivingTop: number = Number.POSITIVE_INFINITY): void {
    this.latestRooms.beginEpoch(address, survivingTop);
    const room = this.use(address);
    const top = Math.min(room.top, survivingTop);
    room.ancestors = [{ epoch: room.epoch, top }, ...room.ancestors].slice(0, MAX_ANCESTORS);
    room.epoch = newEpoch();
    room.top = top;
    room.log.truncate(top);
  }

  /** How many rooms, retained frames' rooms and dedupe keys it holds: what a test of leaks looks at. */
  get size(): { readonly rooms: number; readonly retaining: number; readonly dedupeKeys: number } {
    const latest = this.latestRooms.size;
    return {
      rooms: this.rooms.size + latest.rooms,
      retaining: this.retaining.size + latest.retaining,
      dedupeKeys: this.firsts.size,
    };
  }

  private append(address: string, payload: Buffer, store: boolean, except: string | undefined): BrokerMessage {
    const room = this.use(address);
    if (!store) return { payload, epoch: room.epoch, offset: 0, except };
    const offset = (room.top += 1);
    room.log.append(offset, payload);
    this.retaining.delete(address);
    this.retaining.set(address, this.clock.now());
    return { payload, epoch: room.epoch, offset, except: undefined };
  }

  private use(address: string): StoredRoom {
    const room = this.rooms.get(address) ?? {
      epoch: newEpoch(),
      top: 0,
      ancestors: [],
      log: new FrameLog(this.options.historySize),
      usedAt: 0,
    };
    room.usedAt = this.clock.now();
    this.rooms.delete(address);
    this.rooms.set(address, room);
    return room;
  }

  private cleanUp(): void {
    const now = this.clock.now();
    for (const [key, { expiresAt }] of this.firsts) {
      if (expiresAt > now) break;
      this.firsts.delete(key);
    }
    this.latestRooms.cleanUp();
    const { historyTtlMs } = this.options;
    if (historyTtlMs === 0) return;
    for (const [address, publishedAt] of this.retaining) {
      if (publishedAt + historyTtlMs > now) break;
      this.clearHistory(address);
    }
    for (const [address, { usedAt }] of this.rooms) {
      if (usedAt + Math.max(ROOM_TTL_MS, historyTtlMs) > now) break;
      this.rooms.delete(address);
    }
  }

  /** Never within the call that published, always in the order of the publishes, to those who were subscribed then. */
  private deliver(address: string, message: BrokerMessage): void {
    const listeners = this.subscribers.get(address);
    if (!listeners) return;
    if (this.deliveries.push({ listeners, message }) === 1) queueMicrotask(() => this.deliverNow());
  }

  private deliverNow(): void {
    const deliveries = this.deliveries;
    this.deliveries = [];
    for (const { listeners, message } of deliveries) {
      for (const { listener, active } of listeners) {
        if (active) call(listener, message);
      }
    }
  }
}

function call(listener: StoreListener, message: BrokerMessage): void {
  try {
    listener(message);
  } catch (error) {
    // Others get the message all the same; the mistake is not swallowed.
    process.nextTick(() => {
      throw error;
    });
  }
}

function positionOf({ epoch, top, log, ancestors }: StoredRoom): Position {
  return { epoch, top, oldest: top + 1 - log.length, ancestors: [...ancestors] };
}
