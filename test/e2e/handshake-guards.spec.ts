import type { IncomingMessage, Server } from 'node:http';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  ForbiddenException,
  HttpException,
  Inject,
  Injectable,
  Module,
  Scope,
  SetMetadata,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import type { CanActivate, ExecutionContext, ModuleMetadata, Type } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { OnGatewayConnection } from '@nestjs/websockets';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { EMPTY, NEVER, of, throwError, timer } from 'rxjs';
import type { Observable } from 'rxjs';
import { finalize, map } from 'rxjs/operators';
import { WebSocket } from 'ws';
import { CurrentIdentity, HandshakeGuards, JwtHandshakeGuard, RealtimeGateway, RoomPolicy } from '../../src/index.js';
import type { Identity, OnJoin, RealtimeOptions, Room } from '../../src/index.js';
import { ManualClock, startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { runsGlobalsOnFrames } from '../support/nest-version.js';
import { mint } from '../support/tokens.js';
import { until, within } from '../support/within.js';

jest.setTimeout(20_000);

const SECRET = 'a secret of the tests, long enough for HS256';

/** What of the application ran, and what its guards shall do: one per test. */
let calls: string[] = [];
let verdict: (context: ExecutionContext) => boolean | Promise<boolean> | Observable<boolean> = () => true;

@Injectable()
class OrderedGuard implements CanActivate {
  canActivate(context: ExecutionContext): ReturnType<CanActivate['canActivate']> {
    calls.push('guard');
    return verdict(context);
  }
}

class App implements OnGatewayConnection, OnJoin {
  handleConnection(): void {
    calls.push('handleConnection');
  }

  onJoin(room: Room): void {
    calls.push(`onJoin ${room.name}`);
  }

  onRoomOpen(room: Room): void {
    calls.push(`onRoomOpen ${room.name}`);
  }

  @SubscribeMessage('message')
  say(@CurrentIdentity() identity: Identity): { id: string; name: string; claims: unknown } {
    calls.push('handler');
    return { id: identity.id, name: identity.name, claims: identity.claims };
  }
}

@RealtimeGateway('/ws/guarded{/:room}')
@HandshakeGuards(OrderedGuard)
class GuardedGateway extends App {}

let server: TestServer | undefined;
let logger = new CapturedLogger();

afterEach(async () => {
  await server?.close();
  server = undefined;
  calls = [];
  verdict = () => true;
  logger = new CapturedLogger();
});

async function start(
  gateways: Type[],
  options: RealtimeOptions = {},
  setup: Pick<ModuleMetadata, 'providers' | 'imports'> = {},
): Promise<TestServer> {
  server = await startTestServer({
    gateways,
    options: { ...options, auth: { allowAnonymous: true, ...options.auth } },
    logger,
    ...setup,
  });
  return server;
}

function urlOf(path = '/ws/guarded/general'): string {
  return `${server?.url}${path}`;
}

describe('what a guard says at the handshake', () => {
  it.each<[string, () => ReturnType<CanActivate['canActivate']>]>([
    ['true', () => true],
    ['a promise of true', () => Promise.resolve(true)],
    ['an Observable of true', () => of(true)],
    ['an Observable that says true later', () => timer(5).pipe(map(() => true))],
  ])('%s opens the connection', async (_what, says) => {
    verdict = says;
    await start([GuardedGateway]);
    const client = await TestClient.connect(urlOf());
    await client.next('joined');
    expect(calls).toEqual(['guard', 'handleConnection', 'onRoomOpen general', 'onJoin general']);
  });

  it.each<[number, string, () => ReturnType<CanActivate['canActivate']>]>([
    [403, 'forbidden', () => false],
    [403, 'forbidden', () => Promise.resolve(false)],
    [403, 'forbidden', () => of(false)],
    [403, 'forbidden', () => undefined as unknown as boolean],
    [
      403,
      'forbidden',
      () => {
        throw new ForbiddenException();
      },
    ],
    [
      401,
      'unauthenticated',
      () => {
        throw new UnauthorizedException('who are you?');
      },
    ],
    [401, 'unauthenticated', () => Promise.reject(new HttpException({ message: ['a', 'b'] }, 401))],
    [401, 'unauthenticated', () => throwError(() => new UnauthorizedException())],
    [
      429,
      'limit',
      () => {
        throw new HttpException('slow down', 429);
      },
    ],
    [
      503,
      'unavailable',
      () => {
        throw new HttpException('later', 503);
      },
    ],
    [
      418,
      'forbidden',
      () => {
        throw new HttpException('teapot', 418);
      },
    ],
    [
      404,
      'forbidden',
      () => {
        throw new HttpException('no such tenant', 404);
      },
    ],
    [
      500,
      'internal',
      () => {
        throw new HttpException('the secret detail', 500);
      },
    ],
    [
      500,
      'internal',
      () => {
        throw new TypeError('the secret detail');
      },
    ],
    [500, 'internal', () => throwError(() => 'the secret detail')],
    [500, 'internal', () => EMPTY],
  ])('is answered with %i %s (%#), and nothing of the application ran', async (status, code, says) => {
    verdict = says;
    await start([GuardedGateway]);
    const refusal = await TestClient.refusal(urlOf());
    expect(refusal.status).toBe(status);
    expect(JSON.parse(refusal.body)).toMatchObject({ code });
    expect(refusal.body).not.toMatch(/secret/);
    expect(refusal.body.trim()).not.toMatch(/\n/);
    expect(calls).toEqual(['guard']);
    expect(server?.registry.connections()).toEqual([]);
    expect(server?.registry.rooms()).toEqual([]);
  });

  it.each<[number, string, number]>([
    [1008, 'forbidden', 403],
    [1008, 'unauthenticated', 401],
    [1013, 'limit', 429],
    [1008, 'forbidden', 418],
    [1011, 'internal', 500],
  ])('has the face %i %s where the client can read close codes (status %i)', async (code, reason, status) => {
    verdict = () => {
      throw new HttpException('no', status);
    };
    await start([GuardedGateway]);
    for (const face of [{ protocols: ['rookery.v1'] }, { origin: 'http://localhost' }]) {
      const client = await TestClient.connect(urlOf(), face);
      expect(await client.closed()).toEqual({ code, reason });
      expect(client.received).toEqual([]);
    }
    expect(calls).toEqual(['guard', 'guard']);
  });

  it('503 is plain HTTP for everybody, with Retry-After', async () => {
    verdict = () => {
      throw new HttpException('later', 503);
    };
    await start([GuardedGateway]);
    const refusal = await TestClient.refusal(urlOf(), { protocols: ['rookery.v1'], origin: 'http://localhost' });
    expect(refusal.status).toBe(503);
    expect(refusal.headers['retry-after']).toMatch(/^\d+$/);
  });

  it('a guard that never answers is 503 after guardTimeoutMs, and its late yes opens nothing', async () => {
    const clock = new ManualClock();
    let say: (yes: boolean) => void = () => undefined;
    verdict = () => new Promise((resolve) => (say = resolve));
    await start([GuardedGateway], { clock, handshake: { guardTimeoutMs: 700 } });
    const refused = TestClient.refusal(urlOf());
    await until('the guard was asked', () => calls.length > 0);
    clock.advance(700);
    expect((await refused).status).toBe(503);
    say(true);
    await TestClient.refusal(urlOf('/ws/nobody'));
    expect(calls).toEqual(['guard']);
    expect(server?.registry.connections()).toEqual([]);
  });

  it('a guard that never answers does not hold up the end of the application', async () => {
    verdict = () => NEVER;
    await start([GuardedGateway], { clock: new ManualClock() });
    const refused = TestClient.refusal(urlOf());
    await until('the guard was asked', () => calls.length > 0);
    await within('the end of the application', Promise.resolve(server?.close()));
    expect((await refused).status).toBe(503);
  });

  it('an Observable is judged by its last value, as Nest does for a route', async () => {
    verdict = () => of(true, false);
    await start([GuardedGateway]);
    expect((await TestClient.refusal(urlOf())).status).toBe(403);
    expect(calls).toEqual(['guard']);
  });

  it('an Observable that never ends has no last value: 503 after guardTimeoutMs, and nobody listens to it any more', async () => {
    let ended: () => void = () => undefined;
    const unsubscribed = new Promise<void>((resolve) => {
      ended = resolve;
    });
    verdict = () =>
      timer(0, 60_000).pipe(
        map(() => true),
        finalize(ended),
      );
    await start([GuardedGateway], { handshake: { guardTimeoutMs: 50 } });
    expect((await TestClient.refusal(urlOf())).status).toBe(503);
    await within('the end of the subscription', unsubscribed);
  });

  it('records whatever header value, and leaves those of the upgrade itself alone', async () => {
    verdict = (context) => {
      const response = context.switchToHttp().getResponse<{ setHeader(name: string, value: unknown): void }>();
      for (const value of [undefined, null, true, new Date(0), [1, 2]]) response.setHeader('X-Odd', value);
      response.setHeader('Upgrade', 'h2c');
      response.setHeader('Sec-WebSocket-Accept', 'mine');
      return true;
    };
    await start([GuardedGateway]);
    const client = await TestClient.connect(urlOf());
    await client.next('joined');
  });

  it('an Observable that never says anything is 503 after guardTimeoutMs', async () => {
    const clock = new ManualClock();
    verdict = () => NEVER;
    await start([GuardedGateway], { clock });
    const refused = TestClient.refusal(urlOf());
    await until('the guard was asked', () => calls.length > 0);
    clock.advance(5_000);
    expect((await refused).status).toBe(503);
  });

  it('an exception that is none of HTTP is logged whole', async () => {
    verdict = () => {
      throw new TypeError('the secret detail');
    };
    await start([GuardedGateway]);
    await TestClient.refusal(urlOf());
    expect(logger.text).toMatch(/TypeError: the secret detail\\n\s+at /);
    expect(logger.text).toMatch(/GuardedGateway/);
  });

  it('every refusal is one log line that says why', async () => {
    verdict = () => {
      throw new UnauthorizedException('who are you?');
    };
    await start([GuardedGateway]);
    await TestClient.refusal(urlOf());
    const lines = logger.lines.filter((line) => line.includes('refused'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/who are you\?/);
    expect(lines[0]).toMatch(/\/ws\/guarded\/general/);
  });

  it('headers that a guard records are in the refusal, and status 401 of the response counts', async () => {
    verdict = (context) => {
      const response = context.switchToHttp().getResponse<{
        setHeader(name: string, value: string | string[]): void;
        status(code: number): { header(name: string, value: string): void };
      }>();
      response.setHeader('WWW-Authenticate', 'Bearer realm="x"\r\nX-Evil: 1');
      response.setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.status(401).header('X-Why', 'test');
      return false;
    };
    await start([GuardedGateway]);
    const refusal = await TestClient.refusal(urlOf());
    expect(refusal.status).toBe(401);
    expect(refusal.headers['www-authenticate']).toMatch(/^Bearer realm="x"/);
    expect(refusal.headers['x-evil']).toBeUndefined();
    expect(refusal.headers['x-why']).toBe('test');
    expect(refusal.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it("headers that a guard records are in the upgrade's answer", async () => {
    verdict = (context) => {
      context.switchToHttp().getResponse<{ setHeader(name: string, value: string): void }>().setHeader('X-Node', 'a');
      return true;
    };
    await start([GuardedGateway]);
    const socket = new WebSocket(urlOf());
    const upgraded = new Promise<IncomingMessage>((resolve) => socket.once('upgrade', resolve));
    expect((await upgraded).headers['x-node']).toBe('a');
    socket.on('error', () => undefined); // It is ended here, before or after it opened.
    socket.terminate();
  });
});

describe('what a guard sees at the handshake', () => {
  it('is an HTTP request: type, request with params, query, cookies, ip; metadata of the class', async () => {
    const seen: unknown[] = [];
    verdict = (context) => {
      const request = context
        .switchToHttp()
        .getRequest<IncomingMessage & { params: object; query: object; cookies: object; ip: string }>();
      seen.push({
        type: context.getType(),
        method: request.method,
        url: request.url,
        params: request.params,
        query: request.query,
        cookie: { ...(request.cookies as Record<string, string>) },
        ip: request.ip,
        header: request.headers['x-a'],
        class: context.getClass().name,
        same: context.getArgByIndex(0) === request && context.getArgs()[0] === request,
        named: typeof context.getHandler().name,
      });
      return true;
    };
    await start([GuardedGateway]);
    await TestClient.connect(urlOf('/ws/guarded/a%2Bb?x=1&y=2&y=3&__proto__=z'), {
      headers: { 'x-a': 'h', cookie: 'sid=s%20t; b=2' },
    });
    expect(seen).toEqual([
      {
        type: 'http',
        method: 'GET',
        url: '/ws/guarded/a%2Bb?x=1&y=2&y=3&__proto__=z',
        params: { room: 'a+b' },
        query: { x: '1', y: ['2', '3'] },
        cookie: { sid: 's t', b: '2' },
        ip: '127.0.0.1',
        header: 'h',
        class: 'GuardedGateway',
        same: true,
        named: 'string',
      },
    ]);
  });

  it('a guard that says yes to whatever is not HTTP still guards', async () => {
    verdict = (context) => context.getType() !== 'http';
    await start([GuardedGateway]);
    expect((await TestClient.refusal(urlOf())).status).toBe(403);
  });

  it('the user that a guard puts on the request becomes the identity', async () => {
    verdict = (context) => {
      context.switchToHttp().getRequest<{ user: object }>().user = { id: 7, name: 'Grace', role: 'admin' };
      return true;
    };
    await start([GuardedGateway]);
    const client = await TestClient.connect(urlOf());
    expect((await client.next('welcome')).user).toEqual({ id: '7', name: 'Grace' });
    expect(await client.request({})).toMatchObject({ data: { claims: { role: 'admin' } } });
  });

  it('a user without an id is refused with 401', async () => {
    verdict = (context) => {
      context.switchToHttp().getRequest<{ user: object }>().user = { name: 'Nobody' };
      return true;
    };
    await start([GuardedGateway]);
    expect((await TestClient.refusal(urlOf())).status).toBe(401);
  });

  it('auth.identity makes the identity of whatever the guards proved', async () => {
    verdict = (context) => {
      context.switchToHttp().getRequest<{ user: object }>().user = { account: { number: 'A-1' }, nick: 'g\u0000race' };
      return true;
    };
    const identity = (claims: Readonly<Record<string, unknown>>): { id: string; name: string } => ({
      id: (claims['account'] as { number: string }).number,
      name: String(claims['nick']),
    });
    await start([GuardedGateway], { auth: { identity } });
    const client = await TestClient.connect(urlOf());
    expect((await client.next('welcome')).user).toEqual({ id: 'A-1', name: 'grace' });
  });

  it('an auth.identity that throws refuses with 500, and the process goes on', async () => {
    verdict = (context) => {
      context.switchToHttp().getRequest<{ user: object }>().user = {};
      return true;
    };
    await start([GuardedGateway], {
      auth: {
        identity: () => {
          throw new Error('mapping failed');
        },
      },
    });
    expect((await TestClient.refusal(urlOf())).status).toBe(500);
    verdict = () => true;
    await (await TestClient.connect(urlOf())).next('joined');
  });
});

describe('several guards', () => {
  const said: string[] = [];
  const guard = (name: string, answer: boolean): CanActivate => ({
    canActivate: async (context) => {
      await Promise.resolve();
      said.push(name);
      const request = context.switchToHttp().getRequest<{ seen?: string[] }>();
      request.seen = [...(request.seen ?? []), name];
      return answer;
    },
  });

  @RealtimeGateway('/ws/several')
  @HandshakeGuards(guard('first', true), guard('second', false), guard('third', true))
  class SeveralGateway extends App {}

  it('run in their order, and the first no ends it', async () => {
    await start([SeveralGateway]);
    expect((await TestClient.refusal(urlOf('/ws/several'))).status).toBe(403);
    expect(said).toEqual(['first', 'second']);
    expect(calls).toEqual([]);
  });
});

describe('guards and the injector', () => {
  @Injectable()
  class Door {
    open = false;
  }

  @Injectable()
  class DoorGuard implements CanActivate {
    constructor(@Inject(Door) private readonly door: Door) {}

    canActivate(): boolean {
      return this.door.open;
    }
  }

  @RealtimeGateway('/ws/door')
  @HandshakeGuards(DoorGuard)
  class DoorGateway extends App {}

  it("get what the gateway's own module provides, and no other module's", async () => {
    const mine = new Door();
    @Module({ providers: [DoorGateway, { provide: Door, useValue: mine }] })
    class MyModule {}
    const theirs = new Door();
    theirs.open = true;
    @Module({ providers: [DoorGuard, { provide: Door, useValue: theirs }] })
    class OtherModule {}
    await start([], {}, { imports: [OtherModule, MyModule] });
    expect((await TestClient.refusal(urlOf('/ws/door'))).status).toBe(403);
    mine.open = true;
    expect((await TestClient.connect(urlOf('/ws/door'))).isOpen).toBe(true);
  });

  it("are the module's own instance where it provides the guard", async () => {
    const door = new Door();
    let made = 0;
    @Injectable()
    class CountedGuard extends DoorGuard {
      constructor(@Inject(Door) found: Door) {
        super(found);
        made += 1;
      }
    }
    @RealtimeGateway('/ws/counted')
    @HandshakeGuards(CountedGuard)
    class CountedGateway extends App {}
    await start([CountedGateway], {}, { providers: [CountedGuard, { provide: Door, useValue: door }] });
    door.open = true;
    for (let i = 0; i < 3; i += 1) await TestClient.connect(urlOf('/ws/counted'));
    expect(made).toBe(1);
  });

  it('a guard whose dependency nobody provides refuses everybody, and says which', async () => {
    await start([DoorGateway]);
    const refusal = await TestClient.refusal(urlOf('/ws/door'));
    expect(refusal.status).toBe(500);
    expect(logger.text).toMatch(/DoorGuard/);
    expect(calls).toEqual([]);
  });

  it('a request-scoped guard, and one that needs something request-scoped, refuse to start', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @Injectable()
    class NeedingGuard implements CanActivate {
      constructor(@Inject(PerRequest) readonly one: PerRequest) {}

      canActivate(): boolean {
        return true;
      }
    }
    @RealtimeGateway('/ws/needing')
    @HandshakeGuards(NeedingGuard)
    class NeedingGateway extends App {}
    await expect(start([NeedingGateway], {}, { providers: [PerRequest] })).rejects.toThrow(
      /NeedingGuard.*request-scoped/,
    );

    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    @RealtimeGateway('/ws/scoped')
    @HandshakeGuards(ScopedGuard)
    class ScopedGateway extends App {}
    await expect(start([ScopedGateway], {}, { providers: [ScopedGuard] })).rejects.toThrow(
      /ScopedGuard.*request-scoped/,
    );
  });

  it('on a plain @WebSocketGateway, where none would run, refuse to start', async () => {
    @WebSocketGateway({ path: '/plain' })
    @HandshakeGuards({ canActivate: () => false })
    class PlainGateway {}
    await expect(start([GuardedGateway, PlainGateway])).rejects.toThrow(/PlainGateway has @HandshakeGuards/);
  });
});

describe('a passport guard', () => {
  @Injectable()
  class TestJwtStrategy extends PassportStrategy(Strategy, 'test-jwt') {
    constructor() {
      super({ jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: SECRET });
    }

    validate(payload: { sub: string; name: string }): { id: string; name: string } | false {
      return payload.sub === 'nobody' ? false : { id: payload.sub, name: payload.name };
    }
  }

  @Injectable()
  class PassportJwtGuard extends AuthGuard('test-jwt') {}

  @RealtimeGateway('/ws/passport{/:room}')
  @HandshakeGuards(PassportJwtGuard)
  class PassportGateway extends App {}

  const setup = { providers: [TestJwtStrategy] };

  it('lets in who has a token, with the user that its strategy made', async () => {
    await start([PassportGateway], {}, setup);
    const client = await TestClient.connect(urlOf('/ws/passport/a'), {
      token: mint(SECRET, { sub: 'u1', name: 'Ada' }),
    });
    expect((await client.next('welcome')).user).toEqual({ id: 'u1', name: 'Ada' });
    await client.next('joined');
  });

  it.each([
    ['no token', undefined],
    ['a forged one', mint('another secret', { sub: 'u1' })],
    ['an expired one', mint(SECRET, { sub: 'u1' }, { expiresInMs: -60_000 })],
    ['one that the strategy does not take', mint(SECRET, { sub: 'nobody' })],
  ])('refuses %s with 401, before anything of the application runs', async (_what, token) => {
    await start([PassportGateway], {}, setup);
    const refusal = await TestClient.refusal(urlOf('/ws/passport/a'), token === undefined ? {} : { token });
    expect(refusal.status).toBe(401);
    expect(calls).toEqual([]);
  });
});

describe('guards for the whole application', () => {
  const Public = (): ClassDecorator => SetMetadata('isPublic', true);

  @Injectable()
  class AppGuard implements CanActivate {
    constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

    canActivate(context: ExecutionContext): boolean {
      const targets = [context.getHandler(), context.getClass()];
      calls.push(`app guard ${context.getType()} ${context.getClass().name}`);
      if (this.reflector.getAllAndOverride<boolean>('isPublic', targets)) return true;
      const request = context.switchToHttp().getRequest<IncomingMessage & { params?: { room?: string } }>();
      if (request.headers['x-key'] === undefined) throw new UnauthorizedException('no key');
      return request.headers['x-key'] === `k-${request.params?.room}`;
    }
  }

  @Injectable()
  class FrameGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      calls.push(`frame guard ${context.getType()}`);
      return true;
    }
  }

  @UseGuards(FrameGuard)
  @RealtimeGateway('/ws/private{/:room}')
  @HandshakeGuards(OrderedGuard)
  class PrivateGateway extends App {}

  @Public()
  @RealtimeGateway('/ws/public{/:room}')
  class PublicGateway extends App {}

  const setup = { providers: [{ provide: APP_GUARD, useClass: AppGuard }] };

  it('run at the handshake with handshake.globalGuards, before those of the gateway', async () => {
    await start([PrivateGateway, PublicGateway], { handshake: { globalGuards: true } }, setup);
    expect((await TestClient.refusal(urlOf('/ws/private/a'))).status).toBe(401);
    expect((await TestClient.refusal(urlOf('/ws/private/a'), { headers: { 'x-key': 'k-b' } })).status).toBe(403);
    expect(calls).toEqual(['app guard http PrivateGateway', 'app guard http PrivateGateway']);
    const client = await TestClient.connect(urlOf('/ws/private/a'), { headers: { 'x-key': 'k-a' } });
    await client.next('joined');
    expect(calls.slice(2)).toEqual([
      'app guard http PrivateGateway',
      'guard',
      'handleConnection',
      'onRoomOpen a',
      'onJoin a',
    ]);
    expect(await client.request({})).toMatchObject({ type: 'ack' });
    const onFrame = ['app guard ws PrivateGateway', 'frame guard ws', 'handler'];
    expect(calls.slice(7)).toEqual(runsGlobalsOnFrames ? onFrame : onFrame.slice(1));
  });

  it('see the metadata of the gateway class: @Public() lets everybody in', async () => {
    await start([PrivateGateway, PublicGateway], { handshake: { globalGuards: true } }, setup);
    await (await TestClient.connect(urlOf('/ws/public/a'))).next('joined');
    expect(calls[0]).toBe('app guard http PublicGateway');
  });

  it('do not run at the handshake without handshake.globalGuards', async () => {
    await start([PrivateGateway], {}, setup);
    const client = await TestClient.connect(urlOf('/ws/private/a'));
    await client.next('joined');
    expect(calls).toEqual(['guard', 'handleConnection', 'onRoomOpen a', 'onJoin a']);
    const answer = runsGlobalsOnFrames ? { type: 'error', code: 'unauthenticated' } : { type: 'ack' };
    expect(await client.request({})).toMatchObject(answer);
  });

  it('run at the handshake when they were added by useGlobalGuards', async () => {
    server = await startTestServer({
      gateways: [PrivateGateway],
      options: { auth: { allowAnonymous: true }, handshake: { globalGuards: true } },
      configure: (app) => void app.useGlobalGuards(new AppGuard(new Reflector())),
    });
    expect((await TestClient.refusal(urlOf('/ws/private/a'))).status).toBe(401);
    expect(calls).toEqual(['app guard http PrivateGateway']);
  });

  it('a global guard that never answers is 503 too', async () => {
    const clock = new ManualClock();
    const silent: CanActivate = {
      canActivate: () => {
        calls.push('silent');
        return NEVER;
      },
    };
    await start(
      [PrivateGateway],
      { clock, handshake: { globalGuards: true } },
      { providers: [{ provide: APP_GUARD, useValue: silent }] },
    );
    const refused = TestClient.refusal(urlOf('/ws/private/a'));
    await until('the guard was asked', () => calls.length > 0);
    clock.advance(5_000);
    expect((await refused).status).toBe(503);
  });
});

describe('a room policy', () => {
  @RealtimeGateway('/ws/rooms{/:room}')
  @HandshakeGuards(JwtHandshakeGuard)
  class RoomsGateway extends App {
    @SubscribeMessage('publish')
    async publish(@MessageBody() body: { type: string }, @CurrentIdentity() who: Identity): Promise<string> {
      await Promise.resolve();
      return `${who.id} ${body.type}`;
    }
  }

  it.each<[string, (identity: Identity) => boolean | Promise<boolean>, string | undefined]>([
    ['yes', () => true, undefined],
    ['a promise of yes', () => Promise.resolve(true), undefined],
    ['no', () => false, undefined],
    ['a promise of no', () => Promise.resolve(false), undefined],
    [
      'an exception',
      () => {
        throw new Error('policy down');
      },
      'policy down',
    ],
    ['a rejection', () => Promise.reject(new Error('policy down')), 'policy down'],
    ['a truthy thing that is not true', () => 'yes' as unknown as boolean, undefined],
  ])(
    'that says %s, provided in another module, decides about the path and about join frames',
    async (what, says, logged) => {
      @Injectable()
      class MyPolicy extends RoomPolicy {
        mayJoin(identity: Identity, room: { name: string }): boolean | Promise<boolean> {
          calls.push(`policy ${identity.id} ${room.name}`);
          return says(identity);
        }

        mayPublish(): boolean {
          return true;
        }
      }
      @Module({ providers: [{ provide: RoomPolicy, useClass: MyPolicy }] })
      class PolicyModule {}
      await start([RoomsGateway], { auth: { jwt: { secret: SECRET } } }, { imports: [PolicyModule] });
      const token = mint(SECRET, { sub: 'u1' });
      const lobby = await TestClient.connect(urlOf('/ws/rooms'), { token });
      const joined = await lobby.request({ type: 'join', room: 'b' });
      if (what.includes('yes')) {
        expect(joined).toMatchObject({ type: 'joined', room: 'b' });
        await (await TestClient.connect(urlOf('/ws/rooms/a'), { token })).next('joined');
      } else {
        expect(joined).toMatchObject({ type: 'error', room: 'b', code: 'forbidden' });
        expect(await TestClient.refusal(urlOf('/ws/rooms/a'), { token })).toMatchObject({ status: 403 });
        const browser = await TestClient.connect(urlOf('/ws/rooms/a'), { token, protocols: ['rookery.v1'] });
        expect(await browser.closed()).toEqual({ code: 1008, reason: 'forbidden' });
        expect(calls.filter((call) => call.startsWith('on'))).toEqual([]);
      }
      if (logged) expect(logger.text.match(new RegExp(logged, 'g'))?.length).toBeGreaterThanOrEqual(2);
      expect(lobby.isOpen).toBe(true);
    },
  );
});

describe('a connection whose handshake was refused', () => {
  it('leaves nothing behind: a hundred refusals of each face', async () => {
    verdict = () => false;
    await start([GuardedGateway]);
    for (let i = 0; i < 100; i += 1) {
      await TestClient.refusal(urlOf());
      const client = await TestClient.connect(urlOf(), { protocols: ['rookery.v1'] });
      expect((await client.closed()).code).toBe(1008);
    }
    expect(server?.registry.connections()).toEqual([]);
    const sockets = await new Promise<number>((resolve) => {
      const http = server?.app.getHttpServer() as Server | undefined;
      http?.getConnections((_error, count) => resolve(count));
    });
    expect(sockets).toBeLessThanOrEqual(1);
  });
});
