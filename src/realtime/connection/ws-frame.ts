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
  const headerBytes = headerBytesOf(length);
  const message = Buffer.allocUnsafe(headerBytes + length);
  writeHead(message, headerBytes, length, prefix);
  payload.copy(message, headerBytes + prefix.length, skipped);
  return message;
}

/** The same bytes as {@link encodeTextMessage} makes with a prefix, in two parts: the payload's are not copied. */
export function encodeTextParts(payload: Buffer, prefix: string): [head: Buffer, rest: Buffer] {
  const length = payload.length - 1 + prefix.length;
  const headerBytes = headerBytesOf(length);
  const head = Buffer.allocUnsafe(headerBytes + prefix.length);
  writeHead(head, headerBytes, length, prefix);
  return [head, payload.subarray(1)];
}

/** A WebSocket ping without a payload. */
export const PING: Buffer = Buffer.from([0x89, 0]);

/** The payload of what {@link encodeTextMessage} made; for connections that compress. */
export function payloadOf(message: Buffer): Buffer {
  const length = message[1] ?? 0;
  return message.subarray(length < 126 ? 2 : length === 126 ? 4 : 10);
}

function headerBytesOf(length: number): 2 | 4 | 10 {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}

function writeHead(into: Buffer, headerBytes: 2 | 4 | 10, length: number, prefix: string): void {
  into[0] = 0x81;
  if (headerBytes === 2) {
    into[1] = length;
  } else if (headerBytes === 4) {
    into[1] = 126;
    into.writeUInt16BE(length, 2);
  } else {
    into[1] = 127;
    into.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    into.writeUInt32BE(length >>> 0, 6);
  }
  into.write(prefix, headerBytes, 'latin1');
}
