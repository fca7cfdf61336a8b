/**
 * Connections that are in many rooms each, which the C generator can't do: `node many-rooms.mjs '{"port", "pids", "path",
 * "tokenFile", "conns", "rooms", "messagesPerSecond", "burst", "warmupMs", "durationMs"}'`. A burst goes to as many rooms at
 * once. The last line is a report with the names that the C generator's has. The rate is fixed: this program costs more
 * than the server, so CPU per delivery is what it can tell.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { usageOf } from '../machine.mjs';

const DRAIN_MS = 3_000;
/** Connections that enter at once. */
const ENTERING = 10;
const { port, pids, path, tokenFile, conns, rooms, messagesPerSecond, burst, warmupMs, durationMs } = JSON.parse(
  process.argv[2],
);
const tokens = tokenFile && readFileSync(tokenFile, 'utf8').split('\n');
const lastOf = new Map();
const report = { conns, up: 0, rooms, lost: 0, dup: 0, disconnects: 0 };
let received = 0;
let sent = 0;
const members = [];
while (members.length < conns) {
  const next = Array.from({ length: ENTERING }, (_, index) => enter(members.length + index));
  members.push(...(await Promise.all(next)));
}
report.up = members.length;
await run(warmupMs);
const before = { sent, cpuMs: usageOf(pids).cpuMs, at: performance.now() };
await run(durationMs);
const seconds = (performance.now() - before.at) / 1_000;
const cpuMs = usageOf(pids).cpuMs - before.cpuMs;
const deliveries = (sent - before.sent) * conns;
const drainedBy = performance.now() + DRAIN_MS;
while (received < sent * conns && performance.now() < drainedBy) await sleep(10);
report.lost = sent * conns - received;
report.deliveries_per_s = deliveries / seconds;
report.cpu_s_per_m = (cpuMs / deliveries) * 1_000;
console.log(JSON.stringify(report));
process.exit(0);

/** Connects and joins every room; resolves when the last one is joined. */
async function enter(index) {
  const query = tokens === undefined ? '' : `?token=${tokens[index]}`;
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}${query}`, { perMessageDeflate: false });
  let joined = 0;
  await new Promise((resolve, reject) => {
    ws.once('error', reject);
    ws.once('close', () => reject(new Error(`connection ${index} was closed while it joined`)));
    ws.once('open', () => {
      for (let room = 0; room < rooms; room += 1) ws.send(JSON.stringify({ type: 'join', room: `m${room}` }));
    });
    ws.addEventListener('message', ({ data: frame }) => {
      if (frame.startsWith('{"type":"joined"') && frame.includes('"room":"m') && (joined += 1) === rooms) resolve();
      else count(index, frame);
    });
  });
  ws.on('close', () => (report.disconnects += 1));
  return ws;
}

async function run(ms) {
  const gapMs = (1_000 * burst) / messagesPerSecond;
  const start = performance.now();
  for (let due = start; due < start + ms; due += gapMs) {
    const waitMs = due - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    for (let i = 0; i < burst; i += 1) {
      const room = sent % rooms;
      // One sender for each room: only its own frames have an order.
      members[room].send(JSON.stringify({ room: `m${room}`, text: `s:${sent} room:${room} ${'x'.repeat(40)}` }));
      sent += 1;
    }
  }
}

/** A frame whose number is not above the one before it in its room is a double, or late. */
function count(index, frame) {
  const found = /s:(\d+) room:(\d+)/.exec(frame);
  if (!found) return;
  const [number, room] = [Number(found[1]), Number(found[2])];
  const key = index * rooms + room;
  if (number <= (lastOf.get(key) ?? -1)) {
    report.dup += 1;
    return;
  }
  lastOf.set(key, number);
  received += 1;
}
