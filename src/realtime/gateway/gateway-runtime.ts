import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { CloseCode } from '../../protocol/close-codes.js';
import { SUBPROTOCOL } from '../../protocol/names.js';
import type { Bans } from '../bans/bans.js';
import type { Broker } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import type { BufferBudget } from '../connection/buffer-budget.js';
import { Connection } from '../connection/connection.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import { Turns } from '../connection/turns.js';
import { ErrorBudget } from '../limits/error-budget.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { ResolvedOptions } from '../realtime.options.js';
import { Memberships } from '../rooms/memberships.js';
import type { RoomKind } from '../rooms/room-kind.js';
import type { RoomJoiner } from '../rooms/room-joiner.js';
import type { FrameDispatcher } from './frame-dispatcher.js';
import type { GatewayBinding } from './gateway-binding.js';
import { headerLines } from './handshake-response.js';
import { isRefusal } from './handshake.js';
import type { Admission, Handshake } from './handshake.js';
import { NamespaceChannels } from './namespace-channels.js';
import type { Refusal } from './refusal.js';
import { RefusalWriter } from './refusal-writer.js';
import { RoomEntry } from './room-entry.js';
import { welcomeFrame } from './welcome-frame.js';
import { Lanes } from './lanes.js';
import { pathOf } from './upgrade-router.js';
import type { ClaimedUpgrade } from './upgrade-router.js';
import type { BoundHandler, Session } from './session.js';
import type { TextDispatcher } from './text-dispatcher.js';

export interface GatewayRuntimeParts {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly broker: Broker;
  readonly bans: Bans;
  readonly connections: ConnectionRegistry;
  readonly budget: BufferBudget;
  /** Whether there is a native writer, and it may be used. */
  readonly writesDirectly: boolean;
  readonly handshake: Handshake;
  readonly joiner: RoomJoiner;
  readonly frames: FrameDispatcher;
  readonly texts: TextDispatcher;
}

const CLOSE_ALL_TIMEOUT_MS = 3_000;
const HOOKS_TIMEOUT_MS = 8_000;
/** What the rate does not count must not be free: WebSocket pings and `ping`, `pong`, `auth` frames within 60 s. */
const MAX_CONTROLS_PER_MINUTE = 600;

/** Takes upgrades that are ours from the request to the end of the connection. */
export class GatewayRuntime {
  private readonly sessions = new Map<Connection, Session>();
  private readonly endings = new Map<Connection, Promise<void>>();
  private readonly bindings = new Set<GatewayBinding>();
  private readonly channels: NamespaceChannels;
  private readonly refusals: RefusalWriter;
  private readonly entry: RoomEntry;
  private readonly wss: WebSocketServer;
  private readonly answerHeaders = new WeakMap<IncomingMessage, readonly string[]>();
  /** Outlive their gateways: whoever publishes while the process ends does it as before. */
  private readonly kinds: Map<string, RoomKind>;
  private started = false;

  constructor(private readonly parts: GatewayRuntimeParts) {
    const { maxFrameBytes, compression, latestNamespaces } = parts.options;
    this.kinds = new Map(latestNamespaces.map((namespace) => [namespace, 'latest']));
    this.wss = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: maxFrameBytes,
      perMessageDeflate: compression,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.entry = new RoomEntry(parts);
    this.channels = new NamespaceChannels(parts);
    this.refusals = new RefusalWriter(this.wss, parts.options.handshake.refusal);
    this.wss.on('headers', (headers, request) => headers.push(...(this.answerHeaders.get(request) ?? [])));
  }

  /** Takes a gateway's connections from now on. */
  add(binding: GatewayBinding): void {
    this.bindings.add(binding);
    this.kinds.set(
      binding.namespace,
      binding.codec === 'text' ? 'nothing' : (binding.definition.roomKind ?? 'history'),
    );
    if (this.started) this.channels.open(binding.namespace);
  }

  /** What the rooms of a namespace keep: as its gateway says, or the options of a process that does not have it. */
  kindOf(namespace: string): RoomKind {
    return this.kinds.get(namespace) ?? 'history';
  }

  /** The broker is open. */
  start(): void {
    this.started = true;
    for (const binding of this.bindings) this.channels.open(binding.namespace);
  }

  /** Takes an upgrade. Whatever goes wrong is told, and ends that socket alone. */
  claim(upgrade: ClaimedUpgrade): void {
    const opened = this.open(upgrade).catch((error: unknown) => {
      upgrade.socket.destroy();
      throw error;
    });
    this.parts.events.watch('handshake', opened);
  }

  /** Decides about one upgrade and, if nothing speaks against it, opens the connection. */
  private async open({ request, socket, head, gateway, params }: ClaimedUpgrade): Promise<void> {
    const onSocketError = (): void => void socket.destroy();
    socket.on('error', onSocketError);
    const { handshake } = this.parts;
    const decided = await handshake.decide(request, socket, gateway, params);
    const decision = handshake.control.refusalOfDraining(decided.response) ?? decided;
    socket.off('error', onSocketError);
    if (isRefusal(decision)) {
      this.tellRefusal(request, decision);
      return this.refusals.write(request, socket, head, decision);
    }
    this.answerHeaders.set(request, headerLines(decision.response.recorded));
    socket.cork(); // The answer leaves with what the connection is sent first.
    this.wss.handleUpgrade(request, socket, head, (ws) => {
      this.parts.events.watch('opening of a connection', this.accept(ws, request, socket, gateway, decision));
    });
  }

