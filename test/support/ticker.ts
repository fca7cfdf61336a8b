import type { PublishResult, Realtime } from '../../src/index.js';
import type { JoinedFrame } from '../../src/protocol/index.js';
import type { AnyFrame, TestClient } from '../../src/testing/index.js';
import { freshUser, joinedIn, named } from './chat.js';
import type { Chat, VisitOptions } from './chat.js';

/** The cursor that every room of kind `latest` has. */
export const LATEST_CURSOR = 'latest.0';

/** Comes to a room of the ticker fixture. */
export async function watch(
  chat: Chat,
  room: string,
  options: VisitOptions = {},
): Promise<{ client: TestClient; joined: JoinedFrame }> {
  const client = await chat.connect(undefined, freshUser(), { path: `/ws/ticker/${room}`, ...options });
  await client.next('welcome');
  return { client, joined: await joinedIn(client, room) };
}

/** Publishes a price of a symbol, with so many bytes beside it. */
export function quote(
  realtime: Realtime,
  room: string,
  symbol: string,
  price: number,
  bytes = 0,
): Promise<PublishResult> {
  return realtime.to(`ticker/${room}`).publish('price', { symbol, price, padding: 'x'.repeat(bytes) }, { key: symbol });
}

/** Takes the frame with this price. */
export function priced(client: TestClient, price: number): Promise<AnyFrame> {
  return client.next(named(`price ${price}`, (frame) => frame['price'] === price));
}

/** `symbol price` of each price that came, in order. */
export function pricesIn(client: TestClient): string[] {
  return pricesOf(client).map(({ symbol, price }) => `${symbol} ${price}`);
}

/** What a client shows in the end: the last price that came of each symbol. */
export function boardOf(client: TestClient): Record<string, number> {
  return Object.fromEntries(pricesOf(client).map(({ symbol, price }) => [symbol, price]));
}

function pricesOf(client: TestClient): { symbol: string; price: number }[] {
  return client.received
    .filter(({ type }) => type === 'price')
    .map((frame) => ({ symbol: String(frame['symbol']), price: Number(frame['price']) }));
}
