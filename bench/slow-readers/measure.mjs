import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importTypeScript } from '../../tools/import-typescript.mjs';
import { startServer } from '../../tools/pods.mjs';
import { generate } from '../loadgen/loadgen.mjs';
import { pinnedTo } from '../machine.mjs';

/** Of a segment and of a receive buffer of those who read nothing: so the kernel holds 200 KB for one, not megabytes. */
const SEGMENT_BYTES = 1_460;
const RECEIVE_BUFFER_BYTES = 4_096;

/**
 * A fresh server, `plan.good` readers and `slow` more in their room who read nothing once they are in it, and one of the
 * good ones who speaks at a steady rate.
 *
 * @returns latencies of the good ones in ms, what they missed, how the server's memory grew, how many slow ones it closed
 */
export async function measure({ root, loadgen, plan, slow }) {
  const secret = randomBytes(32).toString('base64url');
  const folder = mkdtempSync(join(tmpdir(), 'rookery-slow-'));
  const server = await startServer(
    root,
    {
      JWT_SECRET: secret,
      MESSAGES_PER_SECOND: '0',
      MAX_BUFFERED_TOTAL_BYTES: String(plan.maxBufferedTotalMiB * 2 ** 20),
      DRAIN_DELAY_MS: '0',
      DRAIN_MS: '0',
    },
    pinnedTo(0),
  );
  try {
    const tokens = join(folder, 'tokens');
    await writeTokens(root, tokens, secret, plan.good + slow);
    const options = {
      mode: 'fanout-rate',
      port: server.port,
      path: '/ws/chat/r%r',
      query: 'token=%T',
      tokenFile: tokens,
      conns: plan.good + slow,
      stall: slow,
      stallMss: SEGMENT_BYTES,
      stallRcvbuf: RECEIVE_BUFFER_BYTES,
      pubs: 1,
      pubPos: 'first',
      rate: plan.messagesPerSecond,
      textLen: plan.messageBytes,
      msg: '{"text":"%m"}',
      inflight: 16,
      spin: 0,
      settle: 2,
      warmup: plan.warmupSeconds,
      duration: plan.seconds,
      pid: server.pid,
    };
    const { report } = await generate(loadgen, options, pinnedTo(1));
    return measured(report, plan.good + slow);
  } finally {
    await server.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeTokens(root, file, secret, count) {
  const { mint } = await importTypeScript(root, 'test/support/tokens.ts');
  const tokens = Array.from({ length: count }, (_, i) => mint(secret, { sub: `u${i}`, name: `u${i}` }));
  writeFileSync(file, tokens.join('\n'));
}

function measured(report, expected) {
  if (report.up !== expected) throw new Error(`expected ${expected} connections, got ${report.up}`);
  const ms = (us) => us / 1_000;
  const { lat_us: latency } = report;
  return {
    p50: ms(latency.p50),
    p90: ms(latency.p90),
    p99: ms(latency.p99),
    max: ms(latency.max),
    deliveries: report.deliveries,
    lost: report.lost,
    doubled: report.dup,
    disordered: report.reordered,
    closed: report.stalled_closed ?? 0,
    cpu: report.srv_cpu,
    residentMiB: report.rss_ready_kb / 1_024,
    grownMiB: (report.rss_peak_kb - report.rss_ready_kb) / 1_024,
  };
}
