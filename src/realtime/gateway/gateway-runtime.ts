import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Server } from 'ws';
import { CloseCode } from '../../protocol/close-codes.js';
import { SUBPROTOCOL } from '../../protocol/names.js';
import type { Bans } from '../bans/bans.js';
import type { Broker } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import type { BufferBudget } from '../connection/buffer-budget.js';
import { Connection } from '../connection/connection.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { ResolvedOptions } from '../realtime.options.js';
import type { RoomKind } from '../rooms/room-kind.js';
import type { RoomJoiner } from '../rooms/room-joiner.js';
import type { FrameDispatcher } from './frame-dispatcher.js';
import type { GatewayBinding } from './gateway-binding.js';
import { headerLines, refuseAtEnd } from './handshake-response.js';
import { isRefusal } from './handshake.js';
import type { Admission, Handshake } from './handshake.js';
import { keptHeaders } from './kept-headers.js';
import { NamespaceChannels } from './namespace-channels.js';
import type { Refusal } from './refusal.js';
import { RefusalWriter } from './refusal-writer.js';
import { RoomEntry } from './room-entry.js';
import { welcomeFrame } from './welcome-frame.js';
import { pathOf } from './upgrade-router.js';
import type { ClaimedUpgrade } from './upgrade-router.js';
import { Session } from './session.js';
import type { BoundHandler } from './session.js';
import { SessionListener, SessionSocket } from './session-socket.js';
import { Sessions } from './sessions.js';
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

/** Takes upgrades that are ours, and makes connections of them. */
export class GatewayRuntime {
  private readonly sessions: Sessions;
  private readonly listener: SessionListener;
  private readonly bindings = new Set<GatewayBinding>();
  private readonly channels: NamespaceChannels;
  private readonly refusals: RefusalWriter;
  private readonly entry: RoomEntry;
  private readonly wss: Server<typeof SessionSocket>;
  private readonly answerHeaders = new WeakMap<IncomingMessage, readonly string[]>();
  /** Outlive their gateways: whoever publishes while the process ends does it as before. */
  private readonly kinds: Map<string, RoomKind>;
  /** Sockets of upgrades about which a guard has not decided yet. */
  private readonly undecided = new Set<Duplex>();
  private started = false;

  constructor(private readonly parts: GatewayRuntimeParts) {
    const { maxFrameBytes, compression, latestNamespaces } = parts.options;
    this.kinds = new Map(latestNamespaces.map((namespace) => [namespace, 'latest']));
    this.wss = new WebSocketServer<typeof SessionSocket>({
      WebSocket: SessionSocket,
      noServer: true,
      clientTracking: false,
      autoPong: false, // See SessionListener.
      maxPayload: maxFrameBytes,
      perMessageDeflate: compression,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.entry = new RoomEntry(parts);
    this.sessions = new Sessions(parts);
    this.listener = new SessionListener(parts.clock, (session, code, reason) =>
      this.sessions.end(session, code, reason),
    );
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
      this.undecided.delete(upgrade.socket);
      throw error;
    });
    this.parts.events.watch('handshake', opened);
  }

  /** Decides about one upgrade and, if nothing speaks against it, opens the connection. */
  private async open(upgrade: ClaimedUpgrade): Promise<void> {
    const { request, socket, head, gateway, params } = upgrade;
    const onSocketError = (): void => void socket.destroy();
    socket.on('error', onSocketError);
    const { handshake } = this.parts;
    this.undecided.add(socket);
    const decided = await handshake.decide(request, socket, gateway, params);
    const isAnswered = !this.undecided.delete(socket); // By the end of the server, which refuses everybody.
    const decision = handshake.control.refusalOfDraining(decided.response) ?? decided;
    socket.off('error', onSocketError);
    if (!isRefusal(decision)) return this.upgrade(upgrade, decision);
    if (!isRefusal(decided)) decided.place.release();
    this.tellRefusal(request, decision);
    if (!isAnswered) this.refusals.write(request, socket, head, decision);
  }

  /** Answers with 101, unless `ws` finds that the request is none for it, or the client has gone. */
  private upgrade({ request, socket, head, gateway }: ClaimedUpgrade, admission: Admission): void {
    let session: Session | undefined;
    try {
      this.answerHeaders.set(request, headerLines(admission.response.recorded));
      socket.cork(); // The answer leaves with what the connection is sent first.
      this.wss.handleUpgrade(request, socket, head, (ws) => {
        session = this.accept(ws, request, socket, gateway, admission);
        this.parts.events.watch('opening of a connection', this.begin(session, admission));
      });
    } finally {
      if (!session) admission.place.release();
    }
  }

  /** Nest binds a gateway's handlers to a connection. */
  bindHandlers(connection: Connection, handlers: readonly { message: unknown; callback: BoundHandler }[]): void {
    const session = this.sessions.of(connection);
    if (!session) return;
    session.gateway.handlerPlaces ??= new Map(handlers.map(({ message }, place) => [String(message), place]));
    session.handlers = handlers.map(({ callback }) => callback);
  }

  /** Takes a connection out of a room because it was kicked (CN6). */
  evict(connection: Connection, address: string): void {
    const session = this.sessions.of(connection);
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
    await this.sessions.of(connection)?.lanes.settled();
  }

  /** Refuses new connections, closes those of a gateway with 1001, and waits until their hooks have run, 8 s at most. */
  async close(binding: GatewayBinding): Promise<void> {
    this.parts.handshake.control.stop();
    this.channels.close();
    await this.sessions.closeAll(binding);
    // The HTTP server knows nothing of what was upgraded, and would wait for it.
    for (const socket of this.undecided) refuseAtEnd(socket);
    this.undecided.clear();
    this.refusals.end();
    this.bindings.delete(binding);
  }

  /** From here on it is listened to, and the session gives back what it holds. */
  private accept(
    ws: SessionSocket,
    request: IncomingMessage,
    socket: Duplex,
    gateway: GatewayBinding,
    admission: Admission,
  ): Session {
    const { clock, frames, options, texts } = this.parts;
    ws.pause();
    const connection = new Connection(ws, socket, {
      id: admission.connection,
      namespace: gateway.namespace,
      identity: admission.identity,
      codec: gateway.codec,
      headers: keptHeaders(request.headers),
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
      onHookFailed: this.tellFailedHook,
    });
    connection.paused = true;
    connection.outbox.uncorkWithTurn();
    const session = new Session({
      connection,
      gateway,
      dispatcher: gateway.codec === 'json' ? frames : texts,
      pathRoom: admission.at?.room,
      place: admission.place,
      options,
    });
    this.sessions.add(session);
    ws.accept(session, this.listener);
    return session;
  }

  /** Resolves when the connection is in the rooms that it begins in. What is only needed until then ends with it. */
  private async begin(session: Session, admission: Admission): Promise<void> {
    const { connection, gateway } = session;
    const { clock, events, options } = this.parts;
    events.emit('connectionOpened', connection.facts(session.pathRoom));
    connection.sendFrame(welcomeFrame(connection, options));
    gateway.connect?.(connection);
    await this.entry.enter(session, admission);
    connection.resume(clock.now());
  }

  private readonly tellFailedHook = (connection: Connection, hook: string, error: unknown): void => {
    this.parts.events.emit('hookFailed', { ...connection.facts(), hook, error });
  };

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
