import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  Catch,
  HttpException,
  Inject,
  Injectable,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  ValidationPipe,
} from '@nestjs/common';
import type {
  ArgumentsHost,
  CallHandler,
  CanActivate,
  ExceptionFilter,
  ExecutionContext,
  NestInterceptor,
  Provider,
  Type,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, Reflector } from '@nestjs/core';
import { ConnectedSocket, MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { IsInt, IsString, MaxLength, Min, ValidateNested } from 'class-validator';
import { Type as Nested } from 'class-transformer';
import { from, map, of, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import {
  Connection,
  CurrentConnection,
  CurrentIdentity,
  CurrentRoom,
  HandshakeGuards,
  JwtHandshakeGuard,
  PathParam,
  RealtimeGateway,
} from '../../src/index.js';
import type { Identity, PublishResult, RealtimeOptions, Room } from '../../src/index.js';
import { startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { runsGlobalsOnFrames } from '../support/nest-version.js';
import { mint } from '../support/tokens.js';

const SECRET = 'a secret of the tests, long enough for HS256';

jest.setTimeout(20_000);
const Public = (): ClassDecorator & MethodDecorator => SetMetadata('isPublic', true);

class Inner {
  @IsInt()
  @Min(1)
  count!: number;
}

class SayDto {
  @IsString()
  @MaxLength(10)
  text!: string;

  @ValidateNested()
  @Nested(() => Inner)
  inner?: Inner;
}

@Injectable()
class Notes {
  readonly calls: string[] = [];
}

@RealtimeGateway('/ws/chat{/:room}')
@HandshakeGuards(JwtHandshakeGuard)
class ChatGateway {
  constructor(@Inject(Notes) private readonly notes: Notes) {}

  @SubscribeMessage('message')
  say(@CurrentRoom() room: Room, @MessageBody() body: SayDto): Promise<PublishResult> {
    this.notes.calls.push(`handler ${body.constructor.name}`);
    return room.publish('message', body);
  }

  @Public()
  @SubscribeMessage('public')
  open(): string {
    return 'open';
  }

  @SubscribeMessage('bigint')
  bigint(): { n: bigint } {
    return { n: 1n };
  }

  @SubscribeMessage('raw')
  raw(@MessageBody() body: unknown): { body: unknown } {
    return { body };
  }

  @SubscribeMessage('field')
  field(@MessageBody('text') text: unknown): { text: unknown } {
    return { text };
  }

  @SubscribeMessage('params')
  params(
    @CurrentConnection() connection: Connection,
    @ConnectedSocket() client: Connection,
    @CurrentIdentity() identity: Identity,
    @CurrentRoom() room: Room,
    @PathParam('room') param: string,
    @PathParam() all: object,
  ): object {
    const same = connection === client && connection instanceof Connection;
    return { same, who: identity.id, room: room.address, param, all };
  }
}

/** What a monolith has for its HTTP routes: it knows nothing of frames. */
@Injectable()
class BearerGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(Notes) private readonly notes: Notes,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const isPublic = this.reflector.getAllAndOverride<boolean>('isPublic', [context.getHandler(), context.getClass()]);
    if (isPublic) return true;
    const request = context
      .switchToHttp()
      .getRequest<
        IncomingMessage & { ip: string; user: { sub: string }; params: { room: string }; query: Record<string, string> }
      >();
    if (!request.headers.authorization?.startsWith('Bearer ')) throw new HttpException('no token', 401);
    this.notes.calls.push(`guard ${request.user.sub} ${request.params.room} ${request.ip} ${request.query['tab']}`);
    return request.user.sub !== 'banned';
  }
}

let server: TestServer | undefined;
const logger = new CapturedLogger();

afterEach(async () => {
  await server?.close();
  server = undefined;
  logger.lines.length = 0;
});

async function start(
  providers: Provider[],
  gateways: Type[] = [ChatGateway],
  options: RealtimeOptions = {},
): Promise<TestServer> {
  server = await startTestServer({
    gateways,
    providers: [Notes, ...providers],
    options: { auth: { jwt: { secret: SECRET } }, ...options },
    logger,
  });
  return server;
}

function calls(): string[] {
  return server?.app.get(Notes).calls ?? [];
}

async function enter(sub = 'u1', tokenBy: 'header' | 'query' = 'header'): Promise<TestClient> {
  const client = await TestClient.connect(`${server?.url}/ws/chat/general?tab=2`, {
    token: mint(SECRET, { sub }),
    tokenBy,
  });
  await client.next('joined');
  return client;
}

/** Nest 11 runs nothing global on frames: what follows has no subject there. */
const describeGlobals = runsGlobalsOnFrames ? describe : describe.skip;

describeGlobals('global enhancers on the frames of a @RealtimeGateway (Nest 12: Nest 11 runs none on frames)', () => {
  it('an APP_GUARD written for HTTP reads headers, user, params, query and ip of the connection', async () => {
    await start([{ provide: APP_GUARD, useClass: BearerGuard }]);
    const client = await enter();
    expect(await client.request({ text: 'hi' })).toMatchObject({ type: 'ack', offset: 1 });
    expect(calls()).toEqual(['guard u1 general 127.0.0.1 2', 'handler Object']);
  });

  it('an APP_GUARD that says false is answered with forbidden, and the handler does not run', async () => {
    await start([{ provide: APP_GUARD, useClass: BearerGuard }]);
    const client = await enter('banned');
    expect(await client.request({ text: 'hi' })).toMatchObject({ type: 'error', code: 'forbidden' });
    expect(calls()).toEqual(['guard banned general 127.0.0.1 2']);
    expect(client.isOpen).toBe(true);
  });

  it('an HttpException of an APP_GUARD becomes its code', async () => {
    await start([{ provide: APP_GUARD, useClass: BearerGuard }]);
    const client = await enter('u1', 'query');
    expect(await client.request({ text: 'hi' })).toMatchObject({ code: 'unauthenticated', message: 'no token' });
  });

  it('an APP_GUARD sees the metadata of the handler', async () => {
    await start([{ provide: APP_GUARD, useClass: BearerGuard }]);
    const client = await enter('banned');
    expect(await client.request({ type: 'public' })).toMatchObject({ type: 'ack', data: 'open' });
  });

  it('an APP_GUARD does not run at the handshake', async () => {
    await start([{ provide: APP_GUARD, useClass: BearerGuard }]);
    await enter('banned');
    expect(calls()).toEqual([]);
  });

  it('a guard that asks for the type gets ws on a frame', async () => {
    const types: string[] = [];
    const guard: CanActivate = {
      canActivate: (context) => {
        types.push(context.getType());
        expect(context.switchToWs().getClient()).toBeInstanceOf(Connection);
        expect(context.switchToWs().getPattern()).toBe('raw');
        expect(context.switchToWs().getData()).toEqual({ text: 'x' });
        return true;
      },
    };
    await start([{ provide: APP_GUARD, useValue: guard }]);
    const client = await enter();
    expect(await client.request({ type: 'raw', text: 'x' })).toMatchObject({ type: 'ack' });
    expect(types).toEqual(['ws']);
  });

  it('a global ValidationPipe answers invalid_payload with field and rule, and never with the value', async () => {
    await start([{ provide: APP_PIPE, useValue: new ValidationPipe({ transform: true }) }]);
    const client = await enter();
    const long = await client.request({ text: 'my secret value' });
    expect(long).toMatchObject({ type: 'error', code: 'invalid_payload' });
    expect(long['message']).toMatch(/text must be shorter than or equal to 10 characters/);
    const nested = await client.request({ text: 'x', inner: { count: 'many secrets' } });
    expect(nested['message']).toMatch(/inner\.count must be an integer/);
    const none = await client.request({});
    expect(none['message']).toMatch(/text must be a string/);
    for (const text of client.received.map((frame) => client.textOf(frame))) expect(text).not.toMatch(/secret/);
    expect(logger.text).not.toMatch(/secret/);
    expect(await client.request({ text: 'fine', inner: { count: 1 } })).toMatchObject({ type: 'ack' });
    expect(calls()).toEqual(['handler SayDto']);
  });

  it('a ValidationPipe that forbids unknown fields accepts a frame with the reserved ones', async () => {
    await start([{ provide: APP_PIPE, useValue: new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }) }]);
    const client = await enter();
    const frame = { type: 'message', room: 'general', user: 'x', userId: 'x', timestamp: 'x', offset: 3, text: 'ok' };
    expect(await client.request(frame)).toMatchObject({ type: 'ack' });
    const extra = await client.request({ text: 'ok', evil: 1 });
    expect(extra).toMatchObject({
      code: 'invalid_payload',
      message: expect.stringContaining('property evil should not exist'),
    });
  });

  it('a global interceptor runs around the handler and maps what it returns', async () => {
    @Injectable()
    class Wrap implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
        return next.handle().pipe(map((value: unknown) => ({ wrapped: value, by: context.getHandler().name })));
      }
    }
    await start([{ provide: APP_INTERCEPTOR, useClass: Wrap }]);
    const client = await enter();
    expect(await client.request({ type: 'public' })).toMatchObject({
      type: 'ack',
      data: { wrapped: 'open', by: 'open' },
    });
  });

  it('an interceptor that wraps the result of a publish does not take the offset from the ack', async () => {
    const wrap: NestInterceptor = {
      intercept: (_context, next) => next.handle().pipe(map((data: unknown) => ({ data }))),
    };
    await start([{ provide: APP_INTERCEPTOR, useValue: wrap }]);
    const client = await enter();
    expect(await client.request({ text: 'x' })).toMatchObject({ type: 'ack', offset: 1 });
  });

  it('an interceptor that ends the stream, or fails it, is answered', async () => {
    const streams: Record<string, Observable<unknown>> = {
      public: of(),
      raw: throwError(() => new HttpException('busy', 503)),
      field: from([1, 2, 3]),
    };
    const end: NestInterceptor = {
      intercept: (context, next) => streams[context.switchToWs().getPattern()] ?? next.handle(),
    };
    await start([{ provide: APP_INTERCEPTOR, useValue: end }]);
    const client = await enter();
    expect(await client.request({ type: 'public' })).toMatchObject({ type: 'ack' });
    expect(await client.request({ type: 'raw' })).toMatchObject({
      type: 'error',
      code: 'unavailable',
      message: 'busy',
    });
    expect(await client.request({ type: 'field' })).toMatchObject({ type: 'ack', data: 3 });
  });

  it('an exception of a guard that is no HttpException is internal, told in one word and logged whole', async () => {
    const guard: CanActivate = {
      canActivate: () => {
        throw new TypeError('the secret detail');
      },
    };
    await start([{ provide: APP_GUARD, useValue: guard }]);
    const client = await enter();
    expect(await client.request({ text: 'x' })).toMatchObject({ type: 'error', code: 'internal', message: 'internal' });
    expect(logger.text).toMatch(/the secret detail/);
    expect(logger.text).toMatch(/at canActivate|canActivate/);
  });

  it('an APP_FILTER for HTTP does not answer frames', async () => {
    const seen: unknown[] = [];
    const filter: ExceptionFilter = { catch: (error) => void seen.push(error) };
    await start([
      { provide: APP_FILTER, useValue: filter },
      { provide: APP_GUARD, useClass: BearerGuard },
    ]);
    const client = await enter('banned');
    expect(await client.request({ text: 'x' })).toMatchObject({ type: 'error', code: 'forbidden' });
    expect(seen).toEqual([]);
  });
});

