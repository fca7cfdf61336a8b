import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Connection } from '../../index.js';
import { parseConfig } from '../config.js';
import { ReliableGateway } from './reliable.gateway.js';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function connection(id: string): { connection: Connection; sent: string[] } {
  const sent: string[] = [];
  const send = (text: string) => void sent.push(text);
  return { connection: { id, send } as unknown as Connection, sent };
}

it('pings each connection every HEARTBEAT_MS until it is closed, and leaves no timer behind', () => {
  const gateway = new ReliableGateway(parseConfig({ HEARTBEAT_MS: '1000' }));
  const [ana, bo] = [connection('a'), connection('b')];
  gateway.handleConnection(ana.connection);
  gateway.handleConnection(bo.connection);
  jest.advanceTimersByTime(2_000);
  gateway.handleDisconnect(ana.connection);
  jest.advanceTimersByTime(1_000);
  expect(ana.sent).toEqual(['{"type":"ping"}', '{"type":"ping"}']);
  expect(bo.sent).toHaveLength(3);
  gateway.handleDisconnect(bo.connection);
  expect(jest.getTimerCount()).toBe(0);
});

it('pings nobody where HEARTBEAT_MS is 0', () => {
  const gateway = new ReliableGateway(parseConfig({ HEARTBEAT_MS: '0' }));
  gateway.handleConnection(connection('a').connection);
  expect(jest.getTimerCount()).toBe(0);
});

it('answers any JSON but a pong, and refuses what is none', () => {
  const gateway = new ReliableGateway(parseConfig({}));
  expect(gateway.receive('[1, 2]')).toBe('Received: [1,2]');
  expect(gateway.receive('null')).toBe('Received: null');
  expect(gateway.receive('{"type":"pong"}')).toBeUndefined();
  expect(() => gateway.receive('{')).toThrow('expected JSON');
});
