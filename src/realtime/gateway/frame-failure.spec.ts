import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { BrokerUnavailableError, FrameError } from '../realtime.errors.js';
import { failureOf, httpMessageOf, httpStatusOf } from './frame-failure.js';

describe('failureOf', () => {
  it.each([
    [400, 'invalid_payload'],
    [401, 'unauthenticated'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [409, 'conflict'],
    [429, 'rate_limited'],
    [503, 'unavailable'],
  ])('HttpException %i is %s, with its message', (status, code) => {
    expect(failureOf(new HttpException('why', status))).toEqual({ code, message: 'why', unexpected: false });
  });

  it.each([500, 418, 502, 200])('HttpException %i is internal, told in one word', (status) => {
    expect(failureOf(new HttpException('why', status))).toEqual({
      code: 'internal',
      message: 'internal',
      unexpected: true,
    });
  });

  it('a FrameError is what it says', () => {
    expect(failureOf(new FrameError('rate_limited', 'slow', 500))).toEqual({
      code: 'rate_limited',
      message: 'slow',
      retryMs: 500,
      unexpected: false,
    });
  });

  it('a broker that is away is unavailable, and tells nothing of it', () => {
    const { code, message, unexpected } = failureOf(new BrokerUnavailableError('redis://user:pw@host refused'));
    expect([code, unexpected]).toEqual(['unavailable', false]);
    expect(message).not.toMatch(/redis/);
  });

  it('what Nest throws where a guard says no is forbidden; another WsException is internal', () => {
    expect(failureOf(new WsException('Forbidden resource'))).toMatchObject({ code: 'forbidden' });
    expect(failureOf(new WsException('secret'))).toMatchObject({ code: 'internal', message: 'internal' });
  });

  it.each<[string, unknown]>([
    ['an Error', new Error('secret')],
    ['a text', 'secret'],
    ['undefined', undefined],
    ['null', null],
    ['an object with a status', { getStatus: () => 403, message: 'secret' }],
    ['an Error whose getStatus lies', Object.assign(new Error('secret'), { getStatus: () => '403' })],
  ])('%s is internal, told in one word', (_what, error) => {
    expect(failureOf(error)).toEqual({ code: 'internal', message: 'internal', unexpected: true });
  });

  it('knows an HttpException of another copy of Nest by its shape', () => {
    const foreign = Object.assign(new Error('no'), { getStatus: () => 404, getResponse: () => ({ message: 'gone' }) });
    expect([httpStatusOf(foreign), failureOf(foreign).message]).toEqual([404, 'gone']);
  });
});

describe('httpMessageOf', () => {
  it('joins what a ValidationPipe says', () => {
    expect(httpMessageOf(new BadRequestException(['a must be', 'b must be']))).toBe('a must be; b must be');
  });

  it('is never longer than 500 characters', () => {
    expect(httpMessageOf(new BadRequestException('x'.repeat(5_000)))).toHaveLength(500);
  });

  it('finds a message in what an application made of it', () => {
    expect(httpMessageOf(new HttpException({ error: 'X' }, 400))).toBe('Http Exception');
    expect(httpMessageOf(new HttpException({ message: { deep: 1 } }, 400))).toBe('Http Exception');
  });
});
