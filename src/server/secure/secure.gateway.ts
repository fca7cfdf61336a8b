import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { CurrentIdentity, HandshakeGuards, JwtHandshakeGuard, RealtimeGateway } from '../../index.js';
import type { Identity } from '../../index.js';

/** Greets whoever showed a token. */
@RealtimeGateway('/ws/secure', { codec: 'text' })
@HandshakeGuards(JwtHandshakeGuard)
export class SecureGateway {
  @SubscribeMessage('message')
  greet(@CurrentIdentity() identity: Identity, @MessageBody() text: string): string {
    return `Hello ${identity.name}: ${text}`;
  }
}
