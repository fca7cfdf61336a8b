import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { CloseCode } from '../../protocol/close-codes.js';
import { SUBPROTOCOL } from '../../protocol/names.js';
import { EVERYWHERE } from '../bans/bans.js';
import type { Bans } from '../bans/bans.js';
import type { Broker } from '../broker/broker.js';
import type { Clock, Timer } from '../clock.js';
import { Connection } from '../connection/connection.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import { encodeTextMessage } from '../connection/ws-frame.js';
import { ErrorBudget } from '../limits/error-budget.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import { BrokerUnavailableError, FrameError } from '../realtime.errors.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { ResolvedOptions } from '../realtime.options.js';
import { everybodyIn, userAddress } from '../rooms/address.js';
import type { Address } from '../rooms/address.js';
import { deliverToAll } from '../rooms/fan-out.js';
import { Memberships } from '../rooms/memberships.js';
import type { RoomJoiner } from '../rooms/room-joiner.js';
import type { FrameDispatcher } from './frame-dispatcher.js';
import type { GatewayBinding } from './gateway-binding.js';
import { isRefusal } from './handshake.js';
import type { Admission, Handshake, Refusal } from './handshake.js';
import { refuseByHttp } from './handshake-response.js';
import { Lanes } from './lanes.js';
import { pathOf } from './upgrade-router.js';
import type { ClaimedUpgrade } from './upgrade-router.js';
import type { BoundHandler, Session } from './session.js';
import type { TextDispatcher } from './text-dispatcher.js';
import { offeredSubprotocols } from '../auth/token-finder.js';
import { peerAddress } from './origin-check.js';

export interface GatewayRuntimeParts {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly broker: Broker;
  readonly bans: Bans;
  readonly connections: ConnectionRegistry;
  readonly handshake: Handshake;
  readonly joiner: RoomJoiner;
  readonly frames: FrameDispatcher;
  readonly texts: TextDispatcher;
}

const REFUSED_CLOSE_TIMEOUT_MS = 2_000;
const CLOSE_ALL_TIMEOUT_MS = 3_000;
const SUBSCRIBE_RETRY_MS = 1_000;

/** Takes upgrades that are ours from the request to the end of the connection. */
export class GatewayRuntime {
  private readonly sessions = new Map<Connection, Session>();
  private readonly endings = new Map<Connection, Promise<void>>();
  private readonly bindings = new Set<GatewayBinding>();
  private readonly retries = new Set<Timer>();
  private readonly wss: WebSocketServer;
  private readonly answerHeaders = new WeakMap<IncomingMessage, readonly string[]>();
  private started = false;

  constructor(private readonly parts: GatewayRuntimeParts) {
    const { maxFrameBytes, compression } = parts.options;
    this.wss = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: maxFrameBytes,
      perMessageDeflate: compression,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.wss.on('headers', (headers, request) => headers.push(...(this.answerHeaders.get(request) ?? [])));
  }

  /** Takes a gateway's connections from now on. */
  add(binding: GatewayBinding): void {
    this.bindings.add(binding);
    if (this.started) this.subscribeEverybody(binding);
  }

  /** Whether a namespace sends the application's bytes and nothing else. */
  isPlain(namespace: string): boolean {
    for (const binding of this.bindings) {
      if (binding.namespace === namespace) return binding.codec === 'text';
    }
    return false;
  }

  /** The broker is open. */
  start(): void {
    this.started = true;
    for (const binding of this.bindings) this.subscribeEverybody(binding);
  }

  /** Decides about one upgrade and, if nothing speaks against it, opens the connection. Never rejects. */
  async open({ request, socket, head, gateway, params }: ClaimedUpgrade): Promise<void> {
    const onSocketError = (): void => void socket.destroy();
    socket.on('error', onSocketError);
    const { handshake } = this.parts;
    const decided = await handshake.decide(request, socket, gateway, params);
    const decision = handshake.refusalOfDraining(decided.response) ?? decided;
    socket.off('error', onSocketError);
    if (isRefusal(decision)) return this.refuse(request, socket, head, decision);
    this.answerHeaders.set(request, headerLines(decision));
    this.wss.handleUpgrade(request, socket, head, (ws) => {
      this.parts.events.watch('opening of a connection', this.accept(ws, request, socket, gateway, decision));
    });
  }

  /** Nest binds a gateway's handlers to a connection. */
  bindHandlers(connection: Connection, handlers: readonly { message: unknown; callback: BoundHandler }[]): void {
    const session = this.sessions.get(connection);
    for (const { message, callback } of handlers) session?.handlers.set(String(message), callback);
  }

