/**
 * Writes a run as Markdown.
 *
 * @param result `{ run, atOnce, looks }`: `looks` are `{ connections, rssKiB }`, after so many
 */
export function reportText({ run, atOnce, looks }) {
  const [first] = looks;
  const last = looks.at(-1);
  const perConnection = ((last.rssKiB - first.rssKiB) * 1_024) / (last.connections - first.connections);
  return [
    '# Connections that came and went',
    '',
    'RSS of the process after a gc, when so many connections have come, joined their room and gone,',
    `${grouped(atOnce)} at once. [How it is measured](../README.md).`,
    '',
    `${run.date}, commit ${run.commit}, Node ${run.node}, ${run.cpu}, ${run.memoryGiB} GiB; \`${run.command}\`.`,
    `Between the first look and the last: ${perConnection.toFixed(2)} bytes a connection.`,
    '',
    '| connections | RSS |',
    '| ---: | ---: |',
    ...looks.map(({ connections, rssKiB }) => `| ${grouped(connections)} | ${(rssKiB / 1_024).toFixed(1)} MiB |`),
    '',
  ].join('\n');
}

function grouped(number) {
  return number.toLocaleString('en');
}
