import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Test } from '@nestjs/testing';
import { TestClient, startTestServer } from 'rookery/testing';
import { AppModule, Archive } from './chat.gateway.js';
import { tokenOf } from './support.js';

test('the whole application, with one service replaced', async (t) => {
  const kept: string[] = [];
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(Archive)
    .useValue({ keep: async (text: string) => void kept.push(text) })
    .compile();
  const server = await startTestServer({ app: module.createNestApplication() });
  t.after(() => server.close());

  const bob = await TestClient.connect(`${server.url}/ws/chat/general`, { token: await tokenOf('bob') });
  await bob.request({ type: 'message', text: 'hi' });
  assert.deepEqual(kept, ['hi']);
});
