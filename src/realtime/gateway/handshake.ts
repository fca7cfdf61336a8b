import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode } from '../../protocol/close-codes.js';
import { BEARER_SUBPROTOCOL, isRoomName, SUBPROTOCOL } from '../../protocol/names.js';
import { anonymousIdentity, cleanName, identityOf } from '../auth/identity.js';
import type { Claims, Identity } from '../auth/identity.js';
import type { RoomPolicy } from '../auth/room-policy.js';
import { offeredSubprotocols } from '../auth/token-finder.js';
import { EVERYWHERE } from '../bans/bans.js';
import type { Bans } from '../bans/bans.js';
import type { Broker } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import { ConnectionLimits } from '../limits/connection-limits.js';
import type { Place } from '../limits/connection-limits.js';
import { LoopLag } from '../limits/loop-lag.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import { BrokerUnavailableError, FrameError } from '../realtime.errors.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { ResolvedOptions } from '../realtime.options.js';
import { addressIn } from '../rooms/address.js';
import type { Address } from '../rooms/address.js';
import type { Seats } from '../seats/seats.js';
import { httpMessageOf, httpStatusOf, statusOf } from './frame-failure.js';
import type { GatewayBinding } from './gateway-binding.js';
import { prepareRequest, textOf, withoutToken } from './guarded-request.js';
import type { GuardedRequest } from './guarded-request.js';
import { HandshakeResponse } from './handshake-response.js';
import { policyAllows } from './join-permission.js';
import { isOriginAllowed } from './origin-check.js';
import { clientAddress, networkOf, proxyTrust } from './proxy-trust.js';
import type { ProxyTrust } from './proxy-trust.js';
import {
  badRoom,
  forbidden,
  limited,
  overloaded,
  refusal,
  RefusedError,
  unauthenticated,
  unavailable,
} from './refusal.js';
import type { Refusal } from './refusal.js';

/** A request that may be upgraded. */
export interface Admission {
  /** What the connection will be called. */
  readonly connection: string;
  readonly identity: Identity;
  readonly at: Address | undefined;
  readonly since: string | undefined;
  readonly me: string | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly user: unknown;
  readonly ip: string;
  /** Path and query without the token (HS7). */
  readonly url: string;
  readonly response: HandshakeResponse;
}

export interface HandshakeParts {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly broker: Broker;
  readonly bans: Bans;
  readonly policy: () => RoomPolicy;
  readonly seats: Seats;
  /** Closes connections that have lost their seats to a newer one of the same user. */
  readonly replace: (userId: string, connections: readonly string[]) => Promise<void>;
}

/** Decides whether a request becomes a connection: cheap checks first, and nothing is sent before every one said yes (HS3). */
export class Handshake {
  private pending = 0;
  private readonly rate: RateLimiter;
  private readonly lag: LoopLag | undefined;
  private readonly limits: ConnectionLimits;
  private readonly trust: ProxyTrust;
  /** Set when the application closes: new connections are refused (CN4). */
  draining = false;

  constructor(private readonly parts: HandshakeParts) {
    const { handshake, maxConnections, maxConnectionsPerIp } = parts.options;
    this.rate = new RateLimiter(handshake.maxPerSecond, handshake.maxPerSecond, parts.clock.now());
    this.lag = handshake.maxLoopLagMs > 0 ? new LoopLag() : undefined;
    this.limits = new ConnectionLimits(maxConnections, maxConnectionsPerIp);
    this.trust = proxyTrust(handshake.trustProxy);
  }

