import type { CanActivate } from '@nestjs/common';
import { HttpException, Inject, Injectable, UseGuards, ValidationPipe } from '@nestjs/common';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { IsString, MaxLength } from 'class-validator';
import { of } from 'rxjs';
import type { Observable } from 'rxjs';
import {
  Concurrent,
  CurrentConnection,
  CurrentIdentity,
  CurrentRoom,
  FrameError,
  HandshakeGuards,
  JwtHandshakeGuard,
  Realtime,
  RealtimeGateway,
  RoomPolicy,
} from '../../src/index.js';
import type { Connection, Identity, OnJoin, OnLeave, PublishResult, Room } from '../../src/index.js';
import { Probe } from './probe.js';

export class SayDto {
  @IsString()
  @MaxLength(65_000)
  text!: string;
}

const validated = new ValidationPipe({ transform: true, whitelist: true });

@Injectable()
export class NoGuard implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

/** A policy that a test changes while the server runs. Entries are `<user id> <room>`. */
export class ListedPolicy extends RoomPolicy {
  readonly noJoin = new Set<string>();
  readonly noPublish = new Set<string>();
  readonly asked: string[] = [];

  mayJoin(identity: Identity, room: { readonly name: string }): boolean {
    this.asked.push(`${identity.id} ${room.name}`);
    return !this.noJoin.has(`${identity.id} ${room.name}`);
  }

  mayPublish(identity: Identity, room: { readonly name: string }): boolean {
    return !this.noPublish.has(`${identity.id} ${room.name}`);
  }
}

/** The standalone server's chat, and handlers that do what a rule needs done. */
@RealtimeGateway('/ws/chat{/:room}', { userRoom: true })
@HandshakeGuards(JwtHandshakeGuard)
export class ChatFixtureGateway implements OnJoin, OnLeave {
  constructor(
    @Inject(Probe) private readonly probe: Probe,
    @Inject(Realtime) private readonly realtime: Realtime,
  ) {}

  async onJoin(room: Room, connection: Connection): Promise<void> {
    await this.probe.pass('onJoin', `${connection.identity.id} ${room.name}`);
  }

  async onLeave(room: Room, connection: Connection, reason: string): Promise<void> {
    await this.probe.pass('onLeave', `${connection.identity.id} ${room.name} ${reason}`);
  }

  @SubscribeMessage('message')
  async say(@CurrentRoom() room: Room, @MessageBody(validated) body: SayDto): Promise<PublishResult> {
    await this.probe.pass('message', body.text);
    return room.publish('message', body);
  }

  /** Hands its publish to the broker within the call. */
  @SubscribeMessage('prompt')
  prompt(@CurrentRoom() room: Room, @MessageBody(validated) body: SayDto): Promise<PublishResult> {
    this.probe.calls.push(`prompt:${body.text}`);
    return room.publish('message', body);
  }

  @Concurrent()
  @SubscribeMessage('concurrent')
  async concurrent(@CurrentRoom() room: Room, @MessageBody(validated) body: SayDto): Promise<PublishResult> {
    await this.probe.pass('concurrent', body.text);
    return room.publish('message', body);
  }

  /** Publishes what it is told, under the name it is told. */
  @SubscribeMessage('emit')
  emit(@CurrentRoom() room: Room, @MessageBody() body: { name: string; payload: unknown }): Promise<PublishResult> {
    return room.publish(body.name, body.payload);
  }

  /** The answer is that of the second publish. */
  @SubscribeMessage('twice')
  async twice(@CurrentRoom() room: Room, @MessageBody(validated) body: SayDto): Promise<PublishResult> {
    await room.publish('message', { text: `${body.text} 1` });
    return room.publish('message', { text: `${body.text} 2` });
  }

  @SubscribeMessage('through-realtime')
  throughRealtime(@CurrentRoom() room: Room, @MessageBody(validated) body: SayDto): Promise<PublishResult> {
    return this.realtime.to(room.address).publish('message', body);
  }

  @SubscribeMessage('typing')
  typing(@CurrentRoom() room: Room, @CurrentConnection() connection: Connection): Promise<PublishResult> {
    return room.publish('typing', {}, { store: false, except: connection.id });
  }

  @SubscribeMessage('body')
  body(@MessageBody() body: unknown): void {
    this.probe.bodies.push(body);
  }

  @SubscribeMessage('data')
  data(): { answer: number } {
    return { answer: 42 };
  }

  @SubscribeMessage('nothing')
  nothing(): void {
    this.probe.calls.push('nothing:');
  }

  @SubscribeMessage('observable')
  observable(): Observable<number> {
    return of(7);
  }

  @SubscribeMessage('who')
  who(@CurrentIdentity() identity: Identity): { id: string; name: string } {
    return { id: identity.id, name: identity.name };
  }

  @SubscribeMessage('status')
  status(@MessageBody() body: { status: number }): never {
    throw new HttpException(`status ${body.status}`, body.status);
  }

  @SubscribeMessage('taken')
  taken(): never {
    throw new FrameError('conflict', 'the seat is taken');
  }

  @SubscribeMessage('boom')
  boom(): never {
    throw new Error('the-secret-detail');
  }

  @UseGuards(NoGuard)
  @SubscribeMessage('guarded')
  guarded(): void {
    this.probe.calls.push('guarded:');
  }
}
