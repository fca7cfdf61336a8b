import { afterEach, describe, expect, it } from '@jest/globals';
import type { RealtimeOptions } from '../../src/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { freshRoom, freshUser } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';

describe('origins', () => {
  let chat: ChatServer | undefined;
  const environment = process.env['NODE_ENV'];

  afterEach(async () => {
    process.env['NODE_ENV'] = environment;
    await chat?.close();
  });

  async function start(handshake: RealtimeOptions['handshake'] = {}, logger?: CapturedLogger): Promise<ChatServer> {
    chat = await startChat({ handshake }, logger ? { logger } : {});
    return chat;
  }

  async function isRefused(server: ChatServer, origin: string, headers: Record<string, string> = {}): Promise<boolean> {
    const client = await server.connect(freshRoom(), freshUser(), { origin, headers });
    const verdict = await Promise.race([client.next('welcome').catch(() => undefined), client.closed()]);
    if (verdict && 'type' in verdict) return false;
    expect(await client.closed()).toEqual({ code: 1008, reason: 'origin' });
    return true;
  }

  it('HS8 lets those of the allow-list in, and nobody else', async () => {
    const server = await start({ allowedOrigins: ['https://app.example', 'http://other.example:8080'] });
    expect(await isRefused(server, 'https://app.example')).toBe(false);
    expect(await isRefused(server, 'http://other.example:8080')).toBe(false);
    for (const origin of [
      'http://app.example',
      'https://app.example:8443',
      'https://app.example.evil.example',
      'https://evil.example/https://app.example',
      'https://sub.app.example',
      'http://other.example',
      'null',
      'garbage',
    ]) {
      expect([origin, await isRefused(server, origin)]).toEqual([origin, true]);
    }
  });

  it('HS8 takes neither the same host nor loopback where there is an allow-list', async () => {
    const server = await start({ allowedOrigins: ['https://app.example'] });
    expect(await isRefused(server, server.url.replace('ws', 'http'))).toBe(true);
    expect(await isRefused(server, 'http://localhost:5173')).toBe(true);
  });

  it('HS8 takes the same host and, outside production, loopback where there is no allow-list', async () => {
    const server = await start();
    for (const origin of [
      server.url.replace('ws', 'http'),
      'http://localhost',
      'http://localhost:5173',
      'https://127.0.0.1:8443',
      'http://[::1]:3000',
    ]) {
      expect([origin, await isRefused(server, origin)]).toEqual([origin, false]);
    }
    for (const origin of [
      'https://app.example',
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
      'http://evil.example#localhost',
      'http://localhost@evil.example',
      'null',
    ]) {
      expect([origin, await isRefused(server, origin)]).toEqual([origin, true]);
    }
  });

  it('HS8 compares the host with its port', async () => {
    const server = await start();
    const headers = { host: 'chat.example:8080' };
    expect(await isRefused(server, 'http://chat.example:8080', headers)).toBe(false);
    expect(await isRefused(server, 'http://chat.example:9090', headers)).toBe(true);
    expect(await isRefused(server, 'http://chat.example', headers)).toBe(true);
  });

  it('HS8 takes no loopback origin in production, and the same host still', async () => {
    process.env['NODE_ENV'] = 'production';
    const server = await start();
    expect(await isRefused(server, 'http://localhost:5173')).toBe(true);
    expect(await isRefused(server, 'http://127.0.0.1:1')).toBe(true);
    expect(await isRefused(server, server.url.replace('ws', 'http'))).toBe(false);
  });

  it('HS8 believes X-Forwarded-Host of a trusted proxy only', async () => {
    const headers = { 'x-forwarded-host': 'chat.example' };
    const trusting = await start({ trustProxy: true });
    expect(await isRefused(trusting, 'https://chat.example', headers)).toBe(false);
    expect(await isRefused(trusting, 'https://evil.example', headers)).toBe(true);
    await trusting.close();
    const wary = await start();
    expect(await isRefused(wary, 'https://chat.example', headers)).toBe(true);
  });

  it('HS8 lets a request without Origin pass', async () => {
    const server = await start({ allowedOrigins: ['https://app.example'] });
    expect((await server.visit(freshRoom(), freshUser())).welcome.type).toBe('welcome');
  });

  it('HS8 refuses a foreign origin before any guard runs, whatever token it brings', async () => {
    const server = await start();
    const client = await server.connect(freshRoom(), undefined, { origin: 'https://evil.example', token: 'garbage' });
    expect(await client.closed()).toEqual({ code: 1008, reason: 'origin' });
  });

  it('HS8 names the origin and the setting in the log line of the refusal', async () => {
    const logger = new CapturedLogger();
    const server = await start({}, logger);
    expect(await isRefused(server, 'https://evil.example')).toBe(true);
    const line = logger.lines.find((text) => text.includes('https://evil.example'));
    expect(line).toContain('allowedOrigins');
  });
});
