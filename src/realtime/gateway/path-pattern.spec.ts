import { describe, expect, it } from '@jest/globals';
import { PathPattern } from './path-pattern.js';

const pattern = (path: string): PathPattern => new PathPattern(path, 'ChatGateway');

describe('PathPattern', () => {
  it.each([
    ['/ws/chat{/:room}', '/ws/chat', {}],
    ['/ws/chat{/:room}', '/ws/chat/', {}],
    ['/ws/chat{/:room}', '/ws/chat/General', { room: 'General' }],
    ['/ws/chat{/:room}', '/WS/CHAT/general/', { room: 'general' }],
    ['/ws/:a/:b', '/ws/x%2Fy/%C3%A9', { a: 'x/y', b: 'é' }],
    ['/ws/*rest', '/ws/a/b/c', { rest: 'a/b/c' }],
    ['ws/chat', '/ws/chat', {}],
  ])('%s matches %s', (path, asked, params) => {
    expect(pattern(path).match(asked)).toEqual({ params });
  });

  it.each([
    ['/ws/chat', '/ws/chatter'],
    ['/ws/chat', '/ws/chat/x'],
    ['/ws/chat', '/ws//chat'],
    ['/ws/:room', '/ws/a/b'],
    ['/ws/:room', '/ws/'],
    ['/ws/chat', ''],
  ])('%s does not match %s', (path, asked) => {
    expect(pattern(path).match(asked)).toBeUndefined();
  });

  it.each(['/ws/%', '/ws/%zz', '/ws/%C3%28', '/ws/%E0%A4%A'])(
    'says that %s has a parameter that is no text',
    (asked) => {
      expect(pattern('/ws/:room').match(asked)).toEqual({ malformed: true });
    },
  );

  it('gives parameters that can not reach the prototype', () => {
    const found = pattern('/ws/:__proto__').match('/ws/x');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(found).toBeDefined();
  });

  it.each([
    ['/ws/chat{/:room}', 'chat'],
    ['/ws/:tenant/chat/:room', 'chat'],
    ['/ws', 'ws'],
    ['/ws/a/b', 'a.b'],
    ['/live/:id/feed', 'live.feed'],
    ['/ws/x-:room', 'ws'],
    ['/:room', ''],
    ['/ws{/a}', 'a'],
  ])('%s has the namespace "%s"', (path, namespace) => {
    expect(pattern(path).namespace()).toBe(namespace);
  });

  it('names its parameters, those in optional parts too', () => {
    expect(pattern('/a/:b{/:c{/*d}}').params).toEqual(['b', 'c', 'd']);
  });

  it.each(['/ws/:', '/ws/{a', '/ws/a?'])('says which gateway has a path that can not be read: %s', (path) => {
    expect(() => pattern(path)).toThrow(/ChatGateway: the path .* can't be read/);
  });

  it.each([
    ['/ws/chat', '/ws/:room', '/ws/chat'],
    ['/ws/:room', '/ws/*rest', '/ws/a'],
    ['/ws/a-:room', '/ws/:room', '/ws/a-b'],
    ['/ws/a/:b', '/ws/:a/b', '/ws/a/b'],
    ['/ws/*rest/x', '/ws/*rest', '/ws/a/x'],
    ['/ws/a-*rest', '/ws/*rest', '/ws/a-b/c'],
    ['/ws/a-b', '/ws/a-*rest', '/ws/a-b'],
  ])('%s is asked before %s', (first, second, asked) => {
    expect(pattern(first).compare(pattern(second), asked)).toBeLessThan(0);
    expect(pattern(second).compare(pattern(first), asked)).toBeGreaterThan(0);
    expect(pattern(first).tieWith(pattern(second))).toBeUndefined();
  });

  it.each([
    ['/ws/:a', '/ws/:b'],
    ['/ws/:a', '/WS/:b/'],
    ['/ws{/:a}', '/ws'],
    ['/ws/a-:x', '/ws/:x-b'],
    ['/ws/a-:x', '/ws/a-b-:x'],
    ['/ws/*a', '/ws/*b'],
  ])('%s and %s tie', (one, other) => {
    expect(pattern(one).tieWith(pattern(other))).toBeDefined();
    expect(pattern(other).tieWith(pattern(one))).toBeDefined();
  });

  it.each([
    ['/ws/a-:x', '/ws/b-:x'],
    ['/ws/:x.json', '/ws/:x.xml'],
    ['/ws/:a', '/ws/:a/:b'],
    ['/ws/a', '/ws/b'],
  ])('%s and %s do not tie', (one, other) => {
    expect(pattern(one).tieWith(pattern(other))).toBeUndefined();
  });
});
