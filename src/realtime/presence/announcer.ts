import type { SystemFrame } from '../../protocol/frames.js';
import type { Broker } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { PresentUser } from './presence.js';

export interface AnnouncerParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  /** Rooms above this many users announce nobody; 0: no limit. */
  readonly announceUpTo: number;
  /** Namespaces that send the application's bytes and nothing else. */
  readonly isPlain: (namespace: string) => boolean;
}

/** Tells a room that somebody came or went (FR4). Not stored: who is away misses it. */
export class Announcer {
  constructor(private readonly parts: AnnouncerParts) {}

  announce(event: 'joined' | 'left', address: string, user: PresentUser, members: number): void {
    this.parts.events.watch(`announcement in ${address}`, this.publish(event, address, user, members));
  }

  private async publish(event: 'joined' | 'left', address: string, user: PresentUser, members: number): Promise<void> {
    const { announceUpTo, broker, clock, isPlain } = this.parts;
    const slash = address.indexOf('/');
    if ((announceUpTo > 0 && members > announceUpTo) || isPlain(address.slice(0, slash))) return;
    const frame: SystemFrame = {
      type: 'system',
      event,
      room: address.slice(slash + 1),
      user: user.name,
      userId: user.id,
      members,
      text: `${user.name} ${event}`,
      timestamp: new Date(clock.now()).toISOString(),
    };
    await broker.publish(address, Buffer.from(JSON.stringify(frame)), { store: false });
  }
}