describe('enhancers of the gateway itself', () => {
  class NotFound extends Error {}

  @Catch(NotFound)
  class NotFoundFilter implements ExceptionFilter<NotFound> {
    catch(error: NotFound, host: ArgumentsHost): void {
      const client = host.switchToWs().getClient<Connection>();
      client.send({ type: 'custom', what: error.message });
    }
  }

  const order: string[] = [];
  const noting = (name: string): NestInterceptor & CanActivate => ({
    canActivate: () => order.push(`guard ${name}`) > 0,
    intercept: (_context, next) => {
      order.push(`interceptor ${name}`);
      return next.handle();
    },
  });

  @UseFilters(new NotFoundFilter())
  @RealtimeGateway('/ws/filtered')
  class FilteredGateway {
    @SubscribeMessage('missing')
    missing(): never {
      throw new NotFound('nothing here');
    }

    @SubscribeMessage('other')
    other(): never {
      throw new HttpException('taken', 409);
    }
  }

  @RealtimeGateway('/ws/filtered')
  @UseFilters(NotFoundFilter)
  class FilteredOtherwiseGateway extends FilteredGateway {}

  @UseGuards(noting('class'))
  @UseInterceptors(noting('class'))
  @RealtimeGateway('/ws/order')
  class OrderGateway {
    @UseGuards(noting('method'))
    @UseInterceptors(noting('method'))
    @SubscribeMessage('run')
    run(): string {
      order.push('handler');
      return 'ran';
    }
  }

  it.each([
    ['above', FilteredGateway],
    ['below', FilteredOtherwiseGateway],
  ])('a filter written %s @RealtimeGateway takes its exceptions, and ours the others', async (_where, gateway) => {
    await start([], [gateway]);
    const client = await TestClient.connect(`${server?.url}/ws/filtered`);
    client.send({ type: 'missing' });
    expect(await client.next('custom')).toMatchObject({ what: 'nothing here' });
    expect(await client.request({ type: 'other' })).toMatchObject({
      type: 'error',
      code: 'conflict',
      message: 'taken',
    });
  });

  it('guards and interceptors of class and method run in the order of Nest', async () => {
    order.length = 0;
    await start([], [OrderGateway]);
    const client = await TestClient.connect(`${server?.url}/ws/order`);
    expect(await client.request({ type: 'run' })).toMatchObject({ type: 'ack', data: 'ran' });
    expect(order).toEqual(['guard class', 'guard method', 'interceptor class', 'interceptor method', 'handler']);
  });
});

