import type { Duplex } from 'node:stream';
import type { Identity } from '../auth/identity.js';
import type { Clock } from '../clock.js';
import { ConnectionLimits } from '../limits/connection-limits.js';
import type { Place } from '../limits/connection-limits.js';
import { LoopLag } from '../limits/loop-lag.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { ResolvedOptions } from '../realtime.options.js';
import type { Seats } from '../seats/seats.js';
import type { HandshakeResponse } from './handshake-response.js';
import { networkOf } from './proxy-trust.js';
import { limited, overloaded, RefusedError } from './refusal.js';
import type { Refusal } from './refusal.js';

export interface AdmissionControlParts {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly seats: Seats;
  /** Closes connections that have lost their seats to a newer one of the same user. */
  readonly replace: (userId: string, connections: readonly string[]) => Promise<void>;
}

/** How many may come, and whose: what this pod, an address and a user may have. Those who are in are never asked again. */
export class AdmissionControl {
  private pending = 0;
  private readonly rate: RateLimiter;
  private readonly lag: LoopLag | undefined;
  private readonly limits: ConnectionLimits;
  /** Set when the application closes: new connections are refused (CN4). */
  draining = false;

  constructor(private readonly parts: AdmissionControlParts) {
    const { handshake, maxConnections, maxConnectionsPerIp } = parts.options;
    this.rate = new RateLimiter(handshake.maxPerSecond, handshake.maxPerSecond, parts.clock.now());
    this.lag = handshake.maxLoopLagMs > 0 ? new LoopLag() : undefined;
    this.limits = new ConnectionLimits(maxConnections, maxConnectionsPerIp);
  }

  /** Nobody is let in any more, and nothing is measured. */
  stop(): void {
    this.draining = true;
    this.lag?.stop();
  }

  /** Why nobody is let in any more; asked again when a handshake is through, which may have taken its time. */
  refusalOfDraining(response: HandshakeResponse): Refusal | undefined {
    return this.draining ? overloaded(response, 'service_restart', 'shutting down') : undefined;
  }

  /** A handshake is under way, until {@link ended}, which has to be called whatever it came to. */
  began(): void {
    this.pending += 1;
  }

  /** One that {@link began} is decided about. */
  ended(): void {
    this.pending -= 1;
  }

  /** @throws RefusedError where the pod has too much to do. */
  check(response: HandshakeResponse): void {
    const { maxPending, maxPerSecond, maxLoopLagMs } = this.parts.options.handshake;
    const draining = this.refusalOfDraining(response);
    if (draining) throw new RefusedError(draining);
    if (maxPending > 0 && this.pending > maxPending) {
      throw new RefusedError(
        overloaded(response, 'overloaded', `more than handshake.maxPending (${maxPending}) under way`),
      );
    }
    if (!this.rate.take(this.parts.clock.now()).allowed) {
      throw new RefusedError(overloaded(response, 'overloaded', `more than handshake.maxPerSecond (${maxPerSecond})`));
    }
    if (this.lag && this.lag.ms > maxLoopLagMs) {
      const why = `the event loop is behind by more than handshake.maxLoopLagMs (${maxLoopLagMs})`;
      throw new RefusedError(overloaded(response, 'overloaded', why));
    }
  }

  /**
   * Takes a place among the connections of this pod.
   *
   * @throws RefusedError where none is left.
   */
  place(address: string, response: HandshakeResponse): Place {
    const place = this.limits.enter(networkOf(address));
    if (place === 'pod') throw new RefusedError(overloaded(response, 'overloaded', 'maxConnections are connected'));
    if (place === 'address') throw limited(response, `maxConnectionsPerIp are connected from ${address}`);
    return place;
  }

  /**
   * Takes a seat among the connections of a user, until the socket is closed. They are counted over all pods, so this is
   * asked last: it costs a round trip.
   *
   * @throws RefusedError where none is left and nobody yields.
   */
  async seat(identity: Identity, connection: string, socket: Duplex, response: HandshakeResponse): Promise<void> {
    const { options, seats, events } = this.parts;
    const { maxConnectionsPerUser: most, whenUserIsFull: whenFull } = options;
    if (most === 0 || identity.anonymous || socket.destroyed) return;
    const seating = await seats.take(identity.id, connection, { most, whenFull });
    if (!seating.granted) throw limited(response, 'the user has maxConnectionsPerUser connections');
    const release = (): void => events.watch('release of a seat', seats.release(identity.id, connection));
    if (socket.destroyed) release();
    else socket.once('close', release);
    // Also for one that has gone meanwhile: those seats are lost, and nobody may stay without one.
    if (seating.replaced.length > 0) await this.parts.replace(identity.id, seating.replaced);
  }
}
