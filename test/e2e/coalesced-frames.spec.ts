import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { SubscribeMessage } from '@nestjs/websockets';
import { CurrentConnection, CurrentRoom, RealtimeConfigError, RealtimeGateway } from '../../src/index.js';
import type { Connection, Room } from '../../src/index.js';
import { startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { range } from '../support/chat.js';

const FRAMES = 200;
let server: TestServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** One that answers `many` with so many frames over some turns of the event loop, and `farewell` with some and a close. */
function manyAt(path: string, coalesceMs: number): Type {
  class ManyGateway {
    @SubscribeMessage('many')
    async many(@CurrentRoom() room: Room): Promise<void> {
      for (const n of range(1, FRAMES)) {
        await room.publish('frame', { n });
        if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }

    @SubscribeMessage('farewell')
    farewell(@CurrentConnection() connection: Connection): void {
      for (const n of range(1, FRAMES)) connection.send({ type: 'frame', n });
      connection.close(4900, 'bye');
    }
  }
  RealtimeGateway(path, { coalesceMs })(ManyGateway);
  return ManyGateway;
}

const start = async (coalesceMs: number): Promise<TestServer> => {
  server = await startTestServer({
    gateways: [manyAt('/ws/many/:room', coalesceMs)],
    options: { auth: { allowAnonymous: true } },
  });
  return server;
};

describe.each([0, 20])('a gateway with a coalesceMs of %i', (coalesceMs) => {
  it('sends every member every frame once, in order, and its acknowledgement behind them', async () => {
    const { url } = await start(coalesceMs);
    const [one, other] = [await TestClient.connect(`${url}/ws/many/a`), await TestClient.connect(`${url}/ws/many/a`)];
    const id = randomUUID();
    one.send({ type: 'many', id });
    for (const client of [one, other]) {
      for (const n of range(1, FRAMES)) expect(await client.next('frame')).toMatchObject({ n, offset: n });
    }
    expect(await one.next('ack')).toMatchObject({ id });
    for (const client of [one, other]) client.destroy();
  });

  it('sends what it has gathered before it closes', async () => {
    const { url } = await start(coalesceMs);
    const client = await TestClient.connect(`${url}/ws/many/a`);
    client.send({ type: 'farewell' });
    for (const n of range(1, FRAMES)) expect(await client.next('frame')).toMatchObject({ n });
    expect(await client.closed()).toMatchObject({ code: 4900, reason: 'bye' });
  });
});

describe('coalesceMs', () => {
  it.each([-1, 1_001, Number.NaN])('of %d is refused at the start', async (coalesceMs) => {
    await expect(start(coalesceMs)).rejects.toThrow(RealtimeConfigError);
    await expect(start(coalesceMs)).rejects.toThrow(/ManyGateway: expected a coalesceMs of 0 to 1000, got/);
  });
});
