import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Broker } from '../../../index.js';
import { receive } from '../received.js';
import type { BrokerMessage, Received } from '../received.js';
import { nextTurn, until } from '../test-api.js';

/** A range that holds whatever there is. */
export const ALL = { limit: 10_000, maxBytes: 100_000_000 };
export const STORED = { store: true } as const;

let addresses = 0;

export function newAddress(): string {
  addresses += 1;
  return `contract/${randomBytes(6).toString('hex')}.${addresses}`;
}

export function bytes(text: string): Buffer {
  return Buffer.from(text);
}

/** 1 to n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

export function numbered(count: number, word: string): string[] {
  return upTo(count).map((i) => `${word}${i}`);
}

export function offsetsOf(results: readonly { readonly offset: number | undefined }[]): number[] {
  return results.map((result) => result.offset ?? 0);
}

export async function historyTexts(broker: Broker, address: string): Promise<string[]> {
  const { frames } = await broker.history(address, { since: 0, ...ALL });
  return frames.map((frame) => frame.payload.toString());
}

export async function historyOffsets(
  broker: Broker,
  address: string,
  range: { since?: number; before?: number; limit: number; maxBytes?: number },
): Promise<number[]> {
  const { frames } = await broker.history(address, { maxBytes: ALL.maxBytes, ...range });
  return frames.map((frame) => frame.offset);
}

/** What was published before it arrived before it: after it, nothing can come that came late. */
export async function expectNothingMore(
  received: Received,
  broker: Broker,
  address: string,
  count: number,
): Promise<void> {
  await broker.publish(address, bytes('end'), STORED);
  await received.text('end');
  assert.equal(received.messages.length, count + 1);
}

export async function publishUntil(broker: Broker, address: string, isOver: () => boolean): Promise<number> {
  let top = 0;
  while (!isOver()) {
    // A few at a time, without an end.
    const results = await Promise.all(numbered(5, 'm').map((text) => broker.publish(address, bytes(text), STORED)));
    top = Math.max(top, ...offsetsOf(results));
    await nextTurn();
  }
  return top;
}

/** Subscribes first, reads history second, and merges by offset, as a pod does that opens a room. */
export async function checkSeam(broker: Broker, address: string): Promise<void> {
  const received = await receive(broker, address);
  const { frames, position } = await broker.history(address, { limit: 10, maxBytes: ALL.maxBytes });
  const seen = frames.map((frame) => frame.offset);
  assert.equal(seen.at(-1) ?? 0, position.top);
  await until(
    () => received.offsets.at(-1) ?? 0,
    (offset) => offset >= position.top + 10,
  );
  await broker.unsubscribe(address);
  const live = received.messages.filter((message: BrokerMessage) => message.offset > position.top);
  const merged = [...seen, ...live.map((message) => message.offset)];
  const first = merged[0] ?? 0;
  assert.deepEqual(
    merged,
    upTo(merged.length).map((i) => first + i - 1),
  );
}
