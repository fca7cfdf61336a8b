export { RealtimeModule } from './realtime/realtime.module.js';
export type {
  AuthOptions,
  HandshakeOptions,
  JwtOptions,
  RealtimeOptions,
  ResolvedOptions,
} from './realtime/realtime.options.js';
export { RealtimeWsAdapter } from './realtime/gateway/realtime-ws.adapter.js';
export { Concurrent, RealtimeGateway } from './realtime/gateway/realtime-gateway.decorator.js';
export type { RealtimeGatewayOptions } from './realtime/gateway/metadata.js';
export { GatewayServer } from './realtime/gateway/gateway-server.js';
export { HandshakeGuards } from './realtime/gateway/handshake-guards.decorator.js';
export { FrameValidationPipe } from './realtime/validation/frame-validation.pipe.js';
export { CurrentConnection, CurrentIdentity, CurrentRoom, PathParam } from './realtime/gateway/param.decorators.js';
export { Realtime } from './realtime/realtime.service.js';
export type { NamespaceHandle, UserHandle } from './realtime/realtime.service.js';
export { Room } from './realtime/rooms/room.js';
export type { RoomHistory } from './realtime/rooms/room.js';
export { PublishResult } from './realtime/rooms/publisher.js';
export type { PublishOptions } from './realtime/rooms/publisher.js';
export { RoomRegistry } from './realtime/rooms/room-registry.js';
export type { RoomSummary } from './realtime/rooms/room-registry.js';
export type { OnJoin, OnLeave, OnRoomClose, OnRoomOpen } from './realtime/rooms/room-hooks.js';
export { Connection } from './realtime/connection/connection.js';
export type { Claims, Identity } from './realtime/auth/identity.js';
export { ClaimRoomPolicy } from './realtime/auth/claim-room-policy.js';
export type { ClaimRoomPolicyOptions } from './realtime/auth/claim-room-policy.js';
export { JwtHandshakeGuard } from './realtime/auth/jwt-handshake.guard.js';
export { JwtVerifier } from './realtime/auth/jwt-verifier.service.js';
export { AuthenticatedRoomPolicy, RoomPolicy } from './realtime/auth/room-policy.js';
export type { RoomTarget } from './realtime/auth/room-policy.js';
export { RealtimeDrain } from './realtime/drain/realtime-drain.js';
export { RealtimeHealth } from './realtime/health/realtime-health.service.js';
export type { HealthReport } from './realtime/health/realtime-health.service.js';
export { RealtimeEvents } from './realtime/realtime.events.js';
export type { ConnectionFacts, RealtimeEventMap, RepairCause } from './realtime/realtime.events.js';
export {
  BrokerUnavailableError,
  FrameError,
  RealtimeConfigError,
  RealtimeError,
  RealtimeUsageError,
} from './realtime/realtime.errors.js';
export type {
  Ancestor,
  Broker,
  BrokerMessage,
  HistoryPage,
  HistoryRange,
  LatestMessage,
  LatestPage,
  LatestRange,
  MessageListener,
  Position,
  StoredMessage,
} from './realtime/broker/broker.js';
export type {
  PublishOptions as BrokerPublishOptions,
  PublishResult as BrokerPublishResult,
} from './realtime/broker/broker.js';
export { createMemoryBroker } from './realtime/backend.providers.js';
export type { Presence, PresencePage, PresentUser, ReapedUser } from './realtime/presence/presence.js';
export type { Bans } from './realtime/bans/bans.js';
export type { SeatRules, Seating, Seats } from './realtime/seats/seats.js';
export type { TrustProxy } from './realtime/gateway/proxy-trust.js';
export { SystemClock } from './realtime/clock.js';
export type { Clock, Timer } from './realtime/clock.js';
