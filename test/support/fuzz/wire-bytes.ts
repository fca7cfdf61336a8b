import * as fc from 'fast-check';
import { fuzzedFrames } from './frames.js';

/** A WebSocket frame as it goes over the wire, right or wrong. */
export interface WireFrame {
  readonly final: boolean;
  /** The three reserved bits. */
  readonly reserved: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** What the length field says, in bits and beside the truth. */
  readonly lengthBits: 7 | 16 | 64;
  readonly lengthError: number;
  readonly payload: Buffer;
}

const payload = fc.oneof(
  fuzzedFrames.map(({ text }) => Buffer.from(text.slice(0, 8_000))),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(1_000, 1_005, 3_000, 4_999, 65_535).map((code) => Buffer.from([code >> 8, code & 255, 0xff])),
  fc.constant(Buffer.alloc(0)),
);

export const wireFrames: fc.Arbitrary<WireFrame[]> = fc.array(
  fc.record({
    final: mostly(true, false),
    reserved: mostly(0, 1, 4, 7),
    opcode: fc.constantFrom(0, 1, 1, 1, 2, 3, 8, 9, 10, 11, 15),
    masked: mostly(true, false),
    lengthBits: mostly<7 | 16 | 64>(7, 16, 64),
    lengthError: mostly(0, 1, -1, 100_000, 2 ** 53),
    payload,
  }),
  { minLength: 1, maxLength: 5 },
);

export function wireBytes(frame: WireFrame): Buffer {
  const length = Math.max(0, frame.payload.length + frame.lengthError);
  const bits = length > 65_535 ? 64 : length > 125 && frame.lengthBits === 7 ? 16 : frame.lengthBits;
  const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
  head[0] = (frame.final ? 0x80 : 0) | (frame.reserved << 4) | frame.opcode;
  head[1] = (frame.masked ? 0x80 : 0) | (bits === 7 ? length : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(length, 2);
  if (bits === 64) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, frame.masked ? Buffer.alloc(4) : Buffer.alloc(0), frame.payload]); // A mask of zeros.
}

/** Whether RFC 6455 ends the connection for the head of this frame alone, where it is the first (5.1, 5.2, 5.4, 5.5). */
export function isForbidden({ masked, reserved, opcode, final }: WireFrame): boolean {
  return !masked || reserved !== 0 || ![1, 2, 8, 9, 10].includes(opcode) || (opcode >= 8 && !final);
}

function mostly<Value>(usual: Value, ...rare: Value[]): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...rare) });
}
