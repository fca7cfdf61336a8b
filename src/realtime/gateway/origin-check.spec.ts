import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { isOriginAllowed } from './origin-check.js';
import { proxyTrust } from './proxy-trust.js';

function request(headers: Record<string, string>, remoteAddress?: string): IncomingMessage {
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
}

const PRODUCTION = { allowed: undefined, trust: proxyTrust(false), production: true };

describe('isOriginAllowed (HS8)', () => {
  it('lets a request without Origin pass, with and without a list', () => {
    expect(isOriginAllowed(request({ host: 'a' }), PRODUCTION)).toBe(true);
    expect(isOriginAllowed(request({ host: 'a' }), { ...PRODUCTION, allowed: [] })).toBe(true);
  });

  it.each<[string, string, boolean]>([
    ['https://app.test', 'app.test', true],
    ['https://app.test', 'app.test:443', true],
    ['http://app.test:80', 'app.test', true],
    ['https://app.test:8443', 'app.test:8443', true],
    ['https://APP.test', 'app.TEST', true],
    ['https://app.test:8443', 'app.test', false],
    ['https://evil.test', 'app.test', false],
    ['https://app.test.evil.test', 'app.test', false],
    ['https://evil.test/app.test', 'app.test', false],
    ['https://app.test@evil.test', 'app.test', false],
    ['null', 'app.test', false],
    ['null', 'null', false],
    ['', 'app.test', false],
    ['app.test', 'app.test', false],
    ['file://', '', false],
    ['https://app.test', '', false],
    ['http://localhost:5173', 'app.test', false],
  ])('without a list in production, %s at host %s: %s', (origin, host, allowed) => {
    expect(isOriginAllowed(request({ origin, host }), PRODUCTION)).toBe(allowed);
  });

  it.each<[string, boolean]>([
    ['http://localhost:5173', true],
    ['http://127.0.0.1:3000', true],
    ['http://127.8.8.8', true],
    ['https://[::1]:1', true],
    ['http://localhost.evil.test', false],
    ['http://127.0.0.1.evil.test', false],
    ['http://evil.test', false],
    ['null', false],
  ])('without a list outside production, %s: %s', (origin, allowed) => {
    expect(isOriginAllowed(request({ origin, host: 'app.test' }), { ...PRODUCTION, production: false })).toBe(allowed);
  });

  it('knows nothing but the list where there is one, loopback and the same host included', () => {
    const rules = { allowed: ['https://app.test'], trust: proxyTrust(false), production: false };
    expect(isOriginAllowed(request({ origin: 'https://app.test', host: 'x' }), rules)).toBe(true);
    expect(isOriginAllowed(request({ origin: 'https://app.test/', host: 'x' }), rules)).toBe(true);
    for (const origin of [
      'http://app.test',
      'https://app.test:444',
      'http://localhost',
      'https://x',
      'null',
      'https://sub.app.test',
    ]) {
      expect([origin, isOriginAllowed(request({ origin, host: 'x' }), rules)]).toEqual([origin, false]);
    }
    expect(isOriginAllowed(request({ origin: 'null', host: 'x' }), { ...rules, allowed: ['*'] })).toBe(true);
  });

  it('believes X-Forwarded-Host only of a trusted proxy', () => {
    const headers = { origin: 'https://app.test', host: 'pod:3000', 'x-forwarded-host': 'app.test, inner' };
    expect(isOriginAllowed(request(headers), PRODUCTION)).toBe(false);
    expect(isOriginAllowed(request(headers), { ...PRODUCTION, trust: proxyTrust(true) })).toBe(true);
    const evil = { ...headers, origin: 'https://pod:3000' };
    expect(isOriginAllowed(request(evil), { ...PRODUCTION, trust: proxyTrust(true) })).toBe(false);
  });
});
