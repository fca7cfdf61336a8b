import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlakyBroker, TestClient } from 'rookery/testing';
import { startChat, tokenOf } from './support.js';

test('what the broker did not take can be sent again, and is stored once', async (t) => {
  const broker = new FlakyBroker();
  const server = await startChat({ broker });
  t.after(() => server.close());
  const bob = await TestClient.connect(`${server.url}/ws/chat/general`, { token: await tokenOf('bob') });
  await bob.next('joined');

  broker.fail('publish', 1);
  assert.equal((await bob.request({ type: 'message', id: 'm1', text: 'hi' })).code, 'unavailable');
  assert.equal((await bob.request({ type: 'message', id: 'm1', text: 'hi' })).offset, 1);
  assert.equal((await bob.request({ type: 'message', id: 'm1', text: 'hi' })).offset, 1);
});

test('nobody is let in while the broker is away', async (t) => {
  const broker = new FlakyBroker();
  const server = await startChat({ broker });
  t.after(() => server.close());
  const token = await tokenOf('bob');
  broker.goAway();
  assert.equal((await TestClient.refusal(`${server.url}/ws/chat/general`, { token })).status, 503);
  broker.comeBack();
  const bob = await TestClient.connect(`${server.url}/ws/chat/general`, { token });
  await bob.next('joined');
});