  /** Nest binds a gateway's handlers to a connection. */
  bindHandlers(connection: Connection, handlers: readonly { message: unknown; callback: BoundHandler }[]): void {
    const session = this.sessions.get(connection);
    if (!session) return;
    session.gateway.handlerPlaces ??= new Map(handlers.map(({ message }, place) => [String(message), place]));
    session.handlers = handlers.map(({ callback }) => callback);
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

  /** Whether there is a gateway that anybody could connect to. */
  hasGateways(): boolean {
    return this.bindings.size > 0;
  }

  /** New handshakes are answered 503 from now on. */
  refuseHandshakes(): void {
    this.parts.handshake.control.draining = true;
  }

  /** Resolves when the frames that were read from a connection are handled and answered. */
  async settled(connection: Connection): Promise<void> {
    await this.sessions.get(connection)?.lanes.settled();
  }

  /** Refuses new connections, closes those of a gateway with 1001, and waits until their hooks have run, 8 s at most. */
  async close(binding: GatewayBinding): Promise<void> {
    this.parts.handshake.control.stop();
    this.channels.close();
    const mine = [...this.sessions.values()].filter((session) => session.gateway === binding);
    for (const { connection } of mine) connection.close(CloseCode.goingAway, 'going_away');
    const late = setTimeout(() => mine.forEach(({ connection }) => connection.terminate()), CLOSE_ALL_TIMEOUT_MS);
    await this.waitForHooks(
      binding,
      mine.map(async ({ connection }) => this.endings.get(connection)),
    );
    clearTimeout(late);
    this.bindings.delete(binding);
  }

  /** A hook that never ends must not keep the application from ending. */
  private async waitForHooks(binding: GatewayBinding, ended: readonly Promise<void>[]): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        const error = new Error(`onLeave or handleDisconnect did not end within ${HOOKS_TIMEOUT_MS} ms`);
        this.parts.events.emit('taskFailed', { task: `closing ${binding.name}`, error });
        resolve();
      }, HOOKS_TIMEOUT_MS);
    });
    await Promise.race([Promise.all(ended), tooLong]);
    clearTimeout(timer);
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
      id: admission.connection,
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
      schedule: gateway.schedule,
      writesDirectly: this.parts.writesDirectly,
      budget: this.parts.budget,
      onHookFailed: (hook, error) => events.emit('hookFailed', { ...connection.facts(), hook, error }),
    });
    connection.paused = true;
    connection.outbox.uncorkWithTurn();
    const session = this.sessionOf(connection, gateway, admission);
    this.sessions.set(connection, session);
    connections.add(connection);
    const ended = this.listen(ws, session);
    this.endings.set(connection, ended);
    events.emit('connectionOpened', connection.facts(admission.at?.room));
    connection.sendFrame(welcomeFrame(connection, options));
    gateway.connect?.(connection);
    await this.entry.enter(session, admission);
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
      controls: new ErrorBudget(MAX_CONTROLS_PER_MINUTE),
      pathRoom: admission.at?.room,
      handlers: [],
      historyTurns: new Turns(),
    };
    return session;
  }

  /** @returns when the connection is gone and its hooks have run. */
  private listen(ws: WebSocket, session: Session): Promise<void> {
    const { connection, gateway } = session;
    const { clock, frames, texts } = this.parts;
    const dispatcher = gateway.codec === 'json' ? frames : texts;
    nameBreach(ws, connection);
    ws.on('message', (data, isBinary) => {
      const now = clock.now();
      connection.heardAt = now;
      dispatcher.receive(session, data as Buffer, isBinary, now);
    });
    const control = (): void => {
      const now = clock.now();
      connection.heardAt = now;
      if (session.controls.spend(now)) connection.close(CloseCode.rateLimited, 'rate_limited');
    };
    ws.on('ping', control);
    ws.on('pong', () => {
      if (connection.outbox.pingsOwed === 0) return control(); // It proves nothing of what was sent.
      connection.outbox.pingsOwed -= 1;
      connection.readOn(clock.now());
    });
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
    const { closedWith, breach } = connection;
    connection.closedCleanly = code === CloseCode.normal || closedWith?.code === CloseCode.kicked;
    connection.outbox.close(true);
    connections.remove(connection);
    events.emit('connectionClosed', {
      ...connection.facts(session.pathRoom),
      code: closedWith?.code ?? breach ?? code,
      reason: closedWith?.reason ?? reason,
      durationMs: clock.now() - connection.openedAt,
    });
    connection.tellClosed();
    await Promise.all(memberships.list().map((member) => joiner.leave(member, memberships, gateway.hooks, 'closed')));
    this.sessions.delete(connection);
    this.endings.delete(connection);
  }

  private tellRefusal(request: IncomingMessage, { status, code, why }: Refusal): void {
    this.parts.events.emit('handshakeRefused', {
      status,
      code,
      why,
      path: pathOf(request.url ?? ''),
      ip: this.parts.handshake.addressOf(request),
      origin: request.headers.origin,
    });
  }
}

/**
 * `ws` closes by itself a connection whose peer breaks the standard, or whose message is too large. What it closed it
 * with is kept, the peer need not answer; for a message that is too large the reason is ours (CL6).
 */
function nameBreach(ws: WebSocket, connection: Connection): void {
  const close = ws.close.bind(ws);
  ws.close = (code?: number, reason?: string | Buffer): void => {
    connection.breach ??= code;
    connection.outbox.close();
    close(code, reason ?? (code === CloseCode.tooBig ? 'too_big' : undefined));
  };
}
