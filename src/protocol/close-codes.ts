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

/** The whole table. `comeBackAfter` reads it; the client has no list of its own. */
export const closeCodeTable: readonly CloseCodeRow[] = [
  { code: 1000, reasons: [], comeBack: 'no' },
  { code: 1001, reasons: ['going_away'], comeBack: 'yes' },
  { code: 1002, reasons: [], comeBack: 'no' },
  { code: 1003, reasons: [], comeBack: 'no' },
  { code: 1006, reasons: [], comeBack: 'yes' },
  { code: 1007, reasons: [], comeBack: 'no' },
  { code: 1008, reasons: ['unauthenticated', 'forbidden'], comeBack: 'once-with-fresh-token' },
  { code: 1008, reasons: ['origin'], comeBack: 'no' },
  { code: 1009, reasons: ['too_big'], comeBack: 'yes' },
  { code: 1011, reasons: ['internal'], comeBack: 'yes' },
  { code: 1012, reasons: ['service_restart'], comeBack: 'yes' },
  { code: 1013, reasons: ['overloaded', 'limit', 'unavailable'], comeBack: 'yes' },
  { code: 4000, reasons: ['heartbeat_timeout'], comeBack: 'yes' },
  { code: 4001, reasons: ['token_expired'], comeBack: 'fresh-token' },
  { code: 4002, reasons: ['slow_consumer'], comeBack: 'yes' },
  { code: 4003, reasons: ['rate_limited'], comeBack: 'yes' },
  { code: 4500, reasons: ['bad_room'], comeBack: 'no' },
  { code: 4501, reasons: ['kicked'], comeBack: 'no' },
  { code: 4502, reasons: ['replaced'], comeBack: 'no' },
  { code: 4503, reasons: ['too_many_errors'], comeBack: 'no' },
];

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
  const rows = closeCodeTable.filter((row) => row.code === code);
  const row = rows.find((candidate) => candidate.reasons.includes(word)) ?? rows[0];
  if (row) return row.comeBack;
  return code >= 4500 ? 'no' : 'yes';
}
