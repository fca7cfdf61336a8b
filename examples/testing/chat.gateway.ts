import { Injectable, Module } from '@nestjs/common';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { CurrentRoom, HandshakeGuards, JwtHandshakeGuard, RealtimeGateway, RealtimeModule, Room } from 'rookery';

/** What a test does without: a service with a database behind it. */
@Injectable()
export class Archive {
  keep(text: string): Promise<void> {
    return Promise.reject(new Error(`no database to keep "${text}" in`));
  }
}

@RealtimeGateway('/ws/chat{/:room}')
@HandshakeGuards(JwtHandshakeGuard)
export class ChatGateway {
  constructor(private readonly archive: Archive) {}

  @SubscribeMessage('message')
  async say(@CurrentRoom() room: Room, @MessageBody() body: { text: string }) {
    await this.archive.keep(body.text);
    return room.publish('message', body);
  }
}

@Module({
  imports: [RealtimeModule.forRoot({ auth: { jwt: { secret: 'a secret of the tests, long enough for HS256' } } })],
  providers: [ChatGateway, Archive],
})
export class AppModule {}
