/** Writes a run as Markdown: how it was made, and one table. */
export function reportText({ run, plan, results }) {
  const seconds = (ms) => `${ms / 1_000} s`;
  const rows = [
    ['', ...results.map(({ title }) => title)],
    results.map(() => '---:'),
    ['messages × clients', ...results.map((result) => whole(result.expected))],
    ['**delivered**', ...results.map((result) => `**${percent(result.delivered, result.expected)}**`)],
    ['lost', ...results.map((result) => whole(result.lost))],
    ['delivered twice', ...results.map((result) => whole(result.doubled))],
    ['out of order', ...results.map((result) => whole(result.disordered))],
    ['connections cut', ...results.map((result) => whole(result.cuts))],
    ['attempts to connect', ...results.map((result) => whole(result.attempts))],
    ['came into the room', ...results.map((result) => whole(result.joins))],
    [
      'returns recovered / not',
      ...results.map((result) => `${whole(result.recovered)} / ${whole(result.unrecovered)}`),
    ],
    ['live delivery p50 / p99, ms', ...results.map(({ live }) => `${whole(live.p50)} / ${whole(live.p99)}`)],
    ['messages recovered', ...results.map(({ replayed }) => whole(replayed.count))],
    ['their age p50 / p99 / max, ms', ...results.map(({ replayed }) => ages(replayed))],
    ['server CPU', ...results.map(({ server }) => (server ? `${(server.cpuMs / 1_000).toFixed(1)} s` : '–'))],
    ['server peak RSS', ...results.map(({ server }) => (server ? `${server.peakRssMiB} MiB` : '–'))],
  ];
  rows[1].unshift('---');
  return [
    '# Resilience',
    '',
    `${whole(plan.clients)} clients in one room, ${plan.messagesPerSecond} messages/s for ${seconds(plan.durationMs)};`,
    `each client's TCP connection is cut every ${seconds(plan.cutEveryMs)} and its network is gone for`,
    `${seconds(plan.awayMs)}. [How, and how fair](../README.md).`,
    '',
    `${run.date}, commit ${run.commit}, Node ${run.node}, ${run.cpu}, ${run.memoryGiB} GiB; \`${run.command}\`.`,
    'Numbers: [resilience.json](resilience.json).',
    '',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');
}

function whole(number) {
  return Math.round(number).toLocaleString('en');
}

/** Never rounded up to 100. */
function percent(part, all) {
  return part === all ? '100 %' : `${(Math.floor((part / all) * 10_000) / 100).toFixed(2)} %`;
}

function ages({ count, p50, p99, max }) {
  return count === 0 ? '–' : [p50, p99, max].map(whole).join(' / ');
}
