import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { RealtimeConfigError } from '../realtime.errors.js';
import { clientAddress, networkOf, proxyTrust, requestedHost } from './proxy-trust.js';
import type { TrustProxy } from './proxy-trust.js';

function request(headers: Record<string, string>, remoteAddress?: string): IncomingMessage {
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
}

describe('clientAddress', () => {
  it.each<[TrustProxy, string | undefined, string, string]>([
    [false, '1.1.1.1', '10.0.0.1', '10.0.0.1'],
    [false, undefined, '::ffff:10.0.0.1', '10.0.0.1'],
    // Those before the last one are what the client wrote.
    [true, '6.6.6.6, 1.1.1.1', '10.0.0.1', '1.1.1.1'],
    [true, undefined, '10.0.0.1', '10.0.0.1'],
    [true, '', '10.0.0.1', '10.0.0.1'],
    [2, '6.6.6.6, 1.1.1.1, 10.0.0.2', '10.0.0.1', '1.1.1.1'],
    ['10.0.0.0/8', '6.6.6.6, 1.1.1.1, 10.0.0.2', '10.0.0.1', '1.1.1.1'],
    ['10.0.0.0/8', '6.6.6.6', '11.0.0.1', '11.0.0.1'],
    ['loopback, uniquelocal', '1.1.1.1', '::ffff:127.0.0.1', '1.1.1.1'],
    [['fd00::/8'], '1.1.1.1', 'fd00::1', '1.1.1.1'],
  ])('with trustProxy %j, X-Forwarded-For %j and the peer %s is %s', (trusted, forwarded, peer, address) => {
    const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    expect(clientAddress(request(headers, peer), proxyTrust(trusted))).toBe(address);
  });

  it('has a word for a peer that has none', () => {
    expect(clientAddress(request({}), proxyTrust(false))).toBe('unknown');
  });
});

describe('networkOf', () => {
  it.each([
    ['198.51.100.1', '198.51.100.1'],
    ['198.51.100.1:40000', '198.51.100.1'],
    ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
    ['2001:0db8::1', '2001:db8:0:0::/64'],
    ['[2001:db8::1]:40000', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('requestedHost', () => {
  const headers = { host: 'pod:3000', 'x-forwarded-host': 'app.test, inner' };

  it('is what a trusted peer says, and of no other', () => {
    expect(requestedHost(request(headers, '10.0.0.1'), proxyTrust('10.0.0.0/8'))).toBe('app.test');
    expect(requestedHost(request(headers, '11.0.0.1'), proxyTrust('10.0.0.0/8'))).toBe('pod:3000');
    expect(requestedHost(request({ host: 'pod:3000' }, '10.0.0.1'), proxyTrust(true))).toBe('pod:3000');
  });
});

describe('proxyTrust', () => {
  it.each(['10.0.0.0/99', 'no-address', ''])('refuses %j, and says what it takes', (trusted) => {
    expect(() => proxyTrust(trusted)).toThrow(RealtimeConfigError);
    expect(() => proxyTrust(trusted)).toThrow(/expected true, a number of hops, or addresses/);
  });
});
