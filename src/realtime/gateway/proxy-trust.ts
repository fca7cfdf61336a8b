import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import proxyAddr from 'proxy-addr';
import { RealtimeConfigError } from '../realtime.errors.js';

/** Says whether an address, `hop` proxies away from this server, is one of the application's own proxies. */
export type ProxyTrust = (address: string, hop: number) => boolean;

/**
 * What may stand for the proxies that are believed: `true`, the peer alone; a number, so many hops; or addresses and
 * networks, `loopback`, `linklocal` and `uniquelocal` among them. As Express's `trust proxy`, but that `true` means one hop.
 */
export type TrustProxy = boolean | number | string | readonly string[];

/** @throws RealtimeConfigError bad_config — an address or network that is none. */
export function proxyTrust(trusted: TrustProxy): ProxyTrust {
  if (typeof trusted === 'boolean' || typeof trusted === 'number') {
    const hops = Number(trusted);
    return (_address, hop) => hop < hops;
  }
  const list = (typeof trusted === 'string' ? trusted.split(',') : [...trusted]).map((one) => one.trim());
  try {
    return proxyAddr.compile(list);
  } catch {
    throw new RealtimeConfigError(
      `handshake.trustProxy: expected true, a number of hops, or addresses and networks such as loopback or 10.0.0.0/8, got ${JSON.stringify(trusted)}`,
    );
  }
}

/** The address of the client: the first one, seen from here, that is no trusted proxy's. */
export function clientAddress(request: IncomingMessage, trust: ProxyTrust): string {
  const { remoteAddress } = request.socket;
  // What others say is not even read where nobody is asked.
  const isProxy = remoteAddress === undefined || trust(remoteAddress, 0);
  const address: string | undefined = isProxy ? proxyAddr(request, trust) : remoteAddress;
  return (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, ''); // An IPv4 peer of a socket that takes both.
}

/** What counts as one client: an IPv4 address, or the 64 bits of IPv6 that one host has; without a port. */
export function networkOf(address: string): string {
  const bare = address.replace(/^\[|\](:\d+)?$/g, '').replace(/%.*$/, '');
  if (!isIPv6(bare)) return address.replace(/:\d+$/, '');
  const [head = [], tail] = bare.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = tail ? [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail] : head;
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** The host that the client asked for: what a trusted peer says it was, else `Host`. */
export function requestedHost(request: IncomingMessage, trust: ProxyTrust): string | undefined {
  const trusted = trust(request.socket.remoteAddress ?? '', 0);
  const forwarded = trusted ? request.headers['x-forwarded-host'] : undefined;
  return (Array.isArray(forwarded) ? forwarded[0] : forwarded)?.split(',')[0]?.trim() ?? request.headers.host;
}
