import { describe, expect, it } from '@jest/globals';
import type { JoinedFrame, MessageFrame } from '../protocol/index.js';
import { RoomCursor } from './room-cursor.js';

const TTL_MS = 300_000;
const joined = (cursor: string, recovered?: boolean): JoinedFrame => ({
  type: 'joined',
  room: 'r',
  cursor,
  members: 1,
  ...(recovered === undefined ? {} : { recovered }),
});
const frame = (offset: number | undefined, id?: string, userId = 'u1'): MessageFrame => ({
  type: 'message',
  room: 'r',
  timestamp: '',
  userId,
  ...(offset === undefined ? {} : { offset }),
  ...(id ? { id } : {}),
});

describe('RoomCursor', () => {
  it('RC6 is the cursor of the last joined, advanced by each stored frame', () => {
    const cursor = new RoomCursor();
    expect(cursor.text).toBeUndefined();
    cursor.joined(joined('e.4'));
    expect(cursor.text).toBe('e.4');
    expect(cursor.advance(frame(5), 0, TTL_MS)).toBe(true);
    expect(cursor.advance(frame(6), 0, TTL_MS)).toBe(true);
    expect(cursor.text).toBe('e.6');
  });

  it('RC6 drops stored frames at or below the cursor', () => {
    const cursor = new RoomCursor();
    cursor.joined(joined('e.4'));
    expect(cursor.advance(frame(4), 0, TTL_MS)).toBe(false);
    expect(cursor.advance(frame(5), 0, TTL_MS)).toBe(true);
    expect(cursor.advance(frame(5), 0, TTL_MS)).toBe(false);
  });

  it('OR2 lets frames without an offset through and stays where it is', () => {
    const cursor = new RoomCursor();
    cursor.joined(joined('e.4'));
    expect(cursor.advance(frame(undefined), 0, TTL_MS)).toBe(true);
    expect(cursor.text).toBe('e.4');
  });

  it('RC6 does not go back where the epoch is the same and nothing was lost', () => {
    const cursor = new RoomCursor();
    cursor.joined(joined('e.9'));
    cursor.joined(joined('e.4', true));
    expect(cursor.text).toBe('e.9');
    cursor.joined(joined('e.4'));
    expect(cursor.text).toBe('e.9');
  });

  it('RC6 goes back where frames were lost, and where the epoch is new', () => {
    const cursor = new RoomCursor();
    cursor.joined(joined('e.9'));
    cursor.joined(joined('e.4', false));
    expect(cursor.text).toBe('e.4');
    cursor.joined(joined('f.2', true));
    expect(cursor.text).toBe('f.2');
  });

  it('RC6 after a change of epoch, and only then, drops a frame whose sender and id were processed', () => {
    const cursor = new RoomCursor();
    cursor.joined(joined('e.0'));
    expect(cursor.advance(frame(1, 'a'), 0, TTL_MS)).toBe(true);
    expect(cursor.advance(frame(2, 'a'), 0, TTL_MS)).toBe(true);
    cursor.joined(joined('f.1', false));
    expect(cursor.advance(frame(2, 'a'), 1, TTL_MS)).toBe(false);
    expect(cursor.text).toBe('f.2');
    expect(cursor.advance(frame(3, 'a', 'u2'), 1, TTL_MS)).toBe(true);
    expect(cursor.advance(frame(4, 'b'), 1, TTL_MS)).toBe(true);
  });

  it('RC6 forgets ids after dedupeTtlMs', () => {
    const cursor = new RoomCursor();
    cursor.joined(joined('e.0'));
    cursor.advance(frame(1, 'a'), 0, TTL_MS);
    cursor.joined(joined('f.1', false));
    expect(cursor.advance(frame(2, 'a'), TTL_MS, TTL_MS)).toBe(true);
  });

  it('remembers a bounded number of ids', () => {
    const cursor = new RoomCursor();
    cursor.joined(joined('e.0'));
    for (let offset = 1; offset <= 10_001; offset += 1) cursor.advance(frame(offset, `id ${offset}`), 0, TTL_MS);
    cursor.joined(joined('f.0', false));
    expect(cursor.advance(frame(1, 'id 1'), 0, TTL_MS)).toBe(true);
    expect(cursor.advance(frame(2, 'id 10001'), 0, TTL_MS)).toBe(false);
  });
});
