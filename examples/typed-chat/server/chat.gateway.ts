import { UsePipes } from '@nestjs/common';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { CurrentRoom, FrameValidationPipe, HandshakeGuards, JwtHandshakeGuard, RealtimeGateway, Room } from 'rookery';
import { MessageDto, ReactionDto } from './chat-frames.dto.js';
import { publish } from './typed-room.js';

@RealtimeGateway('/ws/chat{/:room}')
@HandshakeGuards(JwtHandshakeGuard)
@UsePipes(new FrameValidationPipe({ whitelist: true }))
export class ChatGateway {
  @SubscribeMessage('message')
  say(@CurrentRoom() room: Room, @MessageBody() body: MessageDto) {
    return publish(room, 'message', body);
  }

  @SubscribeMessage('reaction')
  react(@CurrentRoom() room: Room, @MessageBody() body: ReactionDto) {
    return publish(room, 'reaction', body);
  }
}