  /** Takes a connection out of a room because it was kicked (CN6). */
  evict(connection: Connection, address: string): void {
    const session = this.sessions.get(connection);
    this.parts.joiner.refuseEntering(connection, address);
    const member = session?.memberships.list().find(({ room }) => room.at.address === address);
    if (!session || !member) return;
    this.parts.events.watch(
      'kick',
      this.parts.joiner.leave(member, session.memberships, session.gateway.hooks, 'kicked'),
    );
    if (member.ofPath) connection.close(CloseCode.kicked, 'kicked');
  }

  /** Refuses new connections, closes those of a gateway with 1001, and waits until their hooks have run. */
  async close(binding: GatewayBinding): Promise<void> {
    this.parts.handshake.draining = true;
    for (const timer of this.retries) timer.cancel();
    const mine = [...this.sessions.values()].filter((session) => session.gateway === binding);
    for (const { connection } of mine) connection.close(CloseCode.goingAway, 'going_away');
    const ended = mine.map(async ({ connection }) => this.endings.get(connection));
    const late = setTimeout(() => mine.forEach(({ connection }) => connection.terminate()), CLOSE_ALL_TIMEOUT_MS);
    await Promise.all(ended);
    clearTimeout(late);
    this.bindings.delete(binding);
  }

  private async accept(
    ws: WebSocket,
    request: IncomingMessage,
    socket: Duplex,
    gateway: GatewayBinding,
    admission: Admission,
  ): Promise<void> {
    const { clock, connections, events, options } = this.parts;
    ws.pause();
    const connection = new Connection(ws, socket, {
      id: randomUUID(),
      namespace: gateway.namespace,
      identity: admission.identity,
      codec: gateway.codec,
      headers: request.headers,
      url: admission.url,
      ip: admission.ip,
      params: admission.params,
      query: admission.query,
      user: admission.user,
      openedAt: clock.now(),
      maxBufferedBytes: options.maxBufferedBytes,
      onHookFailed: (hook, error) => events.emit('hookFailed', { ...connection.facts(), hook, error }),
    });
    connection.paused = true;
    const session = this.sessionOf(connection, gateway, admission);
    this.sessions.set(connection, session);
    connections.add(connection);
    const ended = this.listen(ws, session);
    this.endings.set(connection, ended);
    events.emit('connectionOpened', connection.facts(admission.at?.room));
    connection.sendFrame(this.welcome(connection));
    gateway.connect?.(connection);
    try {
      await this.enterRooms(session, admission);
    } catch (error) {
      closeFor(connection, error, events);
    }
    connection.resume(clock.now());
    await ended;
  }

  private sessionOf(connection: Connection, gateway: GatewayBinding, admission: Admission): Session {
    const { clock, frames, options } = this.parts;
    const session: Session = {
      connection,
      gateway,
      memberships: new Memberships(),
      lanes: new Lanes(() => {
        if (gateway.codec === 'json') frames.settled(session);
      }),
      limiter: new RateLimiter(options.messagesPerSecond, options.messagesBurst, clock.now()),
      errors: new ErrorBudget(options.maxErrorsPerMinute),
      pathRoom: admission.at?.room,
      handlers: new Map(),
    };
    return session;
  }

