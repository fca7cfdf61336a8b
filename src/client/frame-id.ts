/**
 * A fresh frame id: a random UUID (CL2). Not by `crypto.randomUUID`: a page in an insecure context (plain `http`, not
 * localhost) does not have it. Source: RFC 9562, section 5.4.
 */
export function createFrameId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
