'use client'; // For frameworks with server components: hooks run in the browser.

export { RealtimeProvider, useRealtimeClient } from './provider.js';
export type { RealtimeProviderProps } from './provider.js';
export { useConnection } from './use-connection.js';
export { useRoom } from './use-room.js';
export type { RoomHandle, RoomHandlers } from './use-room.js';
export type { RoomView } from './shared-room.js';
export { useRoomFrames } from './use-room-frames.js';
export type { RoomFrames, RoomFramesOptions } from './use-room-frames.js';
export type { PendingFrame } from './frame-list.js';
export { usePresence } from './use-presence.js';