  /** @returns when the connection is gone and its hooks have run. */
  private listen(ws: WebSocket, session: Session): Promise<void> {
    const { connection, gateway } = session;
    const { clock, frames, texts } = this.parts;
    const dispatcher = gateway.codec === 'json' ? frames : texts;
    const heard = (): void => {
      connection.heardAt = clock.now();
    };
    nameTooBig(ws, connection);
    ws.on('message', (data, isBinary) => {
      heard();
      dispatcher.receive(session, data as Buffer, isBinary);
    });
    ws.on('ping', heard);
    ws.on('pong', heard);
    ws.on('error', () => undefined); // A fault of the peer or the network: `close` follows and says the code.
    return new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        this.end(session, code, reason.toString())
          .catch((error: unknown) => this.parts.events.emit('taskFailed', { task: 'end of a connection', error }))
          .finally(resolve);
      });
    });
  }

  private async end(session: Session, code: number, reason: string): Promise<void> {
    const { connection, memberships, gateway } = session;
    const { connections, events, joiner, clock } = this.parts;
    const { closedWith } = connection;
    connection.closedCleanly = code === CloseCode.normal || closedWith?.code === CloseCode.kicked;
    connection.outbox.close(true);
    connections.remove(connection);
    events.emit('connectionClosed', {
      ...connection.facts(session.pathRoom),
      code: closedWith?.code ?? code,
      reason: closedWith?.reason ?? reason,
      durationMs: clock.now() - connection.openedAt,
    });
    connection.tellClosed();
    await Promise.all(memberships.list().map((member) => joiner.leave(member, memberships, gateway.hooks, 'closed')));
    this.sessions.delete(connection);
    this.endings.delete(connection);
  }

  private async enterRooms(session: Session, admission: Admission): Promise<void> {
    const { connection, gateway } = session;
    const { identity } = connection;
    if (gateway.definition.userRoom && gateway.codec === 'json' && !identity.anonymous) {
      await this.enter(session, userAddress(identity.id), admission.me, false);
    }
    if (admission.at && connection.open) await this.enter(session, admission.at, admission.since, true);
    if (!admission.at && !(await this.isNotBanned(session, [EVERYWHERE]))) connection.close(CloseCode.kicked, 'kicked');
  }

  /** Asked again once the connection can be found: a kick that came during the handshake is not missed. */
  private async isNotBanned({ connection: { identity } }: Session, scopes: readonly string[]): Promise<boolean> {
    return identity.anonymous || (await this.parts.bans.remainingMs(scopes, identity.id)) === 0;
  }

  private enter(session: Session, at: Address, since: string | undefined, ofPath: boolean): Promise<void> {
    const { connection, memberships, gateway } = session;
    const permit = (): Promise<boolean> => this.isNotBanned(session, ofPath ? [EVERYWHERE, at.address] : [EVERYWHERE]);
    return this.parts.joiner.join({
      connection,
      memberships,
      hooks: gateway.hooks,
      at,
      since,
      ofPath,
      permit,
      id: undefined,
    });
  }

  private welcome(connection: Connection): object {
    const { options } = this.parts;
    const { id, name, expiresAt } = connection.identity;
    const unlimited = options.messagesPerSecond === 0;
    return {
      type: 'welcome',
      connection: connection.id,
      user: { id, name: name || 'anonymous' },
      heartbeatMs: options.heartbeatMs,
      maxFrameBytes: options.maxFrameBytes,
      dedupeTtlMs: options.dedupeTtlMs,
      limits: {
        framesPerSecond: options.messagesPerSecond,
        burst: unlimited ? 0 : options.messagesBurst,
        rooms: options.maxRoomsPerConnection,
      },
      expiresAt,
    };
  }

  /** HS4: who can read a close code gets one, everybody else an HTTP answer. */
  private refuse(request: IncomingMessage, socket: Duplex, head: Buffer, refusal: Refusal): void {
    const { options, events } = this.parts;
    const { status, code, message, why, close, response } = refusal;
    events.emit('handshakeRefused', {
      status,
      code,
      why,
      path: pathOf(request.url ?? ''),
      ip: peerAddress(request, options.handshake.trustProxy),
      origin: request.headers.origin,
    });
    socket.on('error', () => undefined); // The client is gone: there is nobody to be told.
    const face = options.handshake.refusal;
    const readsCloses = request.headers.origin !== undefined || offeredSubprotocols(request).includes(SUBPROTOCOL);
    if (!close || face === 'http' || (face === 'auto' && !readsCloses)) {
      return refuseByHttp(socket, status, code, message, response.recorded);
    }
    this.wss.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => undefined); // Refused already; what the peer does wrong changes nothing.
      ws.close(close.code, close.reason);
      setTimeout(() => ws.terminate(), REFUSED_CLOSE_TIMEOUT_MS).unref();
    });
  }

  private subscribeEverybody(binding: GatewayBinding): void {
    const { broker, connections, clock } = this.parts;
    const { address } = everybodyIn(binding.namespace);
    const subscribed = broker.subscribe(address, (message) => {
      const recipients = connections.list(binding.namespace).map((connection) => ({ connection }));
      deliverToAll(recipients, encodeTextMessage(message.payload), message.except);
    });
    subscribed.catch(() => {
      // Not reachable yet, which the broker itself tells: tried again until it is.
      const timer = clock.after(SUBSCRIBE_RETRY_MS, () => {
        this.retries.delete(timer);
        this.subscribeEverybody(binding);
      });
      this.retries.add(timer);
    });
  }
}

/** `ws` closes a connection whose message is too large by itself; the reason is ours (CL6). */
function nameTooBig(ws: WebSocket, connection: Connection): void {
  const close = ws.close.bind(ws);
  ws.close = (code?: number, reason?: string | Buffer): void => {
    connection.outbox.close();
    close(code, reason ?? (code === CloseCode.tooBig ? 'too_big' : undefined));
  };
}

/** CN5: what becomes of a connection that could not come into the room of its path. */
function closeFor(connection: Connection, error: unknown, events: RealtimeEvents): void {
  if (error instanceof BrokerUnavailableError) return connection.close(CloseCode.tryAgainLater, 'unavailable');
  if (error instanceof FrameError && error.code === 'forbidden') return connection.close(CloseCode.kicked, 'kicked');
  if (!(error instanceof Error && error.name === 'JoinHookError')) {
    events.emit('taskFailed', { task: 'joining the room of the path', error });
  }
  connection.close(CloseCode.internal, 'internal');
}

function headerLines({ response }: Admission): string[] {
  return [...response.recorded].flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => `${name}: ${one.replace(/[\r\n]/g, ' ')}`),
  );
}
