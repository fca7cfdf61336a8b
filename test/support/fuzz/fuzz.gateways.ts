import { ValidationPipe } from '@nestjs/common';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { CurrentRoom, HandshakeGuards, JwtHandshakeGuard, RealtimeGateway } from '../../../src/index.js';
import type { PublishResult, Room } from '../../../src/index.js';
import { SayDto } from '../chat-fixture.gateway.js';

/** Takes whatever it gets, as careless handlers do: nothing that a client says may be too much for the server. */
@RealtimeGateway('/ws/fuzz{/:room}', { userRoom: true })
@HandshakeGuards(JwtHandshakeGuard)
export class FuzzedGateway {
  @SubscribeMessage('message')
  say(
    @CurrentRoom() room: Room,
    @MessageBody(new ValidationPipe({ transform: true, whitelist: true })) body: SayDto,
  ): Promise<PublishResult> {
    return room.publish('message', body);
  }

  @SubscribeMessage('note')
  note(@CurrentRoom() room: Room, @MessageBody() body: unknown): Promise<PublishResult> {
    return room.publish('note', body);
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() body: unknown): unknown {
    return body;
  }
}

@RealtimeGateway('/ws/fuzzed-texts/:room', { codec: 'text' })
@HandshakeGuards(JwtHandshakeGuard)
export class FuzzedTextGateway {
  @SubscribeMessage('message')
  echo(@MessageBody() text: string): string {
    return text;
  }
}
