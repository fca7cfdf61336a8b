import { RealtimeConfigError } from '../realtime.errors.js';

const OLDEST_MAJOR_VERSION = 7;

/**
 * Looks at a server's `INFO` for what Rookery can't do without.
 *
 * @returns Sentences about what works, but not as well as it should.
 * @throws RealtimeConfigError bad_config — the server is too old, or of another kind than the settings say.
 */
export function checkServer(info: string, inCluster: boolean): string[] {
  const facts = parseInfo(info);
  const version = facts.get('redis_version') ?? '';
  // Valkey gives the version of Redis that it is compatible with under the same name.
  if (Number.parseInt(version, 10) < OLDEST_MAJOR_VERSION) {
    throw new RealtimeConfigError(
      `redis: expected Redis 7.0 or newer, or Valkey, got Redis ${version}: upgrade the server`,
    );
  }
  if (!inCluster && facts.get('redis_mode') === 'cluster') {
    throw new RealtimeConfigError(
      'redis: expected one server, got a node of a cluster: write redis+cluster://, or give a factory that makes a Cluster',
    );
  }
  const warnings: string[] = [];
  const policy = facts.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    // Every key of a room has a time to live, so the volatile policies take them as well.
    warnings.push(
      `maxmemory-policy is ${policy}: under pressure Redis would drop rooms' histories and numberings; set it to noeviction`,
    );
  }
  if (!/^[0-9a-f]{40}$/.test(facts.get('master_replid') ?? '')) {
    warnings.push(
      'INFO replication shows no master_replid: after a failover that lost messages, clients can not be told; allow the command INFO',
    );
  }
  return warnings;
}

function parseInfo(info: string): Map<string, string> {
  const facts = new Map<string, string>();
  for (const line of info.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return facts;
}
