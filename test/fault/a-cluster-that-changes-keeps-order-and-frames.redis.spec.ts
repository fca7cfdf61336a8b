import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { AppClient } from '../support/app-client.js';
import { freshRoom, freshUser, range } from '../support/chat.js';
import { startPods } from '../support/pods.js';
import type { Pods } from '../support/pods.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { until } from '../support/within.js';

// Six servers start, and find each other.
jest.setTimeout(120_000);

let cluster: RedisCluster;
let pods: Pods;
const clients: AppClient[] = [];

beforeEach(async () => {
  cluster = await RedisCluster.start({ replicas: true });
  pods = await startPods(2, () => ({ redis: cluster.url }), { messagesPerSecond: 0, positionCheckMs: 500 });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await pods?.close();
  await cluster?.stop();
});

async function enter(room: string, pod: number): Promise<AppClient> {
  const client = await AppClient.enter(pods, room, freshUser(), pod);
  clients.push(client);
  return client;
}

/** What everybody of a room must have been told: so many frames, each once, in order, and of no gap. */
async function toldAll(members: readonly AppClient[], count: number): Promise<void> {
  for (const member of members) {
    await member.heard('the end');
    expect(member.offsets).toEqual(range(1, count));
    expect(new Set(member.texts).size).toBe(count);
    expect(member.gaps).toEqual([]);
  }
}

/** What must be in the order in which it was said, unless a temporary error came between: then anyhow all of it. */
function asSaid(numbers: readonly number[], sayer: AppClient): number[] {
  return sayer.refusals === 0 ? [...numbers] : [...numbers].sort((a, b) => a - b);
}

it('a master that is killed after its replica has everything: every room goes on, those of other masters too', async () => {
  const rooms = range(1, 6).map(() => freshRoom());
  const pairs = await Promise.all(rooms.map((room) => Promise.all([enter(room, 0), enter(room, 1)])));
  await Promise.all(pairs.map(async ([one]) => Promise.all(range(1, 10).map((n) => one.say(`before ${n}`)))));
  await cluster.failOver(await cluster.ownerOf(`{chat/${rooms[0]}}`));
  const offsets = await Promise.all(
    pairs.map(([, other]) => Promise.all(range(1, 10).map((n) => other.say(`later ${n}`)))),
  );
  for (const [i, own] of offsets.entries()) expect(asSaid(own, pairs[i]![1])).toEqual(range(11, 20));
  await Promise.all(pairs.map(([one]) => one.say('the end')));
  for (const pair of pairs) await toldAll(pair, 21);
});

it('a slot that moves to another master and back while its room is talked in: each frame once, in the order in which it was said', async () => {
  const room = freshRoom();
  const members = [await enter(room, 0), await enter(room, 1)];
  const offsets: number[][] = [[], []];
  let talking = true;
  const talk = async (who: number): Promise<void> => {
    const saying: Promise<unknown>[] = [];
    while (talking) {
      saying.push(members[who]!.say(`${who} ${saying.length}`).then((offset) => offsets[who]!.push(offset)));
      await new Promise((resolve) => setImmediate(resolve));
      // Not more than a pod takes: the test is about the move.
      if (saying.length % 20 === 0) await saying.at(-1);
    }
    await Promise.all(saying);
  };
  const talks = [talk(0), talk(1)];
  const key = `{chat/${room}}`;
  const slot = Number(await cluster.nodes[0]!.command('CLUSTER', 'KEYSLOT', key));
  const first = await cluster.ownerOf(key);
  const second = cluster.nodes.find((node) => node !== first)!;
  const said = (): number => offsets[0]!.length + offsets[1]!.length;
  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const) {
    const before = said();
    await cluster.moveSlot(slot, from, to);
    await until('it is talked on', () => said() > before + 200, 30_000);
  }
  talking = false;
  await Promise.all(talks);
  const count = said();
  expect(await members[0]!.say('the end')).toBe(count + 1);
  expect(offsets.flat().sort((a, b) => a - b)).toEqual(range(1, count));
  await toldAll(members, count + 1);
  for (const who of [0, 1]) {
    const own = members[1]!.texts.filter((text) => text.startsWith(`${who} `)).map((text) => Number(text.slice(2)));
    expect(asSaid(own, members[who]!)).toEqual(own.map((_, n) => n));
  }
});
