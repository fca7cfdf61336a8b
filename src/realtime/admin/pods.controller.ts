import { Controller, Get, Inject, Query, UseFilters, UseGuards, UseInterceptors, UsePipes } from '@nestjs/common';
import type { Connection } from '../connection/connection.js';
import type { RealtimeParts } from '../realtime.parts.js';
import { REALTIME_PARTS } from '../realtime.tokens.js';
import type { RoomSummary } from '../rooms/room-registry.js';
import { ConnectionsQuery, PageQuery } from './admin-bodies.js';
import { AdminCalls } from './admin-calls.interceptor.js';
import { adminPipe } from './admin.controller.js';
import { AdminErrorFilter } from './admin-error.filter.js';
import { AdminGuard } from './admin.guard.js';
import { PodCensus } from './pod-census.js';
import type { PodsFound } from './pod-census.js';
import { PodFigureCollector } from './pod-figures.js';
import type { PodFigures } from './pod-figures.js';

/** A connection as an operator sees it: never its token, its headers or its query. */
interface ConnectionSummary {
  readonly connection: string;
  readonly namespace: string;
  readonly userId: string;
  readonly name: string;
  readonly ip: string;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** Bytes that it has not read yet. */
  readonly queuedBytes: number;
}

/** A part of a list of this pod. `total`: entries that match, on all pages. */
interface ListPage {
  readonly pod: string;
  readonly total: number;
  /** Nothing follows; else go on with `after`: the name of the last entry. */
  readonly complete: boolean;
}

const DEFAULT_LIMIT = 100;

/** This pod and its neighbours: what they do now. */
@Controller()
@UseGuards(AdminGuard)
@UseFilters(AdminErrorFilter)
@UseInterceptors(AdminCalls)
@UsePipes(adminPipe)
export class PodsController {
  constructor(
    @Inject(REALTIME_PARTS) private readonly parts: RealtimeParts,
    @Inject(PodFigureCollector) private readonly figures: PodFigureCollector,
    @Inject(PodCensus) private readonly census: PodCensus,
  ) {}

  /** The pod that answers. */
  @Get('pod')
  pod(): Promise<PodFigures> {
    return this.figures.now();
  }

  /** Every pod that answers within half a second. */
  @Get('pods')
  pods(): Promise<PodsFound> {
    return this.census.ask();
  }

  /** Rooms with a connection on this pod, by address. */
  @Get('rooms')
  rooms(@Query() { namespace, after, limit }: PageQuery): ListPage & { rooms: RoomSummary[] } {
    const all = this.parts.registry.rooms().filter((room) => namespace === undefined || room.namespace === namespace);
    const { items, ...page } = this.page(all, ({ address }) => address, after, limit);
    return { ...page, rooms: items };
  }

  /** Connections of this pod, by id: of a namespace, a room or a user, or all. */
  @Get('connections')
  connections(
    @Query() { namespace, room, user, after, limit }: ConnectionsQuery,
  ): ListPage & { connections: ConnectionSummary[] } {
    const { registry } = this.parts;
    const found = (room === undefined ? registry.connections(namespace) : registry.members(room)).filter(
      (connection) =>
        (namespace === undefined || connection.namespace === namespace) &&
        (user === undefined || connection.identity.id === user),
    );
    const { items, ...page } = this.page(found, ({ id }) => id, after, limit);
    return { ...page, connections: items.map(summaryOf) };
  }

  private page<Item>(all: readonly Item[], nameOf: (item: Item) => string, after = '', limit = DEFAULT_LIMIT) {
    const following = all.filter((item) => nameOf(item) > after).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    return {
      pod: this.figures.pod,
      total: all.length,
      complete: following.length <= limit,
      items: following.slice(0, limit),
    };
  }
}

function summaryOf({ id, namespace, identity, ip, openedAt, outbox }: Connection): ConnectionSummary {
  return {
    connection: id,
    namespace,
    userId: identity.id,
    name: identity.name,
    ip,
    openedAt,
    queuedBytes: outbox.pendingBytes,
  };
}
