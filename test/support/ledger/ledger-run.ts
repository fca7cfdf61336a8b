import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seedOf } from '../seed.js';
import { SeededRandom } from '../seeded-random.js';
import { startTcpProxy } from '../tcp-proxy.js';
import { mint } from '../tokens.js';
import { until } from '../within.js';
import type { Crew } from './crew.js';
import { HEARTBEAT_MS, networkFaults } from './fault-kinds.js';
import type { ClientNetwork, FaultKind } from './fault-kinds.js';
import { FaultLog } from './fault-log.js';
import { Ledger } from './ledger.js';
import type { ParticipantPlace, ParticipantSpec } from './participant.js';
import { PodFleet } from './pod-fleet.js';
import type { RedisPlace } from './redis-place.js';
import { NumberingWatch, readRooms, readTops } from './numbering.js';
import type { StoredRooms } from './numbering.js';
import { StandalonePlace } from './standalone-place.js';
import { reportOf } from './report.js';
import type { LedgerReport } from './report.js';
import { describePlan, planFaults } from './schedule.js';
import { strikeAll } from './strikes.js';
import { judge } from './verdict.js';

/** Participants of one kind. */
export interface CrewOptions {
  readonly clients: number;
  /** `fleet`: who serves a page. `token`: makes a token for a name. */
  open(fleet: PodFleet, token: ParticipantPlace['token']): Crew | Promise<Crew>;
}

export interface LedgerRunOptions {
  /** Default: that of `ROOKERY_SEED`, else any. Decides what breaks and when, and what clients say and how fast. */
  readonly seed?: number;
  /** How long things break. Everything whole again, settled and caught up takes some seconds more. */
  readonly durationMs: number;
  readonly crews: readonly CrewOptions[];
  /** Default: {@link networkFaults}. */
  readonly kinds?: Readonly<Record<string, FaultKind>>;
  /** Default 2. */
  readonly pods?: number;
  /** Starts the Redis of so many pods. Default: one server that keeps its data. */
  readonly redis?: (pods: number) => Promise<RedisPlace>;
  /** Whether each kind of fault must be felt by a client. Default `true`. Where everything breaks at once, luck decides that. */
  readonly mustBeFelt?: boolean;
}

const SECRET = 'the secret of the ledger of 32 bytes or more';
const ROOMS = ['ledger-a', 'ledger-b', 'ledger-c', 'ledger-d'];
const ROOMS_EACH = 3;
/** How long a client may need to come back and catch up once everything is whole. */
const SETTLE_MS = 90_000;

/**
 * Clients that talk in rooms of pods on one Redis while everything between them breaks; then everything is mended, and
 * what each of them saw is compared with what was acknowledged. Prints the seed and the plan's size at the start and the
 * figures in the end; the same seed breaks the same things at the same moments.
 */
export async function runLedger(options: LedgerRunOptions): Promise<LedgerReport> {
  const { durationMs, kinds = networkFaults, pods = 2, mustBeFelt = true, redis: start = startStandalone } = options;
  const seed = options.seed ?? seedOf(process.env['ROOKERY_SEED']);
  const clients = options.crews.reduce((sum, crew) => sum + crew.clients, 0);
  const ledger = new Ledger();
  const cleanUp: (() => Promise<unknown>)[] = [];
  try {
    const redis = await start(pods);
    cleanUp.push(() => redis.close());
    const plan = planFaults({ seed, durationMs, kinds, clients, pods, masters: redis.masters });
    print(`seed ${seed}: ${plan.length} faults in ${durationMs / 1_000} s; ROOKERY_SEED=${seed} breaks the same again`);
    const fleet = await PodFleet.start(Array.from({ length: pods }, (_, pod) => settings(redis.urlOf(pod))));
    cleanUp.push(() => fleet.close());
    const networks = await startNetworks(fleet, clients);
    cleanUp.push(() => Promise.all(networks.map(({ proxy }) => proxy.close())));
    const watch = new NumberingWatch(redis, ROOMS, ledger.write);
    cleanUp.push(() => watch.close());
    const specs = participantSpecs(networks, seed);
    const crews: Crew[] = [];
    cleanUp.push(async () => {
      ledger.close();
      await Promise.all(crews.map((crew) => crew.close()));
    });
    for (const crew of options.crews) {
      const opened = await crew.open(fleet, (name, livesMs) => mint(SECRET, { sub: name }, { expiresInMs: livesMs }));
      crews.push(opened);
      await opened.begin(specs.splice(0, crew.clients), ledger.write);
    }
    await everybodyJoined(ledger, networks, seed);
    const faults = new FaultLog(ledger);
    await Promise.all(crews.map((crew) => crew.talk()));
    await strikeAll({ fleet, networks, redis, rooms: ROOMS }, plan, { kinds, durationMs, ledger, faults });
    await Promise.all(crews.map((crew) => crew.hush()));
    await drained(ledger, networks);
    // One frame more of everybody: what would come twice, or late, comes before it.
    await Promise.all(crews.map((crew) => crew.lastWords()));
    const rooms = await settled(ledger, redis);
    const report = reportOf(
      { seed, kinds, faults: faults.counts, entries: ledger.entries, rooms, mustBeFelt, durationMs },
      judge(ledger.entries, rooms),
    );
    print(report.line);
    if (report.problems.length > 0) tellFailure(report, ledger, describePlan(faults.struck, kinds));
    return report;
  } finally {
    for (const end of cleanUp.reverse()) await end();
  }
}

