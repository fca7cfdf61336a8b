import type { Cursor } from '../../protocol/cursor.js';
import type { HistoryPage, Position } from '../broker/broker.js';

/**
 * Says whether what a cursor's owner saw is still what the room says (RC1): its epoch is the present one, or an ancestor
 * and its offset survived that epoch and every later one. A cursor beyond the top is not good.
 */
export function isGoodCursor(cursor: Cursor, position: Position): boolean {
  if (cursor.epoch === position.epoch) return cursor.offset <= position.top;
  let survived = position.top;
  for (const ancestor of position.ancestors) {
    survived = Math.min(survived, ancestor.top);
    if (ancestor.epoch === cursor.epoch) return cursor.offset <= survived;
  }
  return false;
}

/**
 * Says whether a page that was read after a cursor goes on where the cursor ends. Where it doesn't, though frames are
 * there, history has a hole: what is missing can't be had, and asking again would bring the same.
 */
export function continues({ offset }: { readonly offset: number }, { position, frames }: HistoryPage): boolean {
  return position.top <= offset || frames[0]?.offset === offset + 1;
}

/** Says whether a cursor is good and every frame after it is still there: then, and only then, is it recovered (RC2). */
export function isRecoverable(cursor: Cursor, position: Position): boolean {
  return isGoodCursor(cursor, position) && position.oldest <= cursor.offset + 1;
}
