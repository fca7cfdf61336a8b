import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { BufferBudget } from './buffer-budget.js';
import { Connection } from './connection.js';
import type { ConnectionOptions } from './connection.js';

/** A connection of a text gateway, without limits, on what a test gives it. */
export function connectionOn(ws: WebSocket, socket: Duplex, given: Partial<ConnectionOptions>): Connection {
  return new Connection(ws, socket, {
    id: 'c1',
    namespace: 'test',
    identity: { id: 'u', name: 'u', anonymous: false } as Connection['identity'],
    codec: 'text',
    headers: {},
    url: '/',
    ip: '127.0.0.1',
    params: {},
    query: {},
    user: undefined,
    openedAt: 0,
    maxBufferedBytes: 0,
    budget: new BufferBudget(0, () => []),
    onHookFailed: () => undefined,
    ...given,
  });
}
