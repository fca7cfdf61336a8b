import { describe, expect, it } from '@jest/globals';
import { RealtimeConfigError } from '../realtime.errors.js';
import { checkServer } from './redis-server-check.js';

const REPLID = 'd71e8f316587619828fb640211480988b0fd5c2b';

function info(facts: Record<string, string> = {}): string {
  const all = {
    redis_version: '7.0.15',
    redis_mode: 'standalone',
    maxmemory_policy: 'noeviction',
    master_replid: REPLID,
    ...facts,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}:${value}`);
  return ['# Server', ...lines, ''].join('\r\n');
}

describe('checkServer', () => {
  it('has nothing to say about a server as it should be', () => {
    expect(checkServer(info(), false)).toEqual([]);
    expect(checkServer(info({ redis_mode: 'cluster' }), true)).toEqual([]);
    expect(
      checkServer(info({ redis_version: '7.2.4', server_name: 'valkey', valkey_version: '8.0.1' }), false),
    ).toEqual([]);
  });

  it('refuses a server that is too old, naming its version', () => {
    expect(() => checkServer(info({ redis_version: '6.2.14' }), false)).toThrow(RealtimeConfigError);
    expect(() => checkServer(info({ redis_version: '6.2.14' }), false)).toThrow('6.2.14');
  });

  it('refuses a node of a cluster where one server was meant', () => {
    expect(() => checkServer(info({ redis_mode: 'cluster' }), false)).toThrow('redis+cluster://');
  });

  it.each(['allkeys-lru', 'volatile-ttl'])('warns of maxmemory-policy %s', (policy) => {
    expect(checkServer(info({ maxmemory_policy: policy }), false)).toEqual([expect.stringContaining(policy)]);
  });

  it('warns where the replication id can not be read', () => {
    expect(checkServer(info({ master_replid: '' }), false)).toEqual([expect.stringContaining('master_replid')]);
  });
});
