import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Post,
  Query,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { FrameError, RealtimeUsageError } from '../realtime.errors.js';
import { Realtime } from '../realtime.service.js';
import type { RealtimeParts } from '../realtime.parts.js';
import { REALTIME_PARTS } from '../realtime.tokens.js';
import { isAddress } from '../rooms/address.js';
import type { PublishResult } from '../rooms/publisher.js';
import type { Room, RoomHistory } from '../rooms/room.js';
import type { PresencePage } from '../presence/presence.js';
import { AdminCalls } from './admin-calls.interceptor.js';
import {
  BroadcastBody,
  DisconnectBody,
  HistoryQuery,
  KickBody,
  PresenceQuery,
  PublishBody,
  RoomBody,
  RoomQuery,
  UnbanBody,
} from './admin-bodies.js';
import { AdminErrorFilter } from './admin-error.filter.js';
import { adminFailureOf } from './admin-error.js';
import { AdminGuard } from './admin.guard.js';

/** What became of one room of a broadcast. */
type Broadcast =
  | ({ readonly room: string } & PublishResult)
  | { readonly room: string; readonly error: { readonly code: string; readonly message: string } };

/** What is right for a query or a body of the admin API. */
export const adminPipe = new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true });

/** Rooms and users, on whichever pod they are: `Realtime` by HTTP. docs/admin.md has every route with an example. */
@Controller()
@UseGuards(AdminGuard)
@UseFilters(AdminErrorFilter)
@UseInterceptors(AdminCalls)
@UsePipes(adminPipe)
export class AdminController {
  constructor(
    @Inject(Realtime) private readonly realtime: Realtime,
    @Inject(REALTIME_PARTS) private readonly parts: RealtimeParts,
  ) {}

  /** Publishes one frame: to a room, to all connections of a user, or to all of a namespace. */
  @Post('publish')
  @HttpCode(200)
  publish(@Body() body: PublishBody, @Body('payload') payload: unknown): Promise<PublishResult> {
    const { room, user, namespace, type, id, store, key, except, as } = body;
    if ([room, user, namespace].filter((one) => one !== undefined).length !== 1) {
      throw new RealtimeUsageError('expected one of "room", "user" and "namespace"');
    }
    this.checkSize(payload);
    const options = { id, key, except, as, ...(store === undefined ? {} : { store }) };
    if (user !== undefined) return this.realtime.user(user).publish(type, payload, options);
    if (namespace !== undefined) return this.realtime.namespace(namespace).publish(type, payload, options);
    return this.room(room).publish(type, payload, options);
  }

  /** Publishes one frame in many rooms. What can't be an address stops all of it; else each room has its own result. */
  @Post('broadcast')
  @HttpCode(200)
  async broadcast(@Body() body: BroadcastBody, @Body('payload') payload: unknown): Promise<{ results: Broadcast[] }> {
    this.checkSize(payload);
    const { type, id, store, key, as } = body;
    const options = { id, key, as, ...(store === undefined ? {} : { store }) };
    const results = body.rooms
      .map((address) => this.room(address))
      .map(async (room): Promise<Broadcast> => {
        try {
          const { offset, epoch, duplicate } = await room.publish(type, payload, options);
          return { room: room.address, offset, epoch, duplicate };
        } catch (error) {
          const { code, message, unexpected } = adminFailureOf(error);
          if (unexpected) throw error;
          return { room: room.address, error: { code, message } };
        }
      });
    return { results: await Promise.all(results) };
  }

  /** How many users are in a room, over all pods, and how many connections of this pod. */
  @Get('room')
  async members(@Query() query: RoomQuery): Promise<{ room: string; members: number; connections: number }> {
    const room = this.room(query.room);
    const connections = this.parts.registry.members(room.address).length;
    return { room: room.address, members: await room.members(), connections };
  }

  @Get('presence')
  presence(@Query() { room, after, limit }: PresenceQuery): Promise<PresencePage> {
    return this.room(room).presence({ ...(after === undefined ? {} : { after }), ...(limit ? { limit } : {}) });
  }

  @Get('history')
  history(@Query() { room, since, before, limit }: HistoryQuery): Promise<RoomHistory> {
    return this.room(room).history({ since, before, limit });
  }

  @Post('history/clear')
  @HttpCode(200)
  async clearHistory(@Body() { room }: RoomBody): Promise<object> {
    await this.room(room).clearHistory();
    return {};
  }

  @Post('kick')
  @HttpCode(200)
  async kick(@Body() { room, user, forMs = 0 }: KickBody): Promise<object> {
    await this.room(room).kick(user, { forMs });
    return {};
  }

  @Post('disconnect')
  @HttpCode(200)
  async disconnect(@Body() { user, forMs = 0 }: DisconnectBody): Promise<object> {
    await this.realtime.user(user).disconnect({ forMs });
    return {};
  }

  /** Ends the ban from a room; without one, that from everything. */
  @Post('unban')
  @HttpCode(200)
  async unban(@Body() { user, room }: UnbanBody): Promise<object> {
    await (room === undefined ? this.realtime.user(user).unban() : this.room(room).unban(user));
    return {};
  }

  /** @throws FrameError bad_room */
  private room(address = ''): Room {
    if (!isAddress(address)) {
      throw new FrameError(
        'bad_room',
        'expected the address of a room like "chat/general": namespace, slash, room name',
      );
    }
    return this.realtime.to(address);
  }

  /** As large as a client's own frame may be: what members can't send nobody has to receive. @throws FrameError too_big */
  private checkSize(payload: unknown): void {
    const { maxFrameBytes } = this.parts.options;
    if (Buffer.byteLength(JSON.stringify(payload)) <= maxFrameBytes) return;
    throw new FrameError('too_big', `expected a payload of at most maxFrameBytes (${maxFrameBytes})`);
  }
}
