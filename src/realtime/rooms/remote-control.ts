import { parseJson } from '../../protocol/codec.js';
import { CloseCode } from '../../protocol/close-codes.js';
import { EVERYWHERE } from '../bans/bans.js';
import type { Bans } from '../bans/bans.js';
import type { Broker } from '../broker/broker.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { Connection } from '../connection/connection.js';
import { RealtimeUsageError } from '../realtime.errors.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { Address } from './address.js';

type Signal =
  | { readonly kind: 'kick'; readonly address: string; readonly userId: string }
  | { readonly kind: 'disconnect'; readonly userId: string }
  | { readonly kind: 'replace'; readonly userId: string; readonly connections: readonly string[] };

export interface RemoteControlParts {
  readonly broker: Broker;
  readonly bans: Bans;
  readonly connections: ConnectionRegistry;
  readonly events: RealtimeEvents;
}

/** Puts users out of rooms and off the server, wherever they are connected (CN6). */
export class RemoteControl {
  private evict: (connection: Connection, address: string) => void = () => undefined;

  constructor(private readonly parts: RemoteControlParts) {
    parts.broker.onSignal((payload) => this.obey(payload));
  }

  /** Says who takes a connection out of a room on this pod. */
  onEvict(evict: (connection: Connection, address: string) => void): void {
    this.evict = evict;
  }

  /** @throws BrokerUnavailableError unavailable · RealtimeUsageError bad_usage */
  async kick(at: Address, userId: string, forMs: number): Promise<void> {
    checkDuration(forMs);
    if (forMs > 0) await this.parts.bans.ban(at.address, userId, forMs);
    await this.tell({ kind: 'kick', address: at.address, userId });
    this.parts.events.emit('userKicked', { address: at.address, userId, forMs });
  }

  /** @throws BrokerUnavailableError unavailable · RealtimeUsageError bad_usage */
  async disconnect(userId: string, forMs: number): Promise<void> {
    checkDuration(forMs);
    if (forMs > 0) await this.parts.bans.ban(EVERYWHERE, userId, forMs);
    await this.tell({ kind: 'disconnect', userId });
    this.parts.events.emit('userDisconnected', { userId, forMs });
  }

  /** @param scope A room's address, or `EVERYWHERE`. @throws BrokerUnavailableError unavailable */
  async unban(scope: string, userId: string): Promise<void> {
    await this.parts.bans.unban(scope, userId);
    this.parts.events.emit('userUnbanned', { scope, userId });
  }

  /** Closes connections of a user that newer ones of the same user replace, on whichever pods. @throws BrokerUnavailableError unavailable */
  async replace(userId: string, connections: readonly string[]): Promise<void> {
    await this.tell({ kind: 'replace', userId, connections });
  }

  /** Closes those of this pod. */
  closeReplaced(userId: string, connections: readonly string[]): void {
    for (const connection of this.parts.connections.ofUser(userId)) {
      if (connections.includes(connection.id)) connection.close(CloseCode.replaced, 'replaced');
    }
  }

  private tell(signal: Signal): Promise<void> {
    return this.parts.broker.signal(Buffer.from(JSON.stringify(signal)));
  }

  private obey(payload: Buffer): void {
    const signal = parseJson(payload.toString()) as Partial<Signal> | undefined;
    if (typeof signal?.userId !== 'string') return; // A newer pod says something that this one does not know.
    if (signal.kind === 'replace') return this.closeReplaced(signal.userId, signal.connections ?? []);
    for (const connection of this.parts.connections.ofUser(signal.userId)) {
      if (signal.kind === 'kick' && typeof signal.address === 'string') this.evict(connection, signal.address);
      else if (signal.kind === 'disconnect') connection.close(CloseCode.kicked, 'kicked');
    }
  }
}

/** What is no number must not pass for no ban. */
function checkDuration(forMs: number): void {
  if (Number.isSafeInteger(forMs) && forMs >= 0) return;
  throw new RealtimeUsageError(`forMs: expected a whole number of milliseconds from 0, got ${String(forMs)}`);
}
