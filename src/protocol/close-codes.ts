/** When a client may come back after a close: the last column of PROTOCOL.md's close-code table. */
export type ComeBack = 'yes' | 'no' | 'fresh-token' | 'once-with-fresh-token';

/** One row of the close-code table. */
export interface CloseCodeRow {
  readonly code: number;
  /** The words that may stand in the close reason (CC1). Empty: the reason is empty. */
  readonly reasons: readonly string[];
  readonly comeBack: ComeBack;
}

/**
 * Close codes that Rookery uses, by name. 4000–4499 come back, 4500–4999 don't.
 * Source: RFC 6455, section 7.4.1, and PROTOCOL.md, section Close codes.
 */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  abnormal: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  tooBig: 1009,
  internal: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  heartbeatTimeout: 4000,
  tokenExpired: 4001,
  slowConsumer: 4002,
  rateLimited: 4003,
  badRoom: 4500,
  kicked: 4501,
  replaced: 4502,
  tooManyErrors: 4503,
} as const;

/** The table as it is written, short because pages load it: code, whether to come back, the words of the reason. */
const rows: readonly (readonly [code: number, comeBack: ComeBack, ...reasons: string[]])[] = [
  [1000, 'no'],
  [1001, 'yes', 'going_away'],
  [1002, 'no'],
  [1003, 'no'],
  [1006, 'yes'],
  [1007, 'no'],
  [1008, 'once-with-fresh-token', 'unauthenticated', 'forbidden'],
  [1008, 'no', 'origin'],
  [1009, 'yes', 'too_big'],
  [1011, 'yes', 'internal'],
  [1012, 'yes', 'service_restart'],
  [1013, 'yes', 'overloaded', 'limit', 'unavailable'],
  [4000, 'yes', 'heartbeat_timeout'],
  [4001, 'fresh-token', 'token_expired'],
  [4002, 'yes', 'slow_consumer'],
  [4003, 'yes', 'rate_limited'],
  [4500, 'no', 'bad_room'],
  [4501, 'no', 'kicked'],
  [4502, 'no', 'replaced'],
  [4503, 'no', 'too_many_errors'],
];

/** The whole table. `comeBackAfter` reads it; the client has no list of its own. */
export const closeCodeTable: readonly CloseCodeRow[] = /* @__PURE__ */ rows.map(([code, comeBack, ...reasons]) => ({
  code,
  reasons,
  comeBack,
}));

/** What a close reason says (CC1): its word, and how many milliseconds to wait at least. */
export interface CloseReason {
  readonly word: string;
  readonly retryMs?: number;
}

/** Writes a close reason: one word, optionally followed by ` retry=<ms>`. At most 123 bytes (RFC 6455, 5.5). */
export function formatCloseReason(word: string, retryMs?: number): string {
  return retryMs === undefined ? word : `${word} retry=${Math.max(0, Math.ceil(retryMs))}`;
}

/** Reads a close reason. Text that is none gives its first word and no advice. */
export function parseCloseReason(reason: string): CloseReason {
  const match = /^(\S*)(?:\s+retry=(\d{1,9}))?/.exec(reason);
  const word = match?.[1] ?? '';
  return match?.[2] === undefined ? { word } : { word, retryMs: Number(match[2]) };
}

/**
 * Says whether a client comes back after a close, by the table: a row that names the reason's word wins over the
 * code's first row; a code that the table lacks comes back below 4500 and stays away from there on.
 */
export function comeBackAfter(code: number, reason: string): ComeBack {
  const { word } = parseCloseReason(reason);
  const ofCode = rows.filter((row) => row[0] === code);
  const row = ofCode.find((candidate) => candidate.includes(word)) ?? ofCode[0];
  return row?.[1] ?? (code >= 4500 ? 'no' : 'yes');
}
