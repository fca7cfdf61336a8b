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
import type { Place } from '../limits/connection-limits.js';
import { BrokerUnavailableError } from '../realtime.errors.js';
import { addressIn } from '../rooms/address.js';
import type { Address } from '../rooms/address.js';
import { AdmissionControl } from './admission-control.js';
import type { AdmissionControlParts } from './admission-control.js';
import type { GatewayBinding } from './gateway-binding.js';
import { fieldsWithoutToken, prepareRequest, textOf, urlWithoutToken } from './guarded-request.js';
import type { GuardedRequest } from './guarded-request.js';
import { GuardRunner } from './guard-runner.js';
import { HandshakeResponse } from './handshake-response.js';
import { policyAllows } from './join-permission.js';
import { isOriginAllowed } from './origin-check.js';
import { clientAddress, proxyTrust } from './proxy-trust.js';
import type { ProxyTrust } from './proxy-trust.js';
import { badRoom, forbidden, refusal, RefusedError, unauthenticated, unavailable } from './refusal.js';
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
  /** Without the token. */
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly user: unknown;
  readonly ip: string;
  /** Path and query without the token (HS7). */
  readonly url: string;
  readonly response: HandshakeResponse;
  /** The connection's among those of this pod. Whoever has the admission gives it back. */
  readonly place: Place;
}

/** A handshake that has its place, and is not decided about. */
interface PlacedHandshake extends Pick<Admission, 'params' | 'ip' | 'response' | 'place'> {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly gateway: GatewayBinding;
}

export interface HandshakeParts extends AdmissionControlParts {
  readonly broker: Broker;
  readonly bans: Bans;
  readonly policy: () => RoomPolicy;
}

/** Decides whether a request becomes a connection: cheap checks first, and nothing is sent before every one said yes (HS3). */
export class Handshake {
  /** Who decides how many may come. */
  readonly control: AdmissionControl;
  private readonly guards: GuardRunner;
  private readonly trust: ProxyTrust;

  constructor(private readonly parts: HandshakeParts) {
    const { handshake } = parts.options;
    this.control = new AdmissionControl(parts);
    this.guards = new GuardRunner(parts.clock, handshake.guardTimeoutMs);
    this.trust = proxyTrust(handshake.trustProxy);
  }

  /** Whom a request comes from. */
  addressOf(request: IncomingMessage): string {
    return clientAddress(request, this.trust);
  }

  /** @returns the admission, or why there is none. Never rejects. */
  async decide(
    request: IncomingMessage,
    socket: Duplex,
    gateway: GatewayBinding,
    params: Readonly<Record<string, string>> | undefined,
  ): Promise<Admission | Refusal> {
    const response = new HandshakeResponse();
    let place: Place | undefined;
    this.control.began();
    try {
      const known = this.checkRequest(request, gateway, params, response);
      const ip = this.addressOf(request);
      place = this.control.place(ip, response);
      return await this.admit({ request, socket, gateway, params: known, response, ip, place });
    } catch (error) {
      place?.release();
      return this.refusalOf(error, gateway, response);
    } finally {
      this.control.ended();
    }
  }

  /** What is seen without asking anybody. @returns the parameters of the path. */
  private checkRequest(
    request: IncomingMessage,
    gateway: GatewayBinding,
    params: Readonly<Record<string, string>> | undefined,
    response: HandshakeResponse,
  ): Readonly<Record<string, string>> {
    this.control.check(response);
    if (hasRooms(gateway) && !this.parts.broker.available) {
      throw new RefusedError(unavailable(response, 'the broker does not answer'));
    }
    if (!params) throw badRoom(response, 'the path has an escape that is no UTF-8');
    this.checkSubprotocols(request, response);
    this.checkOrigin(request, response);
    return params;
  }

  private refusalOf(error: unknown, gateway: GatewayBinding, response: HandshakeResponse): Refusal {
    if (error instanceof RefusedError) return error.refusal;
    if (error instanceof BrokerUnavailableError) return unavailable(response, error.message);
    this.parts.events.emit('taskFailed', { task: `handshake of ${gateway.name}`, error });
    return refusal(response, 500, 'internal', 'internal', 'an exception, logged whole', {
      code: CloseCode.internal,
      reason: 'internal',
    });
  }

  /** From here on it has its place among the connections of this pod. */
  private async admit({ request, socket, gateway, params, response, ip, place }: PlacedHandshake): Promise<Admission> {
    const guarded = prepareRequest(request, params, gateway.namespace, ip);
    const { query } = guarded;
    // A name that can't be one is refused before a guard spends anything on it.
    if (params['room'] !== undefined && !gateway.definition.room) checkRoomName(params['room'], response);
    await this.guards.run(gateway, guarded, response);
    const identity = this.identityOf(guarded, query, response);
    const at = this.roomOf(gateway, params, identity, response);
    await this.checkPermission(identity, at, response);
    const connection = randomUUID();
    await this.control.seat(identity, connection, socket, response);
    if (socket.destroyed) throw new RefusedError(refusal(response, 499, 'gone', 'the client went away', 'gone'));
    return {
      connection,
      identity,
      at,
      since: textOf(query['since']),
      me: textOf(query['me']),
      params,
      query: fieldsWithoutToken(query),
      user: guarded.user,
      ip: guarded.ip,
      url: urlWithoutToken(request),
      response,
      place,
    };
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
