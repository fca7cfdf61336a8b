/** One row of the error-code table. */
export interface ErrorCodeRow {
  /** Temporary: the same frame, with the same id, may be sent again. */
  readonly temporary: boolean;
  /** Counts towards `maxErrorsPerMinute` (CL5). */
  readonly counts: boolean;
  /** The HTTP status that stands for it where there is one, both ways. */
  readonly status?: number;
}

/** Those that pass. Apart from the others because a client needs to know no more. */
const temporaryErrors = {
  rate_limited: { temporary: true, counts: false, status: 429 },
  unavailable: { temporary: true, counts: false, status: 503 },
  internal: { temporary: true, counts: false },
} as const satisfies Record<string, ErrorCodeRow>;

/** Every code that an `error` frame may carry. Source: PROTOCOL.md, section Frames from the client. */
export const errorCodeTable = /* @__PURE__ */ Object.assign(
  {
    bad_frame: { temporary: false, counts: true },
    unknown_type: { temporary: false, counts: true },
    invalid_payload: { temporary: false, counts: true, status: 400 },
    not_in_room: { temporary: false, counts: true },
    bad_room: { temporary: false, counts: false },
    forbidden: { temporary: false, counts: false, status: 403 },
    unauthenticated: { temporary: false, counts: false, status: 401 },
    not_found: { temporary: false, counts: false, status: 404 },
    conflict: { temporary: false, counts: false, status: 409 },
    too_many_rooms: { temporary: false, counts: false },
    too_big: { temporary: false, counts: false },
  } as const satisfies Record<string, ErrorCodeRow>,
  temporaryErrors,
);

/** The code of an `error` frame. */
export type ErrorCode = keyof typeof errorCodeTable;

/** Says whether the same frame may be sent again. Codes that this version does not know are final (FR8). */
export function isTemporary(code: string): boolean {
  return Object.hasOwn(temporaryErrors, code);
}
