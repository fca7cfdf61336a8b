import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, TestClient } from 'rookery/testing';
import { startChat, tokenOf } from './support.js';

test('who answers no ping is gone after two intervals', async (t) => {
  const clock = new ManualClock();
  const server = await startChat({ clock, heartbeatMs: 25_000 });
  t.after(() => server.close());
  const token = await tokenOf('bob');
  const bob = await TestClient.connect(`${server.url}/ws/chat/general`, { token, autoPong: false });
  await bob.next('joined');
  clock.advance(25_000);
  await bob.next('ping');
  clock.advance(25_000);
  assert.equal((await bob.closed()).code, 4000);
});

test('who has no fresh token is gone when the old one expires', async (t) => {
  const clock = new ManualClock();
  const server = await startChat({ clock, heartbeatMs: 0 });
  t.after(() => server.close());
  const token = await tokenOf('bob', 60);
  const bob = await TestClient.connect(`${server.url}/ws/chat/general`, { token });
  await bob.next('joined');
  clock.advance(60_000);
  assert.deepEqual(await bob.closed(), { code: 4001, reason: 'token_expired' });
});

test('who says too much at once is told when to go on', async (t) => {
  const clock = new ManualClock();
  const server = await startChat({ clock, messagesPerSecond: 1, messagesBurst: 1 });
  t.after(() => server.close());
  const bob = await TestClient.connect(`${server.url}/ws/chat/general`, { token: await tokenOf('bob') });
  await bob.next('joined');
  await bob.request({ type: 'message', id: 'm1', text: 'first' });
  const { code, retryMs } = await bob.request({ type: 'message', id: 'm2', text: 'second' });
  assert.equal(code, 'rate_limited');
  clock.advance(Number(retryMs));
  assert.equal((await bob.request({ type: 'message', id: 'm2', text: 'second' })).offset, 2);
});