  /** Whom a request comes from. */
  addressOf(request: IncomingMessage): string {
    return clientAddress(request, this.trust);
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

  /** @returns the admission, or why there is none. Never rejects. */
  async decide(
    request: IncomingMessage,
    socket: Duplex,
    gateway: GatewayBinding,
    params: Readonly<Record<string, string>> | undefined,
  ): Promise<Admission | Refusal> {
    const response = new HandshakeResponse();
    this.pending += 1;
    try {
      return await this.steps(request, socket, gateway, params, response);
    } catch (error) {
      if (error instanceof RefusedError) return error.refusal;
      if (error instanceof BrokerUnavailableError) return unavailable(response, error.message);
      this.parts.events.emit('taskFailed', { task: `handshake of ${gateway.name}`, error });
      return refusal(response, 500, 'internal', 'internal', 'an exception, logged whole', {
        code: CloseCode.internal,
        reason: 'internal',
      });
    } finally {
      this.pending -= 1;
    }
  }

  private async steps(
    request: IncomingMessage,
    socket: Duplex,
    gateway: GatewayBinding,
    params: Readonly<Record<string, string>> | undefined,
    response: HandshakeResponse,
  ): Promise<Admission> {
    const { broker } = this.parts;
    this.checkLoad(response);
    if (hasRooms(gateway) && !broker.available) {
      throw new RefusedError(unavailable(response, 'the broker does not answer'));
    }
    if (!params) throw badRoom(response, 'the path has an escape that is no UTF-8');
    this.checkSubprotocols(request, response);
    this.checkOrigin(request, response);
    const place = this.place(this.addressOf(request), response);
    try {
      return await this.admit(request, socket, gateway, params, response, place);
    } catch (error) {
      place.release();
      throw error;
    }
  }

  /** From here on it has its place among the connections of this pod. */
  private async admit(
    request: IncomingMessage,
    socket: Duplex,
    gateway: GatewayBinding,
    params: Readonly<Record<string, string>>,
    response: HandshakeResponse,
    place: Place,
  ): Promise<Admission> {
    const guarded = prepareRequest(request, params, gateway.namespace, this.trust);
    const { query } = guarded;
    // A name that can't be one is refused before a guard spends anything on it.
    if (params['room'] !== undefined && !gateway.definition.room) checkRoomName(params['room'], response);
    await this.runGuards(gateway, guarded, response);
    const identity = this.identityOf(guarded, query, response);
    const at = this.roomOf(gateway, params, identity, response);
    await this.checkPermission(identity, at, response);
    const connection = randomUUID();
    socket.once('close', () => place.release());
    await this.seat(identity, connection, socket, response);
    if (socket.destroyed) throw new RefusedError(refusal(response, 499, 'gone', 'the client went away', 'gone'));
    return {
      connection,
      identity,
      at,
      since: textOf(query['since']),
      me: textOf(query['me']),
      params,
      query,
      user: guarded.user,
      ip: guarded.ip,
      url: withoutToken(request.url ?? ''),
      response,
    };
  }

  private checkLoad(response: HandshakeResponse): void {
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

  private place(address: string, response: HandshakeResponse): Place {
    const place = this.limits.enter(networkOf(address));
    if (place === 'pod') throw new RefusedError(overloaded(response, 'overloaded', 'maxConnections are connected'));
    if (place === 'address') throw limited(response, `maxConnectionsPerIp are connected from ${address}`);
    return place;
  }

  /** A user's connections are counted over all pods, so this is asked last: it costs a round trip. */
  private async seat(
    identity: Identity,
    connection: string,
    socket: Duplex,
    response: HandshakeResponse,
  ): Promise<void> {
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

  private checkSubprotocols(request: IncomingMessage, response: HandshakeResponse): void {
    const offered = offeredSubprotocols(request);
    const bearer = offered.some((name) => name.toLowerCase().startsWith(BEARER_SUBPROTOCOL));
    if (!bearer || offered.includes(SUBPROTOCOL)) return;
    const message = `a subprotocol "${BEARER_SUBPROTOCOL}…" needs "${SUBPROTOCOL}" beside it: offer both`;
    throw new RefusedError(refusal(response, 400, 'bad_subprotocol', message, message));
  }

  private checkOrigin(request: IncomingMessage, response: HandshakeResponse): void {
    const { allowedOrigins } = this.parts.options.handshake;
    const production = process.env['NODE_ENV'] === 'production';
    if (isOriginAllowed(request, { allowed: allowedOrigins, trust: this.trust, production })) return;
    const why = `origin ${JSON.stringify(request.headers.origin)} is not among handshake.allowedOrigins (ALLOWED_ORIGINS), or, without a list, not this host`;
    throw new RefusedError(
      refusal(response, 403, 'origin', 'this origin may not connect', why, {
        code: CloseCode.policyViolation,
        reason: 'origin',
      }),
    );
  }

  private async runGuards(
    gateway: GatewayBinding,
    request: GuardedRequest,
    response: HandshakeResponse,
  ): Promise<void> {
    const { guardTimeoutMs } = this.parts.options.handshake;
    const checked = gateway.check(request, response);
    let allowed: boolean;
    try {
      allowed = guardTimeoutMs > 0 ? await this.inTime(checked, guardTimeoutMs, response) : await checked;
    } catch (error) {
      if (error instanceof RefusedError || error instanceof BrokerUnavailableError) throw error;
      throw this.refusalOf(error, gateway, response);
    }
    if (!allowed) throw forbidden(response, 'a guard said no', response.statusCode);
  }

  private async inTime(checked: Promise<boolean>, timeoutMs: number, response: HandshakeResponse): Promise<boolean> {
    let expire: (error: Error) => void = () => undefined;
    const timer = this.parts.clock.after(timeoutMs, () =>
      expire(
        new RefusedError(unavailable(response, `the guards took longer than handshake.guardTimeoutMs (${timeoutMs})`)),
      ),
    );
    const expired = new Promise<never>((_, reject) => {
      expire = reject;
    });
    try {
      return await Promise.race([checked, expired]);
    } finally {
      timer.cancel();
      checked.catch(() => undefined); // Told by the race, or too late: the request was answered with 503.
    }
  }

  private refusalOf(error: unknown, gateway: GatewayBinding, response: HandshakeResponse): unknown {
    const status = error instanceof FrameError ? statusOf(error.code) : httpStatusOf(error);
    if (status === undefined || (status >= 500 && status !== 503)) return error;
    const message = error instanceof FrameError ? error.message : httpMessageOf(error);
    if (status === 503) {
      return new RefusedError(unavailable(response, `a guard of ${gateway.name} said 503: ${message}`));
    }
    if (status === 401) return unauthenticated(response, message);
    if (status === 429) {
      return limited(response, message);
    }
    return forbidden(response, message, status);
  }

  private identityOf(request: GuardedRequest, query: Admission['query'], response: HandshakeResponse): Identity {
    const { user } = request;
    if (user === undefined || user === null || user === false) {
      return anonymousIdentity(cleanName(textOf(query['name'])));
    }
    const claims = user as Claims;
    const identity = identityOf(claims, this.parts.options.auth.identity?.(claims));
    if (identity) return identity;
    throw unauthenticated(response, 'expected "sub", a text of 1 to 128 characters, in the token');
  }

  private roomOf(
    gateway: GatewayBinding,
    params: Readonly<Record<string, string>>,
    identity: Identity,
    response: HandshakeResponse,
  ): Address | undefined {
    const room = gateway.definition.room ? gateway.definition.room(params, identity) : params['room'];
    if (room === undefined) return undefined;
    checkRoomName(room, response);
    return addressIn(gateway.namespace, room);
  }

  private async checkPermission(
    identity: Identity,
    at: Address | undefined,
    response: HandshakeResponse,
  ): Promise<void> {
    const { bans } = this.parts;
    const scopes = at ? [EVERYWHERE, at.address] : [EVERYWHERE];
    if (!identity.anonymous && (await bans.remainingMs(scopes, identity.id)) > 0) {
      throw forbidden(response, 'disconnected or kicked a short while ago', 403);
    }
    const allowed = at === undefined || (await policyAllows(this.parts, identity, at));
    if (!allowed) throw forbidden(response, 'the room policy said no', 403);
  }
}

/** Says which of the two it is. */
export function isRefusal(decision: Admission | Refusal): decision is Refusal {
  return 'status' in decision;
}

/** A `text` gateway without rooms needs nothing that the broker has. */
function hasRooms({ codec, definition, pattern }: GatewayBinding): boolean {
  return codec === 'json' || definition.room !== undefined || pattern.params.includes('room');
}

function checkRoomName(room: string, response: HandshakeResponse): void {
  if (!isRoomName(room)) throw badRoom(response, 'the name has a character that no room name has, or is too long');
}
