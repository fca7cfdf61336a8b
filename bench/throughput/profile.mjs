import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { format } from 'prettier';
import { framesOf, ownersOf, relocated, windowOf } from './cpu-profile.mjs';

/** The profile is cut this long before the generator ended: what follows is the end of its connections. */
const TAIL_US = 100_000;
const WRITE_MS = 30_000;
const SHOWN = 15;
/** A frame of ours above this share has to be explained in bench/README.md. */
const EXPLAIN_FROM = 0.05;

/**
 * Profiles Rookery in some scenarios. Writes `profile-<scenario>.cpuprofile` (to open in a browser's developer tools), and
 * `profile.md` with the top frames of ours and whose code took how much.
 *
 * @param measure `(scenarioId, env, beforeEnd)` makes one round with it
 */
export async function profile({ root, out, run, scenarioIds, measure }) {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-profile-'));
  const sections = [];
  try {
    for (const id of scenarioIds) {
      const file = join(folder, `${id}.cpuprofile`);
      const round = await measure(id, { BENCH_PROFILE: file }, async ({ pids, endedAtUs }) => {
        process.kill(pids[0], 'SIGUSR2');
        await whenThere(file);
        const whole = JSON.parse(readFileSync(file, 'utf8'));
        rmSync(file);
        const cut = windowOf(
          relocated(whole, pathToFileURL(`${root}/`).href),
          endedAtUs - TAIL_US - 2_000_000,
          endedAtUs - TAIL_US,
        );
        writeFileSync(join(out, `profile-${id}.cpuprofile`), JSON.stringify(cut));
        sections.push(sectionOf(id, cut));
      });
      if (round.faults.length > 0) throw new Error(`${id}: ${round.faults.join(', ')}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const text = [
    '# Profile',
    '',
    `Rookery, the last two seconds of each scenario; shares of the time in which it was not idle. ${run.date}, commit`,
    `${run.commit}, Node ${run.node}, ${run.cpu}; \`${run.command}\`. A frame of ours above ${EXPLAIN_FROM * 100} % is explained in`,
    '[the notes](../README.md).',
    '',
    ...sections,
  ].join('\n');
  writeFileSync(join(out, 'profile.md'), await format(text, { parser: 'markdown' }));
  console.log(text);
}

function sectionOf(id, cut) {
  const frames = framesOf(cut);
  const ours = frames.filter(({ owner }) => owner === 'Rookery').slice(0, SHOWN);
  const others = frames.filter(({ owner }) => owner !== 'Rookery').slice(0, SHOWN);
  return [
    `## ${id}`,
    '',
    ownersOf(frames)
      .map(({ owner, share }) => `${owner} ${percent(share)}`)
      .join(' · '),
    '',
    '| ours, self time | | others, self time | |',
    '| --- | ---: | --- | ---: |',
    ...Array.from({ length: SHOWN }, (_, i) => `| ${cellsOf(ours[i], true)} | ${cellsOf(others[i], false)} |`),
    '',
  ].join('\n');
}

function cellsOf(frame, isOurs) {
  if (!frame) return ' | ';
  const share = isOurs && frame.share > EXPLAIN_FROM ? `**${percent(frame.share)}**` : percent(frame.share);
  return `\`${frame.name}\`${frame.place && ` ${frame.place}`} | ${share}`;
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

async function whenThere(file) {
  const until = Date.now() + WRITE_MS;
  while (!existsSync(file)) {
    if (Date.now() > until) throw new Error(`the server wrote no profile within ${WRITE_MS} ms`);
    await sleep(50);
  }
}
