import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { ManualClock } from '../../testing/manual-clock.js';
import { connectionOn } from '../connection/connection.double.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import { RealtimeEvents } from '../realtime.events.js';
import type { GatewayBinding } from './gateway-binding.js';
import { Session } from './session.js';
import type { SessionParts } from './session.js';
import { Sessions } from './sessions.js';
import type { SessionsParts } from './sessions.js';

const GATEWAY = { name: 'Chat' } as GatewayBinding;

function sessionOf(gateway: GatewayBinding): Session {
  const ws = Object.assign(new EventEmitter(), { readyState: 1, OPEN: 1, extensions: '' });
  Object.assign(ws, { resume: () => undefined, close: () => undefined, terminate: () => undefined });
  const connection = connectionOn(ws as unknown as WebSocket, new PassThrough(), {});
  return new Session({ connection, gateway, place: { release: () => undefined } } as SessionParts);
}

describe('Sessions', () => {
  it('let whoever closes a gateway wait until its sessions have ended, each who closes it', async () => {
    const sessions = new Sessions({
      clock: new ManualClock(),
      events: new RealtimeEvents(),
      connections: new ConnectionRegistry(),
    } as unknown as SessionsParts);
    const session = sessionOf(GATEWAY);
    sessions.add(session);
    const told: string[] = [];
    const first = sessions.closeAll(GATEWAY).then(() => told.push('first'));
    const second = sessions.closeAll(GATEWAY).then(() => told.push('second'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([]);
    sessions.end(session, 1001, 'going_away');
    await Promise.all([first, second]);
    expect(told).toEqual(['first', 'second']);
    expect(sessions.of(session.connection)).toBeUndefined();
  });
});
