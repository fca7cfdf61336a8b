import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PlainSocket } from '../support/plain-socket.js';
import { Standalone } from '../support/standalone.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

const SECRET = 'the secret of the logs of 32 bytes or more';

let server: Standalone;

beforeAll(async () => {
  server = await Standalone.start({ JWT_SECRET: SECRET });
});

afterAll(() => server.close());

describe('one line', () => {
  it('for each connect and each disconnect, with its code and duration', async () => {
    const socket = await PlainSocket.open(`${server.wsUrl}/ws/chat/general?token=${mint(SECRET, { sub: 'u-lines' })}`);
    const { connection } = await socket.frame('welcome');
    socket.close(1000);
    const about = (event: string) => server.events(event).filter((line) => line['connection'] === connection);
    await until('the disconnect is logged', () => about('disconnected').length > 0);
    expect(about('connected')).toEqual([expect.objectContaining({ namespace: 'chat', userId: 'u-lines' })]);
    expect(about('disconnected')).toEqual([expect.objectContaining({ code: 1000, durationMs: expect.any(Number) })]);
  });

  it('for each refusal, which says why', async () => {
    await PlainSocket.refusal(`${server.wsUrl}/ws/secure`);
    const before = server.events('refused').length;
    await PlainSocket.refusal(`${server.wsUrl}/ws/secure?token=${mint('wrong', { sub: 'u1' })}`);
    await until('the refusal is logged', () => server.events('refused').length > before);
    expect(server.events('refused').slice(before)).toEqual([
      expect.objectContaining({ status: 401, path: '/ws/secure', why: expect.stringMatching(/\w/) }),
    ]);
  });

  it('for a refused origin, which names the origin and the setting', async () => {
    const socket = await PlainSocket.open(`${server.wsUrl}/ws/secure`, { origin: 'https://evil.example' });
    expect(await socket.closed()).toEqual({ code: 1008, reason: 'origin' });
    await until('it is logged', () => server.events('refused').some((line) => line['origin']));
    const line = JSON.stringify(server.events('refused').at(-1));
    expect(line).toContain('https://evil.example');
    expect(line).toMatch(/allowedOrigins|ALLOWED_ORIGINS/);
  });
});

it('no line carries a token, whichever way it came and whatever became of it', async () => {
  const good = mint(SECRET, { sub: 'u-grep' });
  const bad = `${good.slice(0, -4)}AAAA`;
  const expired = mint(SECRET, { sub: 'u-grep' }, { expiresInMs: -60_000 });
  for (const token of [bad, expired, 'no-token-at-all']) {
    for (const path of ['/ws/chat/general', '/ws/secure', '/ws/chat/b%20d']) {
      await PlainSocket.refusal(`${server.wsUrl}${path}?token=${token}`);
      await PlainSocket.refusal(server.wsUrl + path, { headers: { authorization: `Bearer ${token}` } });
      const shown = await PlainSocket.open(server.wsUrl + path, { protocols: ['rookery.v1', `bearer.${token}`] });
      expect(JSON.stringify(await shown.closed())).not.toContain(token);
    }
    await fetch(`${server.httpUrl}/ws/secure?token=${token}`);
    await fetch(`${server.httpUrl}/nothing?token=${token}`);
    expect((await PlainSocket.refusal(`${server.wsUrl}/nothing?token=${token}`)).status).toBe(404);
  }
  const socket = await PlainSocket.open(`${server.wsUrl}/ws/chat/general?token=${good}`);
  await socket.inRoom();
  socket.send(JSON.stringify({ type: 'auth', id: 'a1', token: bad }));
  await socket.next();
  socket.send('not a frame');
  await socket.frame('error');
  socket.close();
  await socket.closed();
  const logged = JSON.stringify(server.lines);
  expect(server.lines.length).toBeGreaterThan(9);
  for (const token of [good, bad, expired, 'no-token-at-all']) {
    expect(logged).not.toContain(token);
    expect(logged).not.toContain(token.split('.').at(-1));
  }
});
