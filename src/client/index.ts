export { RealtimeClient } from './realtime-client.js';
export type { ClientEvents, RealtimeClientOptions } from './realtime-client.js';
export { ClientRoom } from './room.js';
export type { HistoryRange, PayloadMap, RoomEvent, RoomFrame, SendOptions, VolatileOptions } from './room.js';
export type { GapEvent, LeftEvent, RestoredSend, RoomEvents } from './room-events.js';
export type { ConnectionState, Disconnected } from './connection-keeper.js';
export { RealtimeClientError } from './client-error.js';
export type { ClientErrorCode } from './client-error.js';
export { createFrameId } from './frame-id.js';
export type { OutboxOptions } from './outbox.js';
export { sessionOutbox } from './outbox-storage.js';
export type { OutboxStorage, StoredSend } from './outbox-storage.js';
export type { SendResult } from './queued-send.js';
export type { Token } from './token-source.js';
export type { WebSocketConstructor, WebSocketLike } from './transport.js';
export type { WakeSignals } from './wake-signals.js';
export type { Clock, Timer } from './clock.js';
export type {
  ErrorCode,
  ErrorFrame,
  FrameUser,
  HistoryFrame,
  JoinedFrame,
  MessageFrame,
  PresenceFrame,
  SystemFrame,
} from '../protocol/index.js';
