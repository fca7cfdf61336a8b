/**
 * A Nest gateway as people write it: Nest's own WsAdapter, a DTO with class-validator, a loop of `send`. The room is in
 * the query, because WsAdapter compares whole paths: `/ws/chat?room=<room>`. Its first line tells the port.
 *
 * Decorators are applied by hand, as TypeScript would: this file runs as it is.
 */
import 'reflect-metadata';
import { Module, UsePipes, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { IsNotEmpty, IsString } from 'class-validator';

class ChatMessage {}
for (const field of ['user', 'text']) {
  IsString()(ChatMessage.prototype, field);
  IsNotEmpty()(ChatMessage.prototype, field);
}

class ChatGateway {
  rooms = new Map();

  handleConnection(client, request) {
    client.room = new URL(request.url, 'ws://localhost').searchParams.get('room');
    const members = this.rooms.get(client.room) ?? new Set();
    this.rooms.set(client.room, members.add(client));
  }

  handleDisconnect(client) {
    const members = this.rooms.get(client.room);
    members?.delete(client);
    if (members?.size === 0) this.rooms.delete(client.room);
  }

  say(client, { user, text }) {
    const { room } = client;
    const data = { room, user, text, timestamp: new Date().toISOString() };
    const frame = JSON.stringify({ event: 'message', data });
    for (const member of this.rooms.get(room)) {
      if (member.readyState === member.OPEN) member.send(frame);
    }
  }
}
decorate(
  ChatGateway,
  'say',
  [Object, ChatMessage],
  [ConnectedSocket(), MessageBody()],
  [UsePipes(new ValidationPipe({ whitelist: true })), SubscribeMessage('message')],
);
WebSocketGateway({ path: '/ws/chat' })(ChatGateway);

class AppModule {}
Module({ providers: [ChatGateway] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
console.log(JSON.stringify({ event: 'listening', port: app.getHttpServer().address().port }));

function decorate(target, name, types, parameters, decorators) {
  Reflect.defineMetadata('design:paramtypes', types, target.prototype, name);
  parameters.forEach((parameter, index) => parameter(target.prototype, name, index));
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, name);
  for (const decorator of decorators) decorator(target.prototype, name, descriptor);
}
