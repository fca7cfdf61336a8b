import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FlakyBroker } from '../../src/testing/index.js';
import { memoryBroker } from '../support/brokers.js';
import { Standalone } from '../support/standalone.js';

const SECRET = 'the secret of the pages of 32 bytes or more';

let server: Standalone;

beforeAll(async () => {
  server = await Standalone.start({ JWT_SECRET: SECRET });
});

afterAll(() => server.close());

function get(path: string): Promise<Response> {
  return fetch(server.httpUrl + path);
}

describe('the pages', () => {
  it('are served at /, with the files that they name', async () => {
    const page = await get('/');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const html = await page.text();
    const named = [...html.matchAll(/(?:src|href)="(\/?[\w.-]+\.(?:js|css))"/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(0);
    for (const file of named.filter((name) => !name.startsWith('/rookery-'))) {
      expect({ file, status: (await get(`/${file.replace(/^\//, '')}`)).status }).toEqual({ file, status: 200 });
    }
  });

  it('may run the own files and reach the own server, nothing else', async () => {
    const { headers } = await get('/');
    const policy = headers.get('content-security-policy');
    expect(policy?.split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      `connect-src 'self' ws://127.0.0.1:${server.port} wss://127.0.0.1:${server.port}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('have no inline script and no inline style, which that policy would block', async () => {
    const html = await (await get('/')).text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>/);
    expect(html).not.toMatch(/<style|\sstyle="|\son\w+="/);
  });

  it('take no Host into the policy that could be more than a host', async () => {
    const policy = await policyForHost('evil.example; script-src *');
    expect(policy).not.toContain('evil.example');
    expect(policy).toContain("connect-src 'self';");
  });
});

describe('health', () => {
  it('/healthz says that the process lives', async () => {
    const answer = await get('/healthz');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'ok' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('/readyz says that the broker answers', async () => {
    const answer = await get('/readyz');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'ok', broker: true });
  });

  it('/readyz is 503 while the broker does not answer, and /healthz is not', async () => {
    const broker = new FlakyBroker(memoryBroker());
    const pod = await Standalone.start({ JWT_SECRET: SECRET }, { broker });
    broker.fail('ping', 1);
    const away = await fetch(`${pod.httpUrl}/readyz`);
    expect({ status: away.status, body: await away.json() }).toEqual({
      status: 503,
      body: { status: 'unavailable', broker: false },
    });
    expect((await fetch(`${pod.httpUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${pod.httpUrl}/readyz`)).status).toBe(200);
    await pod.close();
  });
});

describe('what is not there', () => {
  it('is answered by JSON that does not repeat a token', async () => {
    const answer = await get('/nothing?token=hush-hush');
    expect(answer.status).toBe(404);
    const body = await answer.text();
    expect(JSON.parse(body)).toEqual({ code: 'not_found', message: 'Cannot GET /nothing' });
  });

  it('includes tokens for development, where a secret is set', async () => {
    const answer = await fetch(`${server.httpUrl}/dev/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"ana"}',
    });
    expect(answer.status).toBe(404);
  });
});

function policyForHost(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path: '/healthz', headers: { host } }, (response) => {
      response.resume();
      resolve(String(response.headers['content-security-policy']));
    });
    asked.on('error', reject).end();
  });
}