describeGlobals('a guard that counts, as ThrottlerGuard of @nestjs/throttler does (Nest 12: global)', () => {
  /** Its access to request and response (6.7): the address, the class, the handler, and headers where it finds a way. */
  @Injectable()
  class CountingGuard implements CanActivate {
    private readonly hits = new Map<string, number>();

    canActivate(context: ExecutionContext): boolean {
      const http = context.switchToHttp();
      const request = http.getRequest<{ ip: string; headers: Record<string, string> }>();
      const response = http.getResponse<{ header?: unknown; setHeader?: unknown }>();
      const key = `${context.getClass().name}-${context.getHandler().name}-${request.ip}`;
      const hits = (this.hits.get(key) ?? 0) + 1;
      this.hits.set(key, hits);
      if (hits > 2) throw new HttpException('ThrottlerException: Too Many Requests', 429);
      if (typeof response.header === 'function') response.header('X-RateLimit-Limit', 2);
      else if (typeof response.setHeader === 'function') response.setHeader('X-RateLimit-Limit', 2);
      return true;
    }
  }

  it('answers rate_limited above its limit', async () => {
    await start([{ provide: APP_GUARD, useClass: CountingGuard }]);
    const client = await enter();
    for (let i = 0; i < 2; i += 1) expect(await client.request({ type: 'raw' })).toMatchObject({ type: 'ack' });
    expect(await client.request({ type: 'raw' })).toMatchObject({ type: 'error', code: 'rate_limited' });
    expect(client.isOpen).toBe(true);
  });

  it('keeps peers apart by their addresses', async () => {
    await start([{ provide: APP_GUARD, useClass: CountingGuard }], [ChatGateway], { handshake: { trustProxy: true } });
    for (const ip of ['10.0.0.1', '10.0.0.2']) {
      const headers = { 'x-forwarded-for': ip };
      const client = await TestClient.connect(`${server?.url}/ws/chat/a`, {
        token: mint(SECRET, { sub: 'u' }),
        headers,
      });
      for (let i = 0; i < 2; i += 1) expect(await client.request({ type: 'raw' })).toMatchObject({ type: 'ack' });
    }
  });

  it("bears an envelope of Nest's without data: the handler's body is empty", async () => {
    await start([{ provide: APP_GUARD, useClass: CountingGuard }]);
    const client = await enter();
    client.sendText('{"event":"raw","id":"none"}');
    expect(await client.answer('none')).toMatchObject({ type: 'ack', data: { body: {} } });
  });

  it("bears a body that has fields with the response's names", async () => {
    await start([{ provide: APP_GUARD, useClass: CountingGuard }]);
    const client = await enter();
    expect(await client.request({ type: 'raw', header: 'mine', setHeader: 1 })).toMatchObject({
      type: 'ack',
      data: { body: { header: 'mine', setHeader: 1 } },
    });
  });
});

describe('parameters and results of handlers', () => {
  it('a result that can not be JSON is answered with internal, and logged', async () => {
    await start([]);
    const client = await enter();
    expect(await client.request({ type: 'bigint' })).toMatchObject({ type: 'error', code: 'internal' });
    expect(logger.text).toMatch(/BigInt/);
  });

  it('gives connection, identity, room and path parameters', async () => {
    await start([]);
    const client = await enter();
    expect(await client.request({ type: 'params' })).toMatchObject({
      data: { same: true, who: 'u1', room: 'chat/general', param: 'general', all: { room: 'general' } },
    });
  });

  it("takes a field of the body by Nest's @MessageBody('field')", async () => {
    await start([]);
    const client = await enter();
    expect(await client.request({ type: 'field', text: 'x' })).toMatchObject({ data: { text: 'x' } });
  });

  it('gives no room to a frame that names none, and @CurrentRoom answers not_in_room', async () => {
    await start([]);
    const client = await TestClient.connect(`${server?.url}/ws/chat`, { token: mint(SECRET, { sub: 'u1' }) });
    expect(await client.request({ text: 'x' })).toMatchObject({ type: 'error', code: 'not_in_room' });
    expect(calls()).toEqual([]);
  });
});
