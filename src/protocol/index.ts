export { CloseCode, closeCodeTable, comeBackAfter, formatCloseReason, parseCloseReason } from './close-codes.js';
export type { CloseCodeRow, CloseReason, ComeBack } from './close-codes.js';
export { errorCodeTable, isTemporary } from './error-codes.js';
export type { ErrorCode, ErrorCodeRow } from './error-codes.js';
export { decodeFrame, encodeFrame, parseJson, spliceOffset } from './codec.js';
export type { Decoded, FrameHeader } from './codec.js';
export { formatCursor, parseCursor } from './cursor.js';
export type { Cursor } from './cursor.js';
export {
  BEARER_SUBPROTOCOL,
  MAX_FRAME_ID_LENGTH,
  MAX_ROOM_NAME_LENGTH,
  SUBPROTOCOL,
  USER_ROOM,
  isFrameId,
  isRoomName,
  isUuid,
  reservedFields,
  reservedTypes,
} from './names.js';
export type {
  AckFrame,
  ClientFrame,
  ErrorFrame,
  FrameUser,
  HistoryFrame,
  JoinedFrame,
  LeftFrame,
  LeftReason,
  MessageFrame,
  PresenceFrame,
  SystemFrame,
  WelcomeFrame,
} from './frames.js';
