import { randomUUID } from 'node:crypto';
import { SystemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import type {
  AvailabilityListener, Broker, BrokerMessage, HistoryPage, HistoryRange, MessageListener, Position, PublishOptions,
  PublishResult, SignalListener, StoredMessage,
} from './broker.js';

interface MemoryRoom {
  epoch: string; top: number; ancestors: { epoch: string; top: number }[]; frames: StoredMessage[];
  dedupe: Map<string, { at: number; result: PublishResult }>; listeners: Map<MemoryBroker, MessageListener>;
}
export class MemoryStore {
  readonly rooms = new Map<string, MemoryRoom>();
  readonly pods = new Set<MemoryBroker>();
  room(address: string): MemoryRoom {
    let room = this.rooms.get(address);
    if (!room) {
      room = { epoch: randomUUID().slice(0, 8), top: 0, ancestors: [], frames: [], dedupe: new Map(), listeners: new Map() };
      this.rooms.set(address, room);
    }
    return room;
  }
  beginEpoch(address: string, survivingTop: number): void {
    const room = this.room(address);
    room.ancestors = [{ epoch: room.epoch, top: survivingTop }, ...room.ancestors].slice(0, 16);
    room.epoch = randomUUID().slice(0, 8); room.top = survivingTop;
    room.frames = room.frames.filter((frame) => frame.offset <= survivingTop);
  }
}
export class MemoryBroker implements Broker {
  readonly available = true;
  private readonly store: MemoryStore; private readonly clock: Clock; private readonly signals: SignalListener[] = [];
  constructor(private readonly options: { store?: MemoryStore; historySize: number; historyTtlMs: number; dedupeTtlMs: number; clock?: Clock | undefined }) {
    this.store = options.store ?? new MemoryStore(); this.clock = options.clock ?? new SystemClock();
  }
  async open(): Promise<void> { this.store.pods.add(this); }
  async close(): Promise<void> { this.store.pods.delete(this); for (const room of this.store.rooms.values()) room.listeners.delete(this); }
  async publish(address: string, payload: Buffer, { store, dedupeKey, except }: PublishOptions): Promise<PublishResult> {
    const room = this.store.room(address); const now = this.clock.now();
    const known = dedupeKey === undefined ? undefined : room.dedupe.get(dedupeKey);
    if (known && known.at + this.options.dedupeTtlMs > now) return { ...known.result, duplicate: true };
    if (store) { room.top += 1; room.frames.push({ offset: room.top, payload }); if (this.options.historySize > 0 && room.frames.length > this.options.historySize) room.frames.shift(); }
    const result: PublishResult = { offset: store ? room.top : undefined, epoch: room.epoch, duplicate: false };
    if (dedupeKey !== undefined) room.dedupe.set(dedupeKey, { at: now, result });
    const message: BrokerMessage = { payload, epoch: room.epoch, offset: store ? room.top : 0, except: store ? undefined : except };
    queueMicrotask(() => { for (const listener of room.listeners.values()) listener(message); });
    return result;
  }
  async subscribe(address: string, listener: MessageListener): Promise<void> { this.store.room(address).listeners.set(this, listener); }
  async unsubscribe(address: string): Promise<void> { this.store.room(address).listeners.delete(this); }
  async history(address: string, range: HistoryRange): Promise<HistoryPage> {
    const room = this.store.room(address); const { since, before, limit, maxBytes } = range; const frames: StoredMessage[] = []; let bytes = 0;
    const all = since !== undefined ? room.frames.filter((f) => f.offset > since) : room.frames.filter((f) => before === undefined || f.offset <= before).reverse();
    for (const f of all) { if (frames.length >= limit || (frames.length > 0 && bytes + f.payload.length > maxBytes)) break; frames.push(f); bytes += f.payload.length; }
    if (since === undefined) frames.reverse();
    return { position: this.position(room), frames };
  }
  async positions(addresses: readonly string[]): Promise<Position[]> { return addresses.map((a) => this.position(this.store.room(a))); }
  async clearHistory(address: string): Promise<void> { this.store.room(address).frames = []; }
  async signal(payload: Buffer): Promise<void> { queueMicrotask(() => { for (const pod of this.store.pods) for (const l of pod.signals) l(payload); }); }
  async ping(): Promise<void> { return; }
  onSignal(listener: SignalListener): void { this.signals.push(listener); }
  onAvailability(_: AvailabilityListener): void { return; }
  onInterrupted(): void { return; }
  private position(room: MemoryRoom): Position { return { epoch: room.epoch, top: room.top, oldest: room.frames[0]?.offset ?? room.top + 1, ancestors: room.ancestors }; }
}
