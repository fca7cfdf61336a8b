import { RedisProcess } from './redis-process.js';
import { until } from './within.js';

export interface RedisSentinelOptions {
  /** Of the Redis servers. The Sentinels themselves have none. */
  readonly password?: string;
}

const MASTER = 'main';
const SENTINELS = 3;
const QUORUM = 2;
/** How long a master is silent before it counts as dead. */
const DOWN_AFTER_MS = 1_000;
const FAILOVER_TIMEOUT_MS = 5_000;
const PATIENCE_MS = 20_000;
/** A failover that came to nothing is tried again after twice its time. */
const FAILOVER_PATIENCE_MS = 60_000;
/** A master that comes back is made a replica after some 10 s. */
const WHOLE_MS = 60_000;

/** A master, its replica and three Sentinels that watch them, of the test's own. */
export class RedisSentinel {
  private constructor(
    /** The two servers; which one is master changes. */
    readonly servers: readonly [RedisProcess, RedisProcess],
    readonly sentinels: readonly RedisProcess[],
    private readonly password: string | undefined,
  ) {}

  /** Resolves when the replica has what the master has, and each Sentinel knows everybody. */
  static async start({ password }: RedisSentinelOptions = {}): Promise<RedisSentinel> {
    const config = {
      'repl-diskless-sync-delay': '0',
      ...(password ? { requirepass: password, masterauth: password } : {}),
    };
    const [first, second] = await Promise.all([RedisProcess.start({ config }), RedisProcess.start({ config })]);
    const started = [first, second];
    try {
      await second.command('REPLICAOF', '127.0.0.1', String(first.port));
      await untilInSync(second);
      const lines = linesFor(first, password);
      const sentinels = await Promise.all(
        Array.from({ length: SENTINELS }, () => RedisProcess.start({ sentinel: lines })),
      );
      started.push(...sentinels);
      await Promise.all(sentinels.map((sentinel) => untilItKnowsAll(sentinel)));
      return new RedisSentinel([first, second], sentinels, password);
    } catch (error) {
      await Promise.all(started.map((process) => process.stop()));
      throw error;
    }
  }

  get url(): string {
    const hosts = this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `redis+sentinel://${this.password ? `:${this.password}@` : ''}${hosts}/${MASTER}`;
  }

  /** Who is master in the eyes of the Sentinels. */
  async master(): Promise<RedisProcess> {
    const port = await this.masterPort();
    const [first, second] = this.servers;
    return first.port === port ? first : second;
  }

  /** The other one. */
  async replica(): Promise<RedisProcess> {
    const [first, second] = this.servers;
    return (await this.master()) === first ? second : first;
  }

  /** Resolves when the replica has everything that the master had at the call. */
  async replicated(): Promise<void> {
    await untilInSync(await this.replica());
    const master = await this.master();
    await until('the replica has it', async () => Number(await master.command('WAIT', '1', '1000')) === 1, PATIENCE_MS);
  }

  /** Asks for a failover, as an operator does, until one is taken on and comes to something. Resolves when it is done. */
  async failOver(): Promise<void> {
    const before = await this.master();
    let askAt = 0;
    const isDone = async (): Promise<boolean> => {
      if ((await this.master()) !== before) return true;
      if (Date.now() < askAt) return false;
      const isTakenOn = await this.sentinels[0]!.command('SENTINEL', 'FAILOVER', MASTER).then(
        () => true,
        () => false, // It is not over the one before yet, or has not heard of the replica lately.
      );
      if (isTakenOn) askAt = Date.now() + 2 * FAILOVER_TIMEOUT_MS; // It gives up one that takes longer.
      return false;
    };
    await until('Sentinel has changed the master', isDone, FAILOVER_PATIENCE_MS);
  }

  /** Resolves when the Sentinels have made another one the master. */
  async replaced(before: RedisProcess): Promise<void> {
    await until('there is another master', async () => (await this.master()) !== before, FAILOVER_PATIENCE_MS);
  }

  /** Resolves when the one is master, and the other its replica that has what it has. All must be running. */
  async whole(): Promise<void> {
    const isWhole = async (): Promise<boolean> => {
      const [master, replica] = [await this.master(), await this.replica()];
      const told = await Promise.all([master, replica].map((server) => server.command('INFO', 'replication')));
      const [ofMaster, ofReplica] = told.map(String) as [string, string];
      return (
        ofMaster.includes('role:master') &&
        ofMaster.includes(`port=${replica.port},state=online`) &&
        ofReplica.includes(`master_port:${master.port}`) &&
        ofReplica.includes('master_link_status:up')
      );
    };
    await until('a master and its replica are there', isWhole, WHOLE_MS);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map((process) => process.stop()));
  }

  private async masterPort(): Promise<number> {
    const asked = await this.sentinels[0]?.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER);
    return Number((asked as [string, string])[1]);
  }
}

function linesFor(master: RedisProcess, password: string | undefined): string[] {
  return [
    `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER} ${FAILOVER_TIMEOUT_MS}`,
    ...(password ? [`sentinel auth-pass ${MASTER} ${password}`] : []),
  ];
}

async function untilInSync(replica: RedisProcess): Promise<void> {
  const isUp = async (): Promise<boolean> =>
    String(await replica.command('INFO', 'replication')).includes('master_link_status:up');
  await until('the replica is in sync', isUp, PATIENCE_MS);
}

async function untilItKnowsAll(sentinel: RedisProcess): Promise<void> {
  const knows = async (): Promise<boolean> => {
    const facts = factsOf(await sentinel.command('SENTINEL', 'MASTER', MASTER));
    return facts.get('num-other-sentinels') === String(SENTINELS - 1) && facts.get('num-slaves') === '1';
  };
  await until('a Sentinel knows the others and the replica', knows, PATIENCE_MS);
}

/** A reply of RESP3 is an object, one of RESP2 a list of names and values. */
function factsOf(reply: unknown): Map<string, string> {
  if (!Array.isArray(reply)) return new Map(Object.entries(reply as Record<string, string>));
  const words = reply as string[];
  return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ''] as const] : [])));
}
