import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import {
  CurrentRoom,
  FrameValidationPipe,
  HandshakeGuards,
  JwtHandshakeGuard,
  RealtimeGateway,
  Room,
} from '../../index.js';
import { ChatMessageDto } from './chat-message.dto.js';

/** People who talk in rooms: `/ws/chat/general`, or many rooms over `/ws/chat`. */
@RealtimeGateway('/ws/chat{/:room}', { userRoom: true })
@HandshakeGuards(JwtHandshakeGuard)
export class ChatGateway {
  /** Publishes a message in the room. Fields of the frame other than `text` are dropped, not refused. */
  @SubscribeMessage('message')
  say(@CurrentRoom() room: Room, @MessageBody(new FrameValidationPipe({ whitelist: true })) body: ChatMessageDto) {
    return room.publish('message', body);
  }
}
