import { RedisProcess } from './redis-process.js';
import { until } from './within.js';

const SLOTS = 16_384;
const MASTERS = 3;
const PATIENCE_MS = 20_000;
/** A node that was away gets everything anew. */
const WHOLE_MS = 60_000;
const NODE_TIMEOUT_MS = '2000';

export interface RedisClusterOptions {
  /** Default 3. */
  readonly masters?: number;
  /** Whether each master has a replica, which takes over when the master is lost. Default `false`. */
  readonly replicas?: boolean;
}

/** A range of slots, and who has them. */
interface Shard {
  readonly first: number;
  readonly last: number;
  readonly master: RedisProcess;
  readonly replica: RedisProcess | undefined;
}

/** A Redis Cluster of the test's own: masters, which share the slots evenly. */
export class RedisCluster {
  private constructor(
    /** The masters, as they were at the start. */
    readonly nodes: readonly RedisProcess[],
    /** The replica of each, or none. */
    private readonly replicas: readonly RedisProcess[],
  ) {}

  /** Resolves when every node says that the cluster is whole, and every replica has what its master has. */
  static async start({ masters = MASTERS, replicas = false }: RedisClusterOptions = {}): Promise<RedisCluster> {
    const config = {
      'cluster-enabled': 'yes',
      'cluster-announce-ip': '127.0.0.1', // One that met nobody does not know its own, and clients leave it out.
      'cluster-config-file': 'nodes.conf',
      'cluster-node-timeout': NODE_TIMEOUT_MS,
      'repl-diskless-sync-delay': '0',
    };
    const count = replicas ? 2 * masters : masters;
    const started = await Promise.all(Array.from({ length: count }, () => RedisProcess.start({ config })));
    const cluster = new RedisCluster(started.slice(0, masters), started.slice(masters));
    try {
      await cluster.join();
      await Promise.all(cluster.replicas.map((replica, i) => cluster.replicate(replica, cluster.nodes[i]!)));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get url(): string {
    return `redis+cluster://${this.nodes.map((node) => `127.0.0.1:${node.port}`).join(',')}`;
  }

  /** The master that owns a key. */
  async ownerOf(key: string): Promise<RedisProcess> {
    const slot = await this.slotOf(key);
    const shards = await this.shards();
    const owner = shards.find(({ first, last }) => first <= slot && slot <= last)?.master;
    if (!owner) throw new Error(`expected an owner of slot ${slot}, found none`);
    return owner;
  }

  async slotOf(key: string): Promise<number> {
    return Number(await this.nodes[0]?.command('CLUSTER', 'KEYSLOT', key));
  }

  /** The masters as they are now. */
  async masters(): Promise<RedisProcess[]> {
    return [...new Set((await this.shards()).map(({ master }) => master))];
  }

  /** The replica of a master, once the first node knows of it. */
  async replicaOf(master: RedisProcess): Promise<RedisProcess> {
    let replica: RedisProcess | undefined;
    const isKnown = async (): Promise<boolean> => {
      replica = (await this.shards()).find((shard) => shard.master === master)?.replica;
      return replica !== undefined;
    };
    await until('the master has a replica', isKnown, PATIENCE_MS);
    return replica!;
  }

  /** Moves a slot with all its keys to another node, as an operator does who adds nodes. */
  async moveSlot(slot: number, from: RedisProcess, to: RedisProcess): Promise<void> {
    const [fromId, toId] = [await idOf(from), await idOf(to)];
    await to.command('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId);
    await from.command('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', toId);
    for (;;) {
      // A few keys after the other, as redis-cli does it.
      const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', String(slot), '10')) as string[];
      if (keys.length === 0) break;
      await from.command('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys);
    }
    await to.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
    await from.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
    const others = (await this.masters()).filter((node) => node !== from && node !== to);
    await Promise.all(others.map((node) => node.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId)));
  }

  /** Ends a master as a crash does, after its replica has everything. Resolves when the replica is master. */
  async failOver(master: RedisProcess): Promise<void> {
    const replica = await this.replicaOf(master);
    await until('the replica has it', async () => Number(await master.command('WAIT', '1', '1000')) === 1, PATIENCE_MS);
    await master.kill();
    await this.promoted(replica);
  }

  /** Resolves when a replica has become master. */
  async promoted(replica: RedisProcess): Promise<void> {
    const isMaster = async (): Promise<boolean> =>
      String(await replica.command('INFO', 'replication')).includes('role:master');
    await until('the replica has taken over', isMaster, PATIENCE_MS);
  }

  /** Resolves when each master has a replica that has what it has, and everybody knows it. All must be running. */
  async whole(): Promise<void> {
    const isWhole = async (): Promise<boolean> => {
      const told = await Promise.all(
        this.servers.map(async (server) => ({
          state: String(await server.command('CLUSTER', 'INFO')),
          role: String(await server.command('INFO', 'replication')),
          shards: await this.shards(server),
        })),
      );
      return told.every(
        ({ state, role, shards }) =>
          state.includes('cluster_state:ok') &&
          (role.includes('master_link_status:up') || /slave0:\S*state=online/.test(role)) &&
          new Set(shards.map(({ master }) => master)).size === this.nodes.length &&
          shards.every(({ replica }) => replica !== undefined),
      );
    };
    await until('the cluster is whole', isWhole, WHOLE_MS);
  }

  private get servers(): RedisProcess[] {
    return [...this.nodes, ...this.replicas];
  }

  /** Who has which slots, in the eyes of a server. */
  private async shards(asked: RedisProcess = this.nodes[0]!): Promise<Shard[]> {
    type Node = [string, number];
    const ranges = (await asked.command('CLUSTER', 'SLOTS')) as [number, number, Node, Node?][];
    const serverOf = (node: Node | undefined): RedisProcess | undefined =>
      this.servers.find(({ port }) => port === node?.[1]);
    return ranges.flatMap(([first, last, node, other]) => {
      const master = serverOf(node);
      return master ? [{ first, last, master, replica: serverOf(other) }] : [];
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((node) => node.stop()));
  }

  private async replicate(replica: RedisProcess, master: RedisProcess): Promise<void> {
    const id = await idOf(master);
    await replica.command('CLUSTER', 'MEET', '127.0.0.1', String(master.port));
    const knows = async (): Promise<boolean> => String(await replica.command('CLUSTER', 'NODES')).includes(id);
    await until('the replica knows its master', knows, PATIENCE_MS);
    await replica.command('CLUSTER', 'REPLICATE', id);
    const isUp = async (): Promise<boolean> =>
      String(await replica.command('INFO', 'replication')).includes('master_link_status:up');
    await until('the replica is in sync', isUp, PATIENCE_MS);
    // Whoever votes must know whose replica it is.
    const known = async (): Promise<boolean> => {
      const told = await Promise.all(
        this.servers.map((node) => node.command('CLUSTER', 'REPLICAS', id).catch(() => [])),
      );
      return told.every((list) => (list as unknown[]).length === 1);
    };
    await until('everybody knows the replica', known, PATIENCE_MS);
  }

  private async join(): Promise<void> {
    const size = Math.ceil(SLOTS / this.nodes.length);
    await Promise.all(
      this.nodes.map(async (node, i) => {
        const last = Math.min((i + 1) * size, SLOTS) - 1;
        await node.command('CLUSTER', 'ADDSLOTSRANGE', String(i * size), String(last));
        // Two nodes that begin with the same configuration epoch would have to settle that first.
        await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
      }),
    );
    const [first, ...others] = this.nodes;
    await Promise.all(others.map(async (node) => first?.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port))));
    await Promise.all(this.nodes.map((node) => this.untilWhole(node)));
  }

  private async untilWhole(node: RedisProcess): Promise<void> {
    const client = node.client();
    const deadline = Date.now() + PATIENCE_MS;
    try {
      for (;;) {
        // It is asked until it says yes.
        const info = await client.cluster('INFO');
        const slots = (await client.cluster('SLOTS')) as unknown[];
        const whole =
          info.includes('cluster_state:ok') &&
          info.includes(`cluster_known_nodes:${this.nodes.length}`) &&
          slots.length === this.nodes.length;
        if (whole) return;
        if (Date.now() > deadline) throw new Error(`expected a whole cluster, got:\n${info}`);
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      }
    } finally {
      client.disconnect();
    }
  }
}

async function idOf(node: RedisProcess): Promise<string> {
  return String(await node.command('CLUSTER', 'MYID'));
}
