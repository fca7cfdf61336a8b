import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestClient } from 'rookery/testing';
import { startChat, tokenOf } from './support.js';

test('what Alice says, Bob gets, and Alice is told that it is stored', async (t) => {
  const server = await startChat();
  t.after(() => server.close());
  const alice = await TestClient.connect(`${server.url}/ws/chat/general`, { token: await tokenOf('alice') });
  const bob = await TestClient.connect(`${server.url}/ws/chat/general`, { token: await tokenOf('bob') });
  await alice.next('joined');
  await bob.next('joined');

  const ack = await alice.request({ type: 'message', text: 'hi' });
  assert.deepEqual({ type: ack.type, offset: ack.offset }, { type: 'ack', offset: 1 });
  const { user, text } = await bob.next('message');
  assert.deepEqual({ user, text }, { user: 'alice', text: 'hi' });
});

test('nobody comes in without a token', async (t) => {
  const server = await startChat();
  t.after(() => server.close());
  const refusal = await TestClient.refusal(`${server.url}/ws/chat/general`);
  assert.equal(refusal.status, 401);
});

test('what the application publishes reaches the room', async (t) => {
  const server = await startChat();
  t.after(() => server.close());
  const bob = await TestClient.connect(`${server.url}/ws/chat/general`, { token: await tokenOf('bob') });
  await bob.next('joined');
  await server.realtime.to('chat/general').publish('notice', { text: 'deployed' });
  assert.equal((await bob.next('notice'))['text'], 'deployed');
});
