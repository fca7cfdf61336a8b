/** A position in a room: the epoch of its numbering and the offset of the last frame seen in it. */
export interface Cursor {
  readonly epoch: string;
  /** 1-based; 0: before the first frame. */
  readonly offset: number;
}

const CURSOR = /^([A-Za-z0-9_-]{1,32})\.(0|[1-9]\d{0,15})$/;

/** Writes a cursor as it travels: `<epoch>.<offset>`. */
export function formatCursor(epoch: string, offset: number): string {
  return `${epoch}.${offset}`;
}

/** Reads a cursor. Anything that is none gives `undefined`; nothing is thrown, a client may send what it likes. */
export function parseCursor(text: unknown): Cursor | undefined {
  if (typeof text !== 'string') return undefined;
  const match = CURSOR.exec(text);
  const offset = Number(match?.[2]);
  return match?.[1] !== undefined && Number.isSafeInteger(offset) ? { epoch: match[1], offset } : undefined;
}
