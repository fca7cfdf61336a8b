import { RealtimeUsageError } from '../realtime.errors.js';
import { EVERYBODY } from './address.js';
import type { Address } from './address.js';

/**
 * What the rooms of a namespace keep: `history`, their frames in order; `latest`, the newest frame per key (OR4);
 * `nothing`, where the gateway sends the application's bytes and nothing else.
 */
export type RoomKind = 'history' | 'latest' | 'nothing';

/** Longest key in characters. */
export const MAX_KEY_LENGTH = 128;

const KEY = /^[^\p{Cc}\p{Cs}]+$/u;

/** What of a publish depends on the kind of its room. */
export interface KeyedPublish {
  readonly at: Address;
  readonly key: string | undefined;
  readonly store: boolean;
  readonly except: string | undefined;
}

/** @throws RealtimeUsageError bad_usage — the publish doesn't fit the kind of its room. */
export function checkKind({ at, key, store, except }: KeyedPublish, kind: RoomKind): void {
  if (kind !== 'latest' || at.room === EVERYBODY) {
    if (key === undefined) return;
    throw new RealtimeUsageError(
      `a key needs a room of kind "latest", which ${at.address} is not: set roomKind: 'latest' on its gateway; in a process without that gateway name the namespace in "latestNamespaces"`,
    );
  }
  if (typeof key !== 'string' || key.length > MAX_KEY_LENGTH || !KEY.test(key)) {
    throw new RealtimeUsageError(
      `${at.address} is of kind "latest": expected a key of 1 to ${MAX_KEY_LENGTH} characters, none of them a control character, got ${describe(key)}`,
    );
  }
  if (!store || except !== undefined) {
    throw new RealtimeUsageError(
      `${at.address} is of kind "latest", which keeps every frame for everybody: leave out "store: false" and "except"`,
    );
  }
}

/** @throws RealtimeUsageError bad_usage — a room of this kind has no history. */
export function checkHistory(at: Address, kind: RoomKind): void {
  if (kind !== 'latest') return;
  throw new RealtimeUsageError(
    `${at.address} is of kind "latest", which keeps no history: a member gets what is there`,
  );
}

function describe(key: unknown): string {
  if (typeof key !== 'string') return key === undefined ? 'none' : `a value of type ${typeof key}`;
  return key.length > MAX_KEY_LENGTH ? `${key.length} characters` : JSON.stringify(key);
}
