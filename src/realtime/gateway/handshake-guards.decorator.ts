import { SetMetadata } from '@nestjs/common';
import type { CanActivate, Type } from '@nestjs/common';
import { HANDSHAKE_GUARDS } from './metadata.js';

/**
 * Says which guards must let a connection in before it exists for the application (HS3). They run as HTTP guards, in
 * this order: `getType()` is `http`, `getRequest()` the upgrade request with `params`, `query` and `cookies`. What a
 * guard puts on `request.user` makes the identity. A guard that throws an HttpException chooses the refusal; `false` is
 * 403.
 *
 * @param guards Classes, made by the injector of the gateway's module, or instances.
 */
export function HandshakeGuards(...guards: (Type<CanActivate> | CanActivate)[]): ClassDecorator {
  return SetMetadata(HANDSHAKE_GUARDS, guards);
}
