import { describe, expect, it, jest } from '@jest/globals';
import { Emitter } from './emitter.js';

describe('Emitter', () => {
  it('calls the handlers of a name in the order in which they were added', () => {
    const emitter = new Emitter<{ a: number; b: number }>();
    const calls: string[] = [];
    emitter.on('a', (value) => calls.push(`first ${value}`));
    emitter.on('a', (value) => calls.push(`second ${value}`));
    emitter.on('b', () => calls.push('other name'));
    emitter.emit('a', 1);
    expect(calls).toEqual(['first 1', 'second 1']);
  });

  it('takes a handler away by what `on` returned, also while it is calling', () => {
    const emitter = new Emitter<{ a: number }>();
    const calls: number[] = [];
    const off = emitter.on('a', (value) => {
      calls.push(value);
      off();
    });
    emitter.emit('a', 1);
    emitter.emit('a', 2);
    expect(calls).toEqual([1]);
  });

  it('goes on after a handler that throws, and throws its error from a task of its own', () => {
    jest.useFakeTimers();
    try {
      const emitter = new Emitter<{ a: number }>();
      const calls: number[] = [];
      emitter.on('a', () => {
        throw new Error('broken handler');
      });
      emitter.on('a', (value) => calls.push(value));
      emitter.emit('a', 1);
      expect(calls).toEqual([1]);
      expect(() => jest.runAllTimers()).toThrow('broken handler');
    } finally {
      jest.useRealTimers();
    }
  });
});
