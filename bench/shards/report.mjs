import { medianOf } from '../throughput/median.mjs';

/**
 * Writes a run as Markdown.
 *
 * @param result `{ run, plan, rounds }`: each round has `{ shards, messagesPerSecond, nodesUs }` for each size, the last
 *   the CPU of each node for one message of all rooms
 */
export function reportText({ run, plan, rounds }) {
  const busiest = (place) => medianOf(rounds.map((sizes) => Math.max(...sizes[place].nodesUs)));
  const all = (place) => medianOf(rounds.map((sizes) => sizes[place].nodesUs.reduce((sum, us) => sum + us, 0)));
  const rate = (place) => medianOf(rounds.map((sizes) => sizes[place].messagesPerSecond));
  const rows = rounds[0].map(({ shards }, place) => [
    String(shards),
    Math.round(rate(place)).toLocaleString('en'),
    `${busiest(place).toFixed(1)} µs`,
    `**${(busiest(0) / busiest(place)).toFixed(2)} ×**`,
    `${all(place).toFixed(1)} µs`,
  ]);
  return [
    '# Shards of a cluster',
    '',
    `CPU of Redis for one message: ${plan.rooms} rooms over two pods, ${plan.inFlight} messages of each in flight, on clusters of one master and`,
    'more. The pods are the limit of the rate here; a cluster takes no more where its busiest node has no CPU left.',
    '[How it is measured](../README.md).',
    '',
    `${run.date}, commit ${run.commit}, Node ${run.node}, ${run.cpu}, ${run.memoryGiB} GiB; \`${run.command}\`. Medians of ${rounds.length}`,
    `rounds in turn, ${plan.seconds} s each. Numbers: [shards.json](shards.json).`,
    '',
    '| shards | messages/s | busiest node | so the cluster takes | all nodes |',
    '| ---: | ---: | ---: | ---: | ---: |',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ].join('\n');
}
