import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { RealtimeEvents, RoomRegistry } from '../../src/index.js';
import { PlainSocket } from '../support/plain-socket.js';
import type { PlainSocketOptions } from '../support/plain-socket.js';
import { Standalone } from '../support/standalone.js';
import { mint } from '../support/tokens.js';
import { until, within } from '../support/within.js';

const SECRET = 'the secret of the guides of 32 bytes or more';

let server: Standalone;
let sockets: PlainSocket[] = [];
const opened: string[] = [];
/** Keeps a client that reconnects by itself from outliving its test. */
let giveUp = (): void => undefined;

beforeAll(async () => {
  server = await Standalone.start({ ALLOW_ANONYMOUS: 'true', JWT_SECRET: SECRET, HEARTBEAT_MS: '100' });
  server.app.get(RealtimeEvents).on('connectionOpened', ({ namespace }) => opened.push(namespace));
});

afterEach(() => {
  giveUp();
  for (const socket of sockets) socket.terminate();
  sockets = [];
  opened.length = 0;
});

afterAll(() => server.close());

async function open(path: string, options?: PlainSocketOptions): Promise<PlainSocket> {
  const socket = await PlainSocket.open(server.wsUrl + path, options);
  sockets.push(socket);
  return socket;
}

describe('the room-based chat, without a token', () => {
  it('takes a bare {"user", "text"} and gives everyone {user, text, room, timestamp}', async () => {
    const [ana, bo] = [await open('/ws/chat/general'), await open('/ws/chat/general')];
    await Promise.all([ana.inRoom(), bo.inRoom()]);
    ana.send(JSON.stringify({ user: 'ana', text: 'hi' }));
    for (const socket of [ana, bo]) {
      const frame = await socket.frame('message');
      expect(frame).toMatchObject({ user: 'ana', text: 'hi', room: 'general' });
      expect(new Date(String(frame['timestamp'])).toISOString()).toBe(frame['timestamp']);
    }
  });

  it('calls whoever gives no name "anonymous", as the guide does', async () => {
    const socket = await open('/ws/chat/quiet');
    socket.send('{"text":"hi"}');
    expect(await socket.frame('message')).toMatchObject({ user: 'anonymous', text: 'hi', room: 'quiet' });
  });

  it('answers {"type":"ping"} with {"type":"pong"}', async () => {
    const socket = await open('/ws/chat/general');
    await socket.inRoom();
    socket.send('{"type":"ping"}');
    expect(await socket.frame('pong')).toEqual({ type: 'pong' });
  });

  it('keeps rooms apart', async () => {
    const [ana, bo] = [await open('/ws/chat/red'), await open('/ws/chat/blue')];
    await Promise.all([ana.inRoom(), bo.inRoom()]);
    ana.send('{"text":"only red"}');
    await ana.frame('message');
    bo.send('{"text":"only blue"}');
    expect(await bo.frame('message')).toMatchObject({ text: 'only blue' });
  });

  it('tells a room that somebody left', async () => {
    const [ana, bo] = [await open('/ws/chat/hall?name=ana'), await open('/ws/chat/hall?name=bo')];
    await Promise.all([ana.inRoom(), bo.inRoom()]);
    bo.close();
    for (;;) {
      const frame = await ana.frame('system');
      if (frame['event'] !== 'left') continue;
      expect(frame).toMatchObject({ text: 'bo left', user: 'bo' });
      break;
    }
  });

  it("works with the guides' little browser client as it is printed", async () => {
    const messages: { type?: string; text?: string }[] = [];
    let current: WebSocket | undefined;
    let pongs = 0;
    let given = false;

    // The guide's function; what differs is the import of WebSocket, and the lines that let the test look on.
    function connectWebSocket(url: string, handleMessage: (msg: { type?: string; text?: string }) => void) {
      let retries = 0;
      function connect() {
        const ws = new WebSocket(url);
        current = ws;
        ws.onopen = () => {
          retries = 0;
        };
        ws.onclose = () => {
          const delay = Math.min(1000 * 2 ** retries, 30000);
          retries++;
          if (!given) setTimeout(connect, delay);
        };
        ws.onmessage = (event) => {
          const msg = JSON.parse(event.data as string) as { type?: string; text?: string };
          if (msg.type === 'ping') {
            ws.send(JSON.stringify({ type: 'pong' }));
            pongs++;
            return;
          }
          handleMessage(msg);
        };
      }
      connect();
    }

    giveUp = () => {
      given = true;
    };
    connectWebSocket(`${server.wsUrl}/ws/chat/guide`, (msg) => messages.push(msg));
    await until('the client is in the room', () => messages.some(({ type }) => type === 'joined'));
    current?.send('{"text":"first"}');
    await until('the message is back', () => messages.some(({ text }) => text === 'first'));
    await until('several heartbeats were answered', () => pongs >= 4);
    expect(current?.readyState).toBe(WebSocket.OPEN);

    const before = current;
    before?.terminate();
    await until('the client came back by itself', () => current !== before && current?.readyState === WebSocket.OPEN);
    current?.send('{"text":"second"}');
    await until('it talks again', () => messages.some(({ text }) => text === 'second'));
    giveUp();
    current?.close();
  });
});

