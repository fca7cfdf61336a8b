import { BadRequestException, Inject } from '@nestjs/common';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect } from '@nestjs/websockets';
import { RealtimeGateway } from '../../index.js';
import type { Connection } from '../../index.js';
import { parseJson } from '../../protocol/index.js';
import type { ServerConfig } from '../config.js';
import { SERVER_CONFIG } from '../server-config.providers.js';

/** Keeps a connection alive by a heartbeat of its own, and says which JSON it received. No token, no room. */
@RealtimeGateway('/ws/reliable', { codec: 'text' })
export class ReliableGateway implements OnGatewayConnection<Connection>, OnGatewayDisconnect<Connection> {
  private readonly heartbeats = new Map<string, NodeJS.Timeout>();

  constructor(@Inject(SERVER_CONFIG) private readonly config: ServerConfig) {}

  handleConnection(connection: Connection): void {
    if (this.config.heartbeatMs === 0) return;
    const heartbeat = setInterval(() => connection.send('{"type":"ping"}'), this.config.heartbeatMs);
    this.heartbeats.set(connection.id, heartbeat.unref());
  }

  handleDisconnect(connection: Connection): void {
    clearInterval(this.heartbeats.get(connection.id));
    this.heartbeats.delete(connection.id);
  }

  /** @throws BadRequestException close code 1007 — the text is no JSON. */
  @SubscribeMessage('message')
  receive(@MessageBody() text: string): string | undefined {
    const frame = parseJson(text);
    if (frame === undefined) throw new BadRequestException('expected JSON');
    return isPong(frame) ? undefined : `Received: ${JSON.stringify(frame)}`;
  }
}

function isPong(frame: unknown): boolean {
  return typeof frame === 'object' && frame !== null && 'type' in frame && frame.type === 'pong';
}
