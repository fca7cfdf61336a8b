import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { closeCodeTable, comeBackAfter, formatCloseReason, parseCloseReason } from '../../src/protocol/close-codes.js';
import { decodeFrame, encodeFrame, spliceOffset } from '../../src/protocol/codec.js';
import { formatCursor, parseCursor } from '../../src/protocol/cursor.js';
import { reservedFields } from '../../src/protocol/names.js';
import { fuzz, fuzzInBatches, heapBytes, inputs, seed } from '../support/fuzz/campaign.js';
import { fuzzedFrames } from '../support/fuzz/frames.js';
import { FuzzedServer } from '../support/fuzz/fuzzed-server.js';
import { anyJson, anyText } from '../support/fuzz/texts.js';
import { upgradeRequests } from '../support/fuzz/upgrade-requests.js';
import { wireFrames } from '../support/fuzz/wire-bytes.js';

jest.setTimeout(20 * 60_000); // 100,000 inputs on a busy machine; every wait below has an end of its own.

process.stderr.write(`fuzz: ROOKERY_SEED=${seed} makes the same inputs again\n`);

/** 5,000 together, 100,000 with ROOKERY_DEEP=1. */
const COUNTS = {
  decoded: inputs(1_000),
  encoded: inputs(500),
  cursors: inputs(250),
  reasons: inputs(250),
  frames: inputs(1_800),
  texts: inputs(200),
  requests: inputs(600),
  wire: inputs(400),
};

describe('the codec', () => {
  it('reads any text without throwing, without a reserved field in the body, and pollutes nothing', () => {
    fuzz(
      fc.oneof(
        fuzzedFrames.map(({ text }) => text),
        anyJson,
        anyText,
      ),
      COUNTS.decoded,
      (text) => {
        const decoded = decodeFrame(text);
        expect('polluted' in {}).toBe(false);
        if (!decoded.ok) return expect(decoded.message).toMatch(/^expected /);
        const { body, type, fields } = decoded.frame;
        expect(typeof type).toBe('string');
        if (typeof body !== 'object' || body === null || body === fields['data']) return;
        expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
        expect(Object.keys(body).filter((key) => reservedFields.has(key) || key === '__proto__')).toEqual([]);
      },
    );
  });

  it("writes any payload so that it is read back as it was, and the server's fields win", () => {
    const header = { type: 'note', room: 'general', id: '1', timestamp: 'now' };
    fuzz(
      fc.tuple(fc.oneof(fc.jsonValue(), fc.dictionary(anyText, fc.jsonValue())), fc.nat()),
      COUNTS.encoded,
      (input) => {
        const [payload, offset] = input;
        const frame = JSON.parse(spliceOffset(encodeFrame(header, payload), offset)) as Record<string, unknown>;
        expect(frame).toMatchObject({ ...header, offset });
        const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
        const fields = Object.entries(isObject ? payload : { data: payload });
        const free = fields.filter(([name]) => !reservedFields.has(name) && name !== '__proto__');
        const plain = JSON.parse(JSON.stringify(Object.fromEntries(free))) as object; // -0 is 0 in JSON.
        expect(frame).toEqual({ ...plain, ...header, offset });
      },
    );
  });

  it('reads as a cursor what formatCursor wrote, and nothing else', () => {
    const number = fc.oneof(
      fc.nat().map(String),
      fc.constantFrom('9007199254740991', '9007199254740992', '-1', '01', '1e3'),
    );
    const pair = fc
      .tuple(fc.oneof(anyText, fc.stringMatching(/^[\w-]{1,33}$/)), number)
      .map((parts) => parts.join('.'));
    fuzz(fc.oneof(pair, anyText, fc.anything()), COUNTS.cursors, (value) => {
      const cursor = parseCursor(value);
      if (cursor) expect(formatCursor(cursor.epoch, cursor.offset)).toBe(value);
    });
  });

  it('reads any close reason, and its own back', () => {
    const answers = ['yes', 'no', 'fresh-token', 'once-with-fresh-token'];
    const words = closeCodeTable.flatMap(({ reasons }) => reasons);
    const input = fc.record({
      reason: anyText,
      word: fc.constantFrom(...words),
      code: fc.nat(5_000),
      retryMs: fc.nat(999_999_999),
    });
    fuzz(input, COUNTS.reasons, ({ reason, word, code, retryMs }) => {
      expect(parseCloseReason(reason).word).not.toMatch(/\s/);
      expect(answers).toContain(comeBackAfter(code, reason));
      expect(parseCloseReason(formatCloseReason(word, retryMs))).toEqual({ word, retryMs });
    });
  });
});

describe('a server that takes any input', () => {
  let server: FuzzedServer;
  let heapBefore = 0;

  beforeAll(async () => {
    server = await FuzzedServer.start();
    // What is made once (compiled code, caches, the rooms) is made before the memory is measured.
    await everything({ frames: 200, texts: 25, requests: 60, wire: 20 });
    await server.calmDown();
    heapBefore = await heapBytes();
  });
  afterAll(() => server.stop());

  async function everything(counts: Pick<typeof COUNTS, 'frames' | 'texts' | 'requests' | 'wire'>): Promise<void> {
    await fuzzInBatches(fuzzedFrames, counts.frames, 40, (batch) => server.takeFrames(batch));
    await fuzzInBatches(anyText, counts.texts, 25, (batch) => server.takeTexts(batch));
    await fuzzInBatches(upgradeRequests, counts.requests, 20, (batch) => server.takeRequests(batch));
    await fuzzInBatches(wireFrames, counts.wire, 20, (batch) => server.takeWire(batch));
  }

  it('FR5 answers every frame with an id once and every fault, and goes on', () =>
    fuzzInBatches(fuzzedFrames, COUNTS.frames, 40, (batch) => server.takeFrames(batch)));

  it('hands every text to its handler as it is', () =>
    fuzzInBatches(anyText, COUNTS.texts, 25, (batch) => server.takeTexts(batch)));

  it('answers every request, and lets none be in between', () =>
    fuzzInBatches(upgradeRequests, COUNTS.requests, 20, (batch) => server.takeRequests(batch)));

  it('ends a connection whose bytes are no WebSocket frames, with a code, and no other', () =>
    fuzzInBatches(wireFrames, COUNTS.wire, 20, (batch) => server.takeWire(batch)));

  it('has its memory back', async () => {
    await server.calmDown();
    const growth = (await heapBytes()) - heapBefore;
    process.stderr.write(`fuzz: the heap has grown by ${(growth / 2 ** 20).toFixed(1)} MiB\n`);
    expect(growth).toBeLessThan(16 * 2 ** 20);
  });
});