describe('/ws', () => {
  it('echoes each text, without a token and without a frame of its own', async () => {
    const socket = await open('/ws');
    socket.send('Hello Server!');
    expect(await socket.next()).toBe('Echo: Hello Server!');
    socket.send('{"type":"ping"}');
    expect(await socket.next()).toBe('Echo: {"type":"ping"}');
    expect(socket.waiting).toEqual([]);
  });
});

describe('/ws/secure', () => {
  const token = mint(SECRET, { sub: 'u1', name: 'Ana' });

  it('greets whoever the token in the query names', async () => {
    const socket = await open(`/ws/secure?token=${token}`);
    socket.send('good day');
    expect(await socket.next()).toBe('Hello Ana: good day');
  });

  it('refuses a browser without a token with 1008 before anything of the application runs', async () => {
    const socket = await open('/ws/secure', { origin: server.httpUrl });
    socket.send('too early');
    expect(await socket.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
    expect(socket.waiting).toEqual([]);
    expect(opened).toEqual([]);
  });

  it('refuses others without a token with 401 before anything of the application runs', async () => {
    const { status, body } = await PlainSocket.refusal(`${server.wsUrl}/ws/secure`);
    expect(status).toBe(401);
    expect(JSON.parse(body)).toEqual(expect.any(Object));
    expect(opened).toEqual([]);
    expect(server.app.get(RoomRegistry).connections('secure')).toEqual([]);
  });

  it('refuses a wrong token although the chat is open to everyone', async () => {
    const wrong = mint('another secret', { sub: 'u1' });
    expect((await PlainSocket.refusal(`${server.wsUrl}/ws/secure?token=${wrong}`)).status).toBe(401);
    expect((await PlainSocket.refusal(`${server.wsUrl}/ws/chat/general?token=${wrong}`)).status).toBe(401);
  });
});

describe('/ws/reliable', () => {
  it('sends {"type":"ping"} by itself, first and again, and nothing else', async () => {
    const socket = await open('/ws/reliable');
    for (let i = 0; i < 3; i += 1) expect(await socket.next()).toBe('{"type":"ping"}');
  });

  it('says which JSON it received, and is silent on a pong', async () => {
    const socket = await open('/ws/reliable');
    socket.send('{"type":"pong"}');
    socket.send('{ "type": "note", "n": [1, 2] }');
    expect(await nextAnswer(socket)).toBe('Received: {"type":"note","n":[1,2]}');
  });

  it('ends the connection of whoever sends no JSON, with 1007', async () => {
    const socket = await open('/ws/reliable');
    socket.send('no JSON');
    expect((await socket.closed()).code).toBe(1007);
  });

  it('knows no connection any more once it is closed', async () => {
    const socket = await open('/ws/reliable');
    socket.close();
    expect((await socket.closed()).code).toBe(1000);
    await within(
      'the registry to be empty',
      until('nobody is connected', () => server.app.get(RoomRegistry).connections('reliable').length === 0),
    );
  });
});

/** The next text that is no heartbeat. */
async function nextAnswer(socket: PlainSocket): Promise<string> {
  for (;;) {
    const text = await socket.next();
    if (text !== '{"type":"ping"}') return text;
  }
}
