import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import { ForbiddenException, Inject, Injectable, UnsupportedMediaTypeException } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { ServerConfig } from '../config.js';
import { SERVER_CONFIG } from '../server-config.providers.js';

/** What proxies add. A request that has one was made elsewhere, whatever address its last stretch came from. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'];

/**
 * Lets only this server's own page, on this machine, ask for a token; with `DEV_TOKENS=true` a page on any machine.
 * Another site's script must not get one, so it takes JSON (which makes a browser ask first) and the own origin.
 */
@Injectable()
export class DevTokenGuard implements CanActivate {
  constructor(@Inject(SERVER_CONFIG) private readonly config: ServerConfig) {}

  /** @throws ForbiddenException, UnsupportedMediaTypeException */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<IncomingMessage>();
    if (this.config.devTokens !== 'everyone' && !isFromHere(request)) {
      throw new ForbiddenException(
        'tokens for development are given to this machine only; open the page by http://localhost, or set DEV_TOKENS=true',
      );
    }
    const trustProxy = Boolean(this.config.realtime.handshake?.trustProxy);
    if (!isSameOrigin(request, trustProxy))
      throw new ForbiddenException("expected a request of this server's own page");
    const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    if (type !== 'application/json') throw new UnsupportedMediaTypeException('expected Content-Type: application/json');
    return true;
  }
}

function isFromHere(request: IncomingMessage): boolean {
  if (FORWARDING_HEADERS.some((name) => request.headers[name] !== undefined)) return false;
  // A page elsewhere can make its own name resolve to 127.0.0.1; then the peer is loopback and the Host is not.
  return isLoopbackAddress(request.socket.remoteAddress) && isLoopbackHost(request.headers.host);
}

function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  const bare = address.replace(/^::ffff:/, '');
  return bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  const name = new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '');
  return name === 'localhost' || name.endsWith('.localhost') || isLoopbackAddress(name);
}

/** A request without `Origin` was not made by another site's script. */
function isSameOrigin({ headers }: IncomingMessage, trustProxy: boolean): boolean {
  const { origin } = headers;
  if (origin === undefined) return true;
  const forwarded = trustProxy ? [headers['x-forwarded-host']].flat()[0] : undefined;
  const host = forwarded?.split(',')[0]?.trim() ?? headers.host;
  if (host === undefined || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  // Through the URL parser, so that a default port counts as none.
  const own = `${page.protocol}//${host}`;
  return page.host !== '' && URL.canParse(own) && new URL(own).host === page.host;
}
