/** Memory that a server may take beside what is queued for its readers. */
const SLACK_MIB = 64;
const MOST_TIMES_P99 = 1.5;

/** Writes a run as Markdown: how it was made, and one table. */
export function reportText({ run, plan, rounds }) {
  const [alone, beside] = ['alone', 'beside'].map((which) => rounds.map((round) => round[which]));
  const row = (title, show) => [title, show(alone), show(beside)];
  const middle = (field) => (all) => median(all.map((one) => one[field])).toFixed(1);
  const sum = (field) => (all) => whole(all.reduce((total, one) => total + one[field], 0));
  const most = (field) => (all) => whole(Math.max(...all.map((one) => one[field])));
  const ratio = median(rounds.map((round) => round.beside.p99 / round.alone.p99));
  const grown = Math.max(...beside.map(({ grownMiB }) => grownMiB));
  const rows = [
    ['', `${plan.good} good readers`, `beside ${whole(plan.slow)} slow ones`],
    ['---', '---:', '---:'],
    row('delivery p50, ms', middle('p50')),
    row('delivery p90, ms', middle('p90')),
    row('**delivery p99, ms**', middle('p99')),
    row('p99 of each round, ms', (all) => all.map(({ p99 }) => p99.toFixed(1)).join(' · ')),
    row('deliveries', sum('deliveries')),
    row('lost, twice, out of order', (all) =>
      ['lost', 'doubled', 'disordered'].map((field) => sum(field)(all)).join(', '),
    ),
    row('slow readers closed, each round', (all) => all.map(({ closed }) => whole(closed)).join(' · ')),
    row('server CPU', (all) => `${(median(all.map(({ cpu }) => cpu)) * 100).toFixed(0)} %`),
    row('RSS before the first message, MiB', most('residentMiB')),
    row('**RSS grown by at most, MiB**', most('grownMiB')),
  ];
  return [
    '# Slow readers',
    '',
    `${plan.good} readers in one room, ${plan.messagesPerSecond} messages/s of ${whole(plan.messageBytes)} bytes; then beside ${whole(plan.slow)} more`,
    `in the same room who read nothing. \`MAX_BUFFERED_TOTAL_BYTES\` ${plan.maxBufferedTotalMiB} MiB, \`MAX_BUFFERED_BYTES\` 1 MiB;`,
    `${plan.rounds} rounds in turn, each on a fresh server: ${plan.warmupSeconds} s until nobody slow takes any more, ${plan.seconds} s measured. [How](../README.md).`,
    '',
    `${run.date}, commit ${run.commit}, Node ${run.node}, ${run.cpu}, ${run.memoryGiB} GiB; \`${run.command}\`.`,
    'Numbers: [slow-readers.json](slow-readers.json).',
    '',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `p99 beside slow readers: **${ratio.toFixed(2)} ×** that without (median of the rounds; at most ${MOST_TIMES_P99} × is claimed).`,
    `Memory: **${whole(grown)} MiB** of ${plan.maxBufferedTotalMiB + SLACK_MIB} MiB that are claimed (the limit and ${SLACK_MIB} MiB).`,
    '',
  ].join('\n');
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
}

function whole(number) {
  return Math.round(number).toLocaleString('en');
}
