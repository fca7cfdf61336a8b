import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { CurrentRoom, HandshakeGuards, JwtHandshakeGuard, RealtimeGateway } from '../../src/index.js';
import type { PublishResult, Room } from '../../src/index.js';

/** Rooms of kind `latest`: the newest price of each symbol. */
@RealtimeGateway('/ws/ticker{/:room}', { roomKind: 'latest' })
@HandshakeGuards(JwtHandshakeGuard)
export class TickerFixtureGateway {
  @SubscribeMessage('price')
  price(@CurrentRoom() room: Room, @MessageBody() body: { symbol: string }): Promise<PublishResult> {
    return room.publish('price', body, { key: body.symbol });
  }

  @SubscribeMessage('keyless')
  keyless(@CurrentRoom() room: Room): Promise<PublishResult> {
    return room.publish('price', {});
  }
}
