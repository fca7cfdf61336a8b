import { describe, expect, it } from '@jest/globals';
import { JoinedFrames } from './joined-frames.js';

const [a, b, c] = ['a', 'b', 'c'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

describe('JoinedFrames', () => {
  it('gives readers of the same frames the same bytes', () => {
    const joined = new JoinedFrames();
    const first = joined.of([a, b]);
    expect(first.toString()).toBe('ab');
    expect(joined.of([a, b])).toBe(first);
  });

  it.each([
    ['another order', [b, a]],
    ['one more', [a, b, c]],
    ['another last one', [a, c]],
    ['equal bytes that are another frame', [a, Buffer.from('b')]],
  ])('gives a reader of %s bytes of its own', (_what, frames) => {
    const joined = new JoinedFrames();
    const first = joined.of([a, b]);
    const other = joined.of(frames);
    expect(other).not.toBe(first);
    expect(other.toString()).toBe(frames.join(''));
  });

  it('copies a frame that comes alone for nobody', () => {
    expect(new JoinedFrames().of([a])).toBe(a);
  });

  it('holds nothing once it was told to forget', () => {
    const joined = new JoinedFrames();
    const first = joined.of([a, b]);
    joined.forget();
    expect(joined.of([a, b])).not.toBe(first);
  });
});