const startStandalone = (pods: number): Promise<RedisPlace> => StandalonePlace.start(pods);

function settings(redisUrl: string): NodeJS.ProcessEnv {
  return {
    REDIS_URL: redisUrl,
    JWT_SECRET: SECRET,
    HEARTBEAT_MS: String(HEARTBEAT_MS),
    // What was stored is read in the end.
    HISTORY_SIZE: '0',
    // A pod that is asked to end does so within the run.
    DRAIN_DELAY_MS: '100',
    DRAIN_MS: '500',
  };
}

function startNetworks(fleet: PodFleet, clients: number): Promise<ClientNetwork[]> {
  return Promise.all(
    Array.from({ length: clients }, async (_, nth) => {
      let pod = -1;
      const proxy = await startTcpProxy(() => {
        pod = fleet.next();
        return fleet.server(pod).port;
      });
      return { client: `c${nth}`, proxy, pod: () => pod };
    }),
  );
}

/** Every other client has tokens that do expire, every fourth one tokens that have to be refreshed. */
function participantSpecs(networks: readonly ClientNetwork[], seed: number): ParticipantSpec[] {
  const random = new SeededRandom(seed);
  return networks.map(({ client, proxy }, nth) => ({
    name: client,
    url: `ws://127.0.0.1:${proxy.port}/ws/chat`,
    rooms: roomsOf(nth),
    seed: random.below(2 ** 31),
    tokenLivesMs: [3_000, 8_000, 3_000, 3_600_000][nth % 4]!,
    refreshes: nth % 2 === 1,
  }));
}

function roomsOf(client: number): string[] {
  return Array.from({ length: ROOMS_EACH }, (_, nth) => ROOMS[(client + nth) % ROOMS.length]!);
}

async function everybodyJoined(ledger: Ledger, networks: readonly ClientNetwork[], seed: number): Promise<void> {
  for (const [nth, { client }] of networks.entries()) {
    await until(
      `${client} is in its rooms (seed ${seed})`,
      () => roomsOf(nth).every((room) => ledger.hasJoined(client, room)),
      SETTLE_MS,
    );
  }
}

/** Waits until everybody is back and has nothing to send; what does not come in time the verdict names one by one. */
async function drained(ledger: Ledger, networks: readonly ClientNetwork[]): Promise<void> {
  const isDrained = (): boolean => ledger.unsettled === 0 && networks.every(({ client }) => ledger.isConnected(client));
  await until('', isDrained, SETTLE_MS).catch(() => undefined);
}

/** Waits until everybody has seen everything, and reads what that is. The verdict names who has not. */
async function settled(ledger: Ledger, redis: RedisPlace): Promise<StoredRooms> {
  const isSettled = async (): Promise<boolean> =>
    ledger.unsettled === 0 && ledger.behind(await readTops(redis, ROOMS)).length === 0;
  await until('', isSettled, SETTLE_MS).catch(() => undefined);
  return readRooms(redis, ROOMS);
}

/** What broke when, and every entry, for whoever looks into it. */
function tellFailure({ seed, problems }: LedgerReport, ledger: Ledger, broken: string): void {
  const file = join(mkdtempSync(join(tmpdir(), 'rookery-ledger-')), `${seed}.jsonl`);
  writeFileSync(file, ledger.dump());
  print(`what broke, and for how long, in ms after everybody had joined:\n${broken}`);
  print(`${problems.length} problems; every entry is in ${file}`);
}

function print(line: string): void {
  process.stderr.write(`ledger: ${line}\n`);
}
