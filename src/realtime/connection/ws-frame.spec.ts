import { describe, expect, it } from '@jest/globals';
import { encodeTextMessage, encodeTextParts, payloadOf } from './ws-frame.js';

describe('encodeTextMessage', () => {
  it.each([
    [0, '8100'],
    [1, '8101'],
    [125, '817d'],
    [126, '817e007e'],
    [65_535, '817effff'],
    [65_536, '817f0000000000010000'],
    [100_000, '817f00000000000186a0'],
  ])('%i bytes have the header %s', (length, header) => {
    const payload = Buffer.alloc(length, 'x');
    const message = encodeTextMessage(payload);
    expect(message.subarray(0, header.length / 2).toString('hex')).toBe(header);
    expect(message.length).toBe(header.length / 2 + length);
    expect(payloadOf(message).equals(payload)).toBe(true);
  });

  it.each([10, 120, 124, 125, 126, 65_520, 65_535, 65_536])(
    'puts a prefix in the place of the first of %i bytes',
    (length) => {
      const payload = Buffer.from(`{${'y'.repeat(length - 1)}`);
      const message = encodeTextMessage(payload, '{"offset":42,');
      expect(payloadOf(message).toString()).toBe(`{"offset":42,${'y'.repeat(length - 1)}`);
      expect(payload[0]).toBe(0x7b);
    },
  );

  it.each([10, 120, 125, 126, 65_520, 65_536])('makes the same of %i bytes in two parts, without a copy', (length) => {
    const payload = Buffer.from(`{${'y'.repeat(length - 1)}`);
    const parts = encodeTextParts(payload, '{"offset":42,');
    expect(Buffer.concat(parts).equals(encodeTextMessage(payload, '{"offset":42,'))).toBe(true);
    expect(parts[1].buffer).toBe(payload.buffer);
  });

  it('keeps bytes of every kind', () => {
    const payload = Buffer.from('{"é":"😀\u0000"}');
    expect(payloadOf(encodeTextMessage(payload)).equals(payload)).toBe(true);
  });
});
