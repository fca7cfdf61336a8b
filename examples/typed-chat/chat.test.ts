/** Starts the example's server, and lets two people talk by typed clients. Run by `npm run examples`. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { JwtService } from '@nestjs/jwt';
import { createElement as h } from 'react';
import { renderToString } from 'react-dom/server';
import { RealtimeClient } from 'rookery/client';
import { RealtimeProvider } from 'rookery/react';
import { WebSocket } from 'ws';
import type { ChatFrames } from './shared/frames.js';
import { Chat } from './web/chat.js';

const secret = 'a secret of this example, long enough for HS256';
const clients: RealtimeClient<ChatFrames>[] = [];
let server: ChildProcess;
let url: string;

before(async () => {
  const main = fileURLToPath(new URL('./server/main.js', import.meta.url));
  const env = { ...process.env, PORT: '0', JWT_SECRET: secret, REDIS_URL: '' };
  server = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: server.stdout! }).on('line', (line) => {
      const [, address] = /^listening on (.+)$/.exec(line) ?? [];
      if (address) resolve(address);
    });
    server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)));
  });
});

after(async () => {
  for (const client of clients) client.close();
  server.kill();
});

function connect(name: string): RealtimeClient<ChatFrames> {
  const token = () => new JwtService({ secret }).signAsync({ sub: name, name }, { expiresIn: '1h' });
  const client = new RealtimeClient<ChatFrames>(`${url}/ws/chat`, { WebSocket, token });
  clients.push(client);
  return client;
}

test('what Alice says and gives, Bob sees with its types', async () => {
  const room = connect('bob').room('general');
  const seen = new Promise<string>((resolve) => {
    let said = '';
    room.on('message', ({ user, text }) => (said = `${user}: ${text}`));
    room.on('reaction', ({ user, emoji, to }) => resolve(`${said}; ${user} gave ${emoji} to message ${to}`));
  });
  await new Promise((resolve) => room.on('joined', resolve));
  const alices = connect('alice').room('general');
  const { offset = 0 } = await alices.send('message', { text: 'hi' });
  await alices.send('reaction', { to: offset, emoji: '🐦' });
  assert.equal(await seen, 'alice: hi; alice gave 🐦 to message 1');
});

test('what the compiler can’t see, the DTO refuses', async () => {
  const room = connect('carol').room('general');
  await assert.rejects(room.send('message', { text: '' }), { code: 'invalid_payload' });
});

test('the component renders on a server too', () => {
  const client = connect('dave');
  const html = renderToString(h(RealtimeProvider<ChatFrames>, { client }, h(Chat, { name: 'general' })));
  assert.match(html, /<p>idle, 0 here: <\/p>/);
});
