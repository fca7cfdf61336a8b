import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { RealtimeGateway } from '../../index.js';

/** Says again what was said. No token, no room. */
@RealtimeGateway('/ws', { codec: 'text', namespace: 'echo' })
export class EchoGateway {
  @SubscribeMessage('message')
  echo(@MessageBody() text: string): string {
    return `Echo: ${text}`;
  }
}
