import { describe, expect, it } from '@jest/globals';
import { isUuid } from '../protocol/index.js';
import { createFrameId } from './frame-id.js';

describe('createFrameId', () => {
  it('CL2 makes a fresh version 4 UUID each time', () => {
    const ids = Array.from({ length: 1_000 }, createFrameId);
    expect(ids.filter((id) => !isUuid(id) || !/^.{14}4.{4}[89ab]/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(1_000);
  });
});
