/**
 * Encodes one unmasked WebSocket text message: header and payload in one Buffer, so that all members of a room share
 * the bytes. Source: RFC 6455, section 5.2.
 *
 * @param prefix ASCII put in the place of the payload's first byte; how a stored frame gets its offset without being
 *   copied twice.
 */
export function encodeTextMessage(payload: Buffer, prefix = ''): Buffer {
  const skipped = prefix === '' ? 0 : 1;
  const length = payload.length - skipped + prefix.length;
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const message = Buffer.allocUnsafe(headerBytes + length);
  message[0] = 0x81;
  if (headerBytes === 2) {
    message[1] = length;
  } else if (headerBytes === 4) {
    message[1] = 126;
    message.writeUInt16BE(length, 2);
  } else {
    message[1] = 127;
    message.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    message.writeUInt32BE(length >>> 0, 6);
  }
  message.write(prefix, headerBytes, 'latin1');
  payload.copy(message, headerBytes + prefix.length, skipped);
  return message;
}

/** A WebSocket ping without a payload. */
export const PING: Buffer = Buffer.from([0x89, 0]);

/** The payload of what {@link encodeTextMessage} made; for connections that compress. */
export function payloadOf(message: Buffer): Buffer {
  const length = message[1] ?? 0;
  return message.subarray(length < 126 ? 2 : length === 126 ? 4 : 10);
}
