/** The places in the order in which they are told, as people call them. */
const titles = {
  standalone: 'one Redis with an append-only file',
  sentinel: 'Sentinel: a master and its replica',
  cluster: 'Cluster: three masters with replicas',
};

/** Writes results as Markdown, each with how it was made: what came out, and what was broken. */
export function reportText({ results }) {
  const columns = Object.keys(titles).flatMap((name) => results.find((result) => result.name === name) ?? []);
  const row = (title, value) => `| ${[title, ...columns.map(value)].join(' | ')} |`;
  const head = [row('', ({ name }) => titles[name]), `| --- |${columns.map(() => ' ---: |').join('')}`];
  const kinds = [...new Set(columns.flatMap(({ faults }) => Object.keys(faults)))].sort();
  return [
    '# Chaos',
    '',
    'Clients that talk in rooms of several pods while Redis, the pods and the networks break at random, all at once.',
    'What was acknowledged must be delivered once, in order, to every client, or the client is told that it was lost.',
    '[How it is judged](../README.md#chaos).',
    '',
    ...columns.map(
      ({ name, run }) =>
        `- ${titles[name]}: ${run.date}, commit ${run.commit}, Node ${run.node}, ${run.cpu}, ${run.memoryGiB} GiB; \`${run.command}\`.`,
    ),
    '',
    'Numbers: [chaos.json](chaos.json).',
    '',
    ...head,
    row('duration', ({ durationMs }) => `${whole(durationMs / 1_000)} s`),
    row('pods / clients', ({ pods, clients }) => `${pods} / ${clients}`),
    row('seed', ({ seed }) => seed),
    row('**silently wrong**', ({ problems }) => `**${problems.length}**`),
    row('faults', ({ faults }) => whole(Object.values(faults).reduce((sum, count) => sum + count, 0))),
    row('connections lost', ({ figures }) => whole(Object.values(figures.cuts).reduce((sum, count) => sum + count, 0))),
    row('frames acknowledged', ({ figures }) => whole(figures.acknowledged)),
    row('frames delivered', ({ figures }) => whole(figures.deliveries)),
    row('recovered after a return, at least', ({ figures }) => whole(figures.replayed)),
    row('sent again / stored before', ({ figures }) => `${whole(figures.resends)} / ${whole(figures.resendsOfStored)}`),
    row('refused for now', ({ figures }) => whole(Object.values(figures.refusals).reduce((sum, n) => sum + n, 0))),
    row('epochs of rooms', ({ figures }) => whole(figures.epochs)),
    row('acknowledged and lost by Redis', ({ figures }) => whole(figures.lost)),
    row('gaps told', ({ figures }) => whole(figures.gaps)),
    '',
    'What broke, and how often:',
    '',
    ...head,
    ...kinds.map((kind) => row(kind, ({ faults }) => (faults[kind] === undefined ? '–' : whole(faults[kind])))),
    '',
  ].join('\n');
}

function whole(number) {
  return Math.round(number).toLocaleString('en');
}
